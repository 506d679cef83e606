import type { ReplayConfig, RouteConfig, RouteMatch, Timeouts } from '../config.ts';
import type { Problems } from '../diagnostics/problems.ts';
import { isLoopback } from './listening.ts';
import { SIMULATOR } from '../../core/simulator.ts';
import type { ReadProvider } from './providers.ts';
import type { RouteData } from '../schema.ts';
import { didYouMean } from '../diagnostics/suggest.ts';
import { ChildLocation, find, nearest, type ListNode, type Node } from '../yaml/tree.ts';
import { unbracket } from '../../core/authority.ts';
import { isToken } from '../../core/headers.ts';
import { isOurHeader } from '../schema/values.ts';
import { checkSignedAnswer } from './signed-answer.ts';

/** What a route takes over from the whole config when it gives no value of its own, and what it is checked against. */
export interface RouteDefaults {
  readonly timeouts: Timeouts;
  readonly replay: ReplayConfig;
  readonly scrub: RouteConfig['scrub'];
  readonly providers: ReadonlyMap<string, ReadProvider>;
  /** The names in the file, also of providers that could not be read. */
  readonly providerNames: readonly string[];
  /** Whether every route needs a path. That is so when the base-URL door is the only one. */
  readonly needsPath: boolean;
}

/** A route with its node. Its values may be incomplete when something is wrong with it. */
export interface ReadRoute {
  readonly route: RouteConfig;
  readonly node: Node;
}

/**
 * Checks the routes and completes them by the defaults. Whether a route can win is checked in `reach.ts` and `shadow.ts`.
 * Reports `unknown_provider`, `missing_upstream`, `simulator_remote_upstream`, `missing_key`, `invalid_value`, `duplicate_key`,
 * `duplicate_name` and `unused_key`.
 */
export function readRoutes(
  list: ListNode | undefined,
  data: readonly (RouteData | undefined)[],
  defaults: RouteDefaults,
  problems: Problems,
): ReadRoute[] {
  const names = takenNames(list, data, problems);
  const routes: ReadRoute[] = [];
  for (const [index, route] of data.entries()) {
    const node = list?.items[index];
    if (route === undefined || node === undefined) continue;
    routes.push({ route: readRoute(node, route, names, defaults, problems), node });
  }
  return routes;
}

/** The names in the file. Reports a name that two routes have (`duplicate_name`). */
function takenNames(
  list: ListNode | undefined,
  data: readonly (RouteData | undefined)[],
  problems: Problems,
): Set<string> {
  const names = new Set<string>();
  for (const [index, route] of data.entries()) {
    const node = list?.items[index];
    if (route?.name === undefined || node === undefined) continue;
    if (names.has(route.name)) {
      problems.error(
        'duplicate_name',
        nearest(node, 'name'),
        `a route before is called "${route.name}" too`,
        'give each route a name of its own',
      );
    }
    names.add(route.name);
  }
  return names;
}

function readRoute(
  node: Node,
  data: RouteData,
  names: Set<string>,
  defaults: RouteDefaults,
  problems: Problems,
): RouteConfig {
  const provider = readProviderOf(node, data, defaults, problems);
  const match = readMatch(node, data, defaults, problems);
  if (data.answer === 'signed') checkSignedAnswer(node, data, provider, problems);
  if (data.websocket && match.methods.length > 0 && !match.methods.includes('GET')) {
    problems.warning(
      'unused_key',
      nearest(node, 'websocket'),
      'a WebSocket begins with a GET, and `match.methods` has none',
      'add GET to `match.methods`, or leave `websocket` out',
    );
  }
  return {
    name: data.name ?? defaultName(data, names),
    match,
    provider: data.provider,
    upstream: readUpstream(node, data, provider, problems),
    stripPrefix: data.stripPrefix,
    headers: readHeaders(node, data.headers, problems),
    timeouts: { ...defaults.timeouts, ...given(data.timeouts) },
    replay: data.replay === false ? false : { ...defaults.replay, ...given(data.replay) },
    scrub: data.scrub ?? defaults.scrub,
    websocket: data.websocket && data.answer !== 'signed',
    answer: data.answer,
  };
}

/** The entries of a section that have a value. */
const given = <T extends object>(section: T | undefined): { [K in keyof T]?: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(section ?? {}).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };

/** The provider's name, or the path without a provider. If that is taken, the name has both. `names` gets the new name. */
function defaultName({ provider, match }: RouteData, names: Set<string>): string {
  const path = match?.path ?? '/';
  const wanted = provider ?? path;
  const name = names.has(wanted) ? `${provider ?? ''}${path}` : wanted;
  names.add(name);
  return name;
}

function readProviderOf(
  node: Node,
  data: RouteData,
  { providers, providerNames }: RouteDefaults,
  problems: Problems,
): ReadProvider | undefined {
  if (data.provider === undefined) return undefined;
  const provider = providers.get(data.provider);
  if (provider === undefined && !providerNames.includes(data.provider)) {
    const help = didYouMean(data.provider, providerNames, 'providers');
    problems.error('unknown_provider', nearest(node, 'provider'), `no provider is called "${data.provider}"`, help);
  }
  return provider;
}

