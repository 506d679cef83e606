import { basePathOf } from '../../core/path.ts';
import { wholeApiPaths } from './api-paths.ts';
import type { RouteConfig, RouteMatch } from '../config.ts';
import type { Problems } from '../diagnostics/problems.ts';
import type { ReadProvider } from './providers.ts';
import type { ReadRoute } from './routes.ts';
import { find, nearest } from '../yaml/tree.ts';

/** With more headers than that only the most obvious rivals are looked for. */
const MAX_HEADERS = 6;

const asKey = (parts: readonly string[]): string => JSON.stringify(parts);

/** A part of the URLs of one host and port for which a route stands. As in proxy/forward-door.ts, where requests are routed by them. */
interface Way {
  readonly route: RouteConfig;
  /** Host and port. */
  readonly origin: string;
  readonly basePath: string;
  /** The path below which it can win: an api path, or the base path. */
  readonly below: string;
  /** Of ways with one base path the one with the highest goes first. */
  readonly rank: number;
}

/**
 * Warns of routes that never win at the forward doors (`shadowed_upstream`): the longest upstream wins there, of several with the
 * same the longest of their profiles' `api_paths`, then the earlier; `match.path` and `match.hosts` count for nothing.
 *
 * A route is lost when each of its ways is: others that go first take its methods and headers at that path or above. Those that
 * begin further below always leave something.
 */
export function checkShadows(
  routes: readonly ReadRoute[],
  providers: ReadonlyMap<string, ReadProvider>,
  problems: Problems,
): void {
  const judged = routes.filter(({ node }) => !problems.isBrokenBelow(find(node, 'match')));
  const ways = judged.flatMap(({ route }) => waysOf(route, providers));
  // A stable sort keeps the earlier route in front.
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

/** A path and all that it lies below: `/a/b`, `/a`, and the empty one. */
function atOrAbove(path: string): string[] {
  const ends = [...path.matchAll(/\//g)].map(({ index }) => index);
  return [...ends, path.length].map((end) => path.slice(0, end));
}

/** The ways to a route. None while its provider is not understood. */
function waysOf(route: RouteConfig, providers: ReadonlyMap<string, ReadProvider>): Way[] {
  const { upstream, provider: name } = route;
  const provider = name === undefined ? undefined : providers.get(name);
  if (name !== undefined && provider?.config === undefined) return [];
  const urlOf = (url: string | undefined): string | undefined =>
    // The simulator has a place of its own for each provider.
    url?.startsWith('/') ? `http://${encodeURIComponent(name ?? '')}.simulator.localhost${url}` : url;
  const api = urlOf(provider?.endpoints['api']);
  const url = upstream ?? api;
  if (url === undefined) return [];
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/\.$/, '');
  const usual = protocol === 'https:' ? '443' : '80';
  // What is asked for in plain HTTP is carried over TLS where the route wants it.
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

/** What lies below both of two paths; undefined when nothing does. */
function deeperOf(one: string, other: string): string | undefined {
  const [short, long] = one.length <= other.length ? [one, other] : [other, one];
  return `${long}/`.startsWith(`${short}/`) ? long : undefined;
}

/** What the routes of one place have taken so far. */
class Taken {
  /** By the headers that they want, then by the method. */
  readonly #byHeaders = new Map<string, Map<string, RouteConfig>>();

  add(route: RouteConfig): void {
    const { headers, methods } = route.match;
    const key = asKey(sorted(headers).flat());
    let byMethod = this.#byHeaders.get(key);
    if (!byMethod) this.#byHeaders.set(key, (byMethod = new Map<string, RouteConfig>()));
    for (const method of methods.length > 0 ? methods : ['*']) if (!byMethod.has(method)) byMethod.set(method, route);
  }

  /** Who takes requests with exactly these headers, by the method. */
  with(headers: readonly Header[]): ReadonlyMap<string, RouteConfig> | undefined {
    return this.#byHeaders.get(asKey(headers.flat()));
  }
}

/** The routes that together leave nothing to one that comes after them; undefined when something is left. */
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

/** Every choice of some headers, in their order: a route that wants fewer of them matches all the more. */
function subsets(headers: readonly Header[]): readonly (readonly Header[])[] {
  if (headers.length > MAX_HEADERS) return [[], headers];
  return headers.reduce<readonly (readonly Header[])[]>(
    (all, header) => [...all, ...all.map((some) => [...some, header])],
    [[]],
  );
}
