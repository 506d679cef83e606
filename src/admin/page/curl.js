/** @import { RequestEntry, Status } from '../schemas.ts' */

/** One word for a POSIX shell, whatever is in it. @param {string} text */
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * A command that sends the request again, through the proxy, which puts its credential on. The query, the headers and the body are
 * not kept, so they are not in it.
 * @param {Pick<RequestEntry, 'method' | 'path'>} request
 * @param {Status['listeners']['proxy']} proxy
 */
export function curlOf({ method, path }, proxy) {
  const socket = proxy.startsWith('unix:') ? proxy.slice('unix:'.length) : undefined;
  const words = ['curl', '-i', '--path-as-is'];
  if (method === 'HEAD') words.push('--head');
  else if (method !== 'GET') words.push('-X', quoted(method));
  if (socket !== undefined) words.push('--unix-socket', quoted(socket));
  return [...words, quoted((socket === undefined ? proxy : 'http://localhost') + path)].join(' ');
}
