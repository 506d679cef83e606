import { basePathOf } from '../../core/path.ts';
import { wholeApiPaths } from './api-paths.ts';
import type { RouteConfig, RouteMatch } from '../config.ts';
import type { Problems } from '../diagnostics/problems.ts';
import type { ReadProvider } from './providers.ts';
import type { ReadRoute } from './routes.ts';
import { find, nearest } from '../yaml/tree.ts';

/** The number of subsets doubles with each header. With more headers, only routes with none or with the same are compared. */
const MAX_HEADERS = 6;

const asKey = (parts: readonly string[]): string => JSON.stringify(parts);

/** A part of the URLs of one host and port that leads to a route. proxy/doors/forward.ts routes requests by the same rules. */
interface Way {
  readonly route: RouteConfig;
  /** Host and port, as one key. */
  readonly origin: string;
  readonly basePath: string;
  /** The path below which the route can win: an api path, or the base path. */
  readonly below: string;
  /** Of several ways with the same base path, the highest rank wins. */
  readonly rank: number;
}

/**
 * Warns of routes that never win at the forward doors (`shadowed_upstream`). There the longest upstream wins. Of several with
 * the same upstream, the longest of their profiles' `api_paths` wins, then the earlier route. `match.path` and `match.hosts`
 * don't count.
 *
 * A route never wins when each of its ways is taken by ways that come first. A way is taken when ways at the same path or above
 * it have all of its methods and headers. Ways that begin further below don't matter: they always leave something.
 */
export function checkShadows(
  routes: readonly ReadRoute[],
  providers: ReadonlyMap<string, ReadProvider>,
  problems: Problems,
): void {
  const judged = routes.filter(({ node }) => !problems.isBrokenBelow(find(node, 'match')));
  const ways = judged.flatMap(({ route }) => waysOf(route, providers));
  // The sort is stable: of equal ways, that of the earlier route stays in front.
  ways.sort((a, b) => b.basePath.length - a.basePath.length || b.rank - a.rank);
  const taken = new Map<string, Taken>();
  const winnersOver = new Map<RouteConfig, Set<RouteConfig>>();
  const alive = new Set<RouteConfig>();
  for (const { route, origin, below } of ways) {
    const rivals = atOrAbove(below).flatMap((path) => taken.get(asKey([origin, path])) ?? []);
    const winners = winnersAmong(rivals, route.match);
    if (winners) {
      winnersOver.set(route, new Set([...(winnersOver.get(route) ?? []), ...winners]));
      continue;
    }
    alive.add(route);
    const key = asKey([origin, below]);
    let here = taken.get(key);
    if (!here) taken.set(key, (here = new Taken()));
    here.add(route);
  }
  for (const { route, node } of judged) {
    const winners = winnersOver.get(route);
    if (!winners || alive.has(route)) continue;
    const names = [...winners].map(({ name }) => `"${name}"`).join(', ');
    problems.warning(
      'shadowed_upstream',
      nearest(node, 'upstream'),
      `the route "${route.name}" never wins at the forward doors: its upstream is taken by ${names} before it`,
      'put it before those with the same upstream, or tell them apart by `methods` or `headers`: a path and hosts count at the base-URL door alone',
    );
  }
}

/** A path and all paths above it: `/a/b`, `/a`, and the empty one. */
function atOrAbove(path: string): string[] {
  const ends = [...path.matchAll(/\//g)].map(({ index }) => index);
  return [...ends, path.length].map((end) => path.slice(0, end));
}

/** The ways to a route. None when something is wrong with its provider. */
function waysOf(route: RouteConfig, providers: ReadonlyMap<string, ReadProvider>): Way[] {
  const { upstream, provider: name } = route;
  const provider = name === undefined ? undefined : providers.get(name);
  if (name !== undefined && provider?.config === undefined) return [];
  const urlOf = (url: string | undefined): string | undefined =>
    // A path is served by the simulator, which has a base path of its own for each provider.
    url?.startsWith('/') ? `http://${encodeURIComponent(name ?? '')}.simulator.localhost${url}` : url;
  const api = urlOf(provider?.endpoints['api']);
  const url = upstream ?? api;
  if (url === undefined) return [];
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/\.$/, '');
  const usual = protocol === 'https:' ? '443' : '80';
  // A caller may ask for it over plain HTTP, too: the route then carries the request over TLS.
  const ports = protocol === 'https:' && port === '' ? ['443', '80'] : [port || usual];
  const paths = wholeApiPaths(provider?.config?.profile.apiPaths ?? [], url, api);
  const basePath = basePathOf(url);
  const all = [
    ...paths.map((path) => ({ below: deeperOf(basePath, path), rank: 1 + path.length })),
    { below: basePath, rank: paths.length > 0 ? -1 : 0 },
  ];
  return ports.flatMap((each) =>
    all.flatMap(({ below, rank }) =>
      below === undefined ? [] : { route, origin: asKey([host, each]), basePath, below, rank },
    ),
  );
}

/** The deeper one of two paths, if it lies below the other. Undefined when nothing lies below both. */
function deeperOf(one: string, other: string): string | undefined {
  const [short, long] = one.length <= other.length ? [one, other] : [other, one];
  return `${long}/`.startsWith(`${short}/`) ? long : undefined;
}

/** What routes at one origin and path have taken so far. */
class Taken {
  /** Headers that a route wants (as a key) → method → route. */
  readonly #byHeaders = new Map<string, Map<string, RouteConfig>>();

  add(route: RouteConfig): void {
    const { headers, methods } = route.match;
    const key = asKey(sorted(headers).flat());
    let byMethod = this.#byHeaders.get(key);
    if (!byMethod) this.#byHeaders.set(key, (byMethod = new Map<string, RouteConfig>()));
    for (const method of methods.length > 0 ? methods : ['*']) if (!byMethod.has(method)) byMethod.set(method, route);
  }

  /** The routes that want exactly these headers, by method. `*` stands for all methods. */
  with(headers: readonly Header[]): ReadonlyMap<string, RouteConfig> | undefined {
    return this.#byHeaders.get(asKey(headers.flat()));
  }
}

/** The routes that together take everything from a route that comes after them. Undefined when something is left for it. */
function winnersAmong(places: readonly Taken[], { headers, methods }: RouteMatch): readonly RouteConfig[] | undefined {
  if (places.length === 0) return undefined;
  const rivals = subsets(sorted(headers)).flatMap((some) => places.flatMap((place) => place.with(some) ?? []));
  const winners = (methods.length > 0 ? methods : ['*']).map((method) =>
    rivals.map((rival) => rival.get('*') ?? rival.get(method)).find((winner) => winner !== undefined),
  );
  return winners.includes(undefined) ? undefined : (winners as RouteConfig[]);
}

type Header = readonly [name: string, value: string];

const sorted = (headers: ReadonlyMap<string, string>): readonly Header[] =>
  [...headers].toSorted(([a], [b]) => (a < b ? -1 : 1));

/** All subsets of some headers, in their order. A route that wants fewer headers matches at least the same requests. */
function subsets(headers: readonly Header[]): readonly (readonly Header[])[] {
  if (headers.length > MAX_HEADERS) return [[], headers];
  return headers.reduce<readonly (readonly Header[])[]>(
    (all, header) => [...all, ...all.map((some) => [...some, header])],
    [[]],
  );
}
