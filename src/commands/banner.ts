import { SIMULATOR } from '../core/simulator.ts';
import type { Config, RouteConfig } from '../config/config.ts';
import type { Started } from '../app.ts';
import type { Example } from '../simulator/simulator.ts';
import { examples } from '../simulator/simulator.ts';
import { VERSION } from '../core/version.ts';
import { isSecretKey } from '../observe/redact.ts';
import { redactText } from './redact-text.ts';
import { columns, shellQuote } from './output.ts';

const ANY_HOST: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '[::]': '[::1]' };

/** The origin that a caller on this machine uses, and the arguments that curl needs for a Unix socket. */
function callable(origin: string, scheme: 'http' | 'https'): { origin: string; words: readonly string[] } {
  if (origin.startsWith('unix:')) return { origin: `${scheme}://localhost`, words: ['--unix-socket', origin.slice(5)] };
  const { hostname, port } = new URL(origin);
  return { origin: `${scheme}://${ANY_HOST[hostname] ?? hostname}:${port}`, words: [] };
}

/** A request that the route's simulator answers with success. Undefined when the route leads elsewhere. */
function exampleFor(route: RouteConfig, config: Config): Example | undefined {
  const provider = route.provider === undefined ? undefined : config.providers.get(route.provider);
  // At a real provider the request could move money. And an example fits only a route to the root of the simulator's API.
  if (provider?.environment !== 'simulator' || route.upstream !== undefined || !route.stripPrefix) return undefined;
  const kind = Object.values(provider.profile.environments[SIMULATOR] ?? {})[0]?.split('/')[1] ?? '';
  const { methods } = route.match;
  return examples(kind).find(({ method }) => methods.length === 0 || methods.includes(method));
}

/** One `curl` line, ready to paste. It holds no secret. Undefined for a route without a path. */
export function curlLine(route: RouteConfig, config: Config, listenerOrigin: string): string | undefined {
  const { path, hosts, headers } = route.match;
  if (path === undefined) return undefined;
  const example = exampleFor(route, config);
  const { origin, words } = callable(listenerOrigin, config.listen.tls ? 'https' : 'http');
  const method = example?.method ?? (route.match.methods.includes('GET') ? 'GET' : (route.match.methods[0] ?? 'GET'));
  const header = (name: string, value: string): string[] => ['-H', `${name}: ${value}`];
  const line = [
    'curl',
    ...words,
    ...(method === 'GET' || (method === 'POST' && example?.body !== undefined) ? [] : ['-X', method]),
    `${origin}${path === '/' ? '' : path}${example?.path ?? (path === '/' ? '/' : '')}`,
    ...(hosts[0] === undefined ? [] : header('Host', hosts[0])),
    ...[...headers].flatMap(([name, value]) =>
      header(name, isSecretKey(name) || redactText(value) !== value ? '…' : value),
    ),
    ...Object.entries(example?.headers ?? {}).flatMap(([name, value]) => header(name, value)),
    ...(example?.body === undefined ? [] : ['-d', example.body]),
  ].map(shellQuote);
  // The token itself is never printed. The shell inserts it.
  if (config.listen.accessTokens.length > 0 || config.callers)
    line.push('-H', '"X-Outrider-Token: $OUTRIDER_ACCESS_TOKEN"');
  return line.join(' ');
}

/** The text that `start` prints when it listens: the addresses, and one `curl` line for each route with a path. */
export function banner(config: Config, { origin, adminOrigin, simulatorOrigin, callbacksOrigin }: Started): string {
  const addresses = columns([
    ['  proxy', origin],
    ['  admin', adminOrigin && `${adminOrigin}  (the page; /livez, /readyz, /metrics)`],
    ['  callbacks', callbacksOrigin && `${callbacksOrigin}  (${config.callbacks.map(({ path }) => path).join(', ')})`],
    ['  simulator', simulatorOrigin],
    ['  control', simulatorOrigin && `curl -X POST ${simulatorOrigin}/_control/revoke`],
    ['  config', config.file],
  ]);
  const lines = config.routes.flatMap((route) => {
    const line = curlLine(route, config, origin);
    return line === undefined ? [] : [`  # ${route.name}`, `  ${line}`];
  });
  const calls = lines.length === 0 ? '' : `\nTry it:\n${lines.join('\n')}\n`;
  return `outrider ${VERSION} is running\n\n${addresses}${calls}\n`;
}
