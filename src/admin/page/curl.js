/** @import { RequestEntry, Status } from '../schemas.ts' */

/** @typedef {Pick<RequestEntry, 'method' | 'path' | 'door' | 'destination'>} Asked */

/** One word for a POSIX shell, whatever is in it. @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * What the caller asked for, without its query, which is not kept: a path at the base URL, else a whole URL. A CONNECT asks for nothing
 * yet, so a GET of the host's first page stands for it.
 * @param {Asked} request
 */
export const askedFor = ({ method, path, door, destination }) =>
  door === 'connect' ? { method: 'GET', url: `https://${path}/` } : { method, url: (destination ?? '') + path };

/**
 * A command that sends the request again, through the proxy, which puts its credential on. The query, the headers and the body are
 * not kept, so they are not in it.
 * @param {Asked} request
 * @param {Status['listeners']['proxy']} proxy
 */
export function curlOf(request, proxy) {
  const { method, url } = askedFor(request);
  const socket = proxy.startsWith('unix:') ? proxy.slice('unix:'.length) : undefined;
  const origin = socket === undefined ? proxy : 'http://localhost';
  const words = ['curl', '-i', '--path-as-is'];
  if (method === 'HEAD') words.push('--head');
  else if (method !== 'GET') words.push('-X', quoted(method));
  if (socket !== undefined) words.push('--unix-socket', quoted(socket));
  if (url.startsWith('/')) return [...words, quoted(origin + url)].join(' ');
  // curl has no way to a proxy at a Unix socket, so the target is said as a proxy gets it.
  const asProxy =
    socket === undefined ? ['-x', quoted(origin), quoted(url)] : ['--request-target', quoted(url), origin];
  return [...words, ...asProxy].join(' ');
}