function readUpstream(
  node: Node,
  data: RouteData,
  provider: ReadProvider | undefined,
  problems: Problems,
): string | undefined {
  if (data.upstream !== undefined) {
    const message = 'the simulator stands in for the provider, and this route leads to another machine';
    checkSimulated(data.upstream, nearest(node, 'upstream'), provider, message, problems);
    return data.upstream;
  }
  if (problems.isReported(find(node, 'upstream')) || problems.isReported(find(node, 'provider'))) return undefined;
  const place = new ChildLocation(node, 'upstream');
  if (data.provider === undefined) {
    problems.error(
      'missing_upstream',
      place,
      'the route has neither a provider nor an upstream',
      'add `upstream: https://…`',
    );
    return undefined;
  }
  if (provider === undefined) return undefined;
  const api = provider.endpoints['api'];
  if (api === undefined) {
    if (!provider.isUnderstood || problems.isReported(provider.apiPlace)) return undefined;
    const where = provider.environment === undefined ? '' : ` in ${provider.environment}`;
    problems.error(
      'missing_upstream',
      place,
      `the address of the API of "${provider.name}"${where} is not known`,
      `set \`upstream\` here, or \`providers.${provider.name}.endpoints.api\``,
    );
    return undefined;
  }
  if (api.startsWith('/')) return undefined;
  if (api.includes('?')) {
    problems.error(
      'invalid_value',
      place,
      `the endpoint \`api\` of "${provider.name}" has a query`,
      'set `upstream` here',
    );
    return undefined;
  }
  const message = 'the simulator stands in for the provider, and its requests go to another machine';
  checkSimulated(api, provider.apiPlace ?? node, provider, message, problems);
  return api.replace(/\/$/, '');
}

/** Warns when requests with a simulator's token or signature would go to another machine. */
function checkSimulated(
  url: string,
  place: Node,
  provider: ReadProvider | undefined,
  message: string,
  problems: Problems,
): void {
  if (provider?.environment !== SIMULATOR) return;
  const isRemote = (text: string): boolean => {
    const { hostname } = new URL(text);
    return !isLoopback({ host: unbracket(hostname).replace(/\.$/, ''), port: 0 });
  };
  const { token } = provider.endpoints;
  // A token from another endpoint is not the simulator's.
  const isReal = provider.config?.profile.token !== undefined && token !== undefined && !token.startsWith('/');
  if (!isRemote(url) || (isReal && isRemote(token))) return;
  const help = 'leave it out, or choose a real `environment` for the provider';
  problems.warning('simulator_remote_upstream', place, message, help);
}

function readMatch(
  node: Node,
  { match, answer }: RouteData,
  { needsPath }: RouteDefaults,
  problems: Problems,
): RouteMatch {
  // A signed request goes back to its caller, so the forward doors have no such routes.
  if (
    (needsPath || answer === 'signed') &&
    match?.path === undefined &&
    !problems.isReported(find(node, 'match')) &&
    !problems.isReported(find(node, 'match', 'path'))
  ) {
    const at = nearest(node, 'match');
    const place = new ChildLocation(at === node ? new ChildLocation(node, 'match') : at, 'path');
    problems.error('missing_key', place, 'the route has no path to match', 'add `match: { path: /name }`');
  }
  const headers = new Map<string, string>();
  for (const [name, value] of namedHeaders(find(node, 'match', 'headers'), match?.headers, problems))
    headers.set(name.toLowerCase(), value);
  return {
    path: match?.path,
    methods: [...new Set(match?.methods)],
    hosts: [...new Set(match?.hosts)],
    headers,
  };
}

function readHeaders(node: Node, data: RouteData['headers'], problems: Problems): RouteConfig['headers'] {
  const set = new Map<string, string>();
  const place = find(node, 'headers', 'set');
  for (const [name, value] of namedHeaders(place, data?.set, problems)) {
    if (isOurHeader(name.toLowerCase())) reportOurs(name, nearest(node, 'headers', 'set', name), problems);
    set.set(name, value);
  }
  const remove = find(node, 'headers', 'remove');
  for (const item of remove?.kind === 'list' ? remove.items : []) {
    if (item.kind === 'scalar' && isOurHeader(item.text.toLowerCase())) reportOurs(item.text, item, problems);
  }
  return { set, remove: [...new Set(data?.remove)] };
}

function reportOurs(name: string, place: Node, problems: Problems): void {
  problems.error(
    'invalid_value',
    place,
    `"${name}" belongs to the connection, a route can't change it`,
    'leave it out',
  );
}

/** The headers with their values. Reports a wrong name (`invalid_value`), and a name in two spellings (`duplicate_key`). */
function* namedHeaders(
  node: Node | undefined,
  data: Readonly<Record<string, string | undefined>> | undefined,
  problems: Problems,
): Generator<readonly [string, string]> {
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(data ?? {})) {
    const place = (node?.kind === 'map' && node.keys.get(name)) || node;
    const lower = name.toLowerCase();
    if (place && !isToken(name)) problems.error('invalid_value', place, `"${name}" is not a header name`);
    else if (place && seen.has(lower))
      problems.error('duplicate_key', place, `"${name}" stands twice`, 'header names have no case');
    seen.add(lower);
    if (value !== undefined) yield [name, value];
  }
}
