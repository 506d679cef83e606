import type { Config, RouteMatch } from '../../config/config.ts';
import type { OutriderError } from '../../core/errors.ts';
import { destinationDenied, destinationOfUrl, keyOf, placesOf, type Destination } from '../destination.ts';
import type { ForwardDoor, CompiledRoute, ForwardRequest, StandIn } from '../compiled-config.ts';
import { fits } from '../router.ts';
import type { TokenEndpoints } from '../token-endpoints.ts';

/** A way to a route at the forward doors. Its join is that of a target at the provider's own URL. */
interface Way {
  readonly route: CompiledRoute;
  readonly destination: Destination;
  readonly basePath: string;
  /** The path to which it applies: an api path, or the base path. */
  readonly prefix: string;
  /** Orders the ways with one base path. The highest goes first. */
  readonly rank: number;
  readonly match: RouteMatch;
}

/**
 * The ranks of a route for a path, lowest first: the route has api paths, but none that fits (`REST`); it has none at all
 * (`ALL`); one of its api paths fits (the longer, the higher).
 */
const ALL = 0;
const REST = -1;
const rankOf = (apiPath: string): number => 1 + apiPath.length;

/** So many hosts are named to who asks for another. */
const MAX_NAMED = 20;

/** Whether a path is a base path or lies below it. */
export const leadsTo = (path: string, basePath: string): boolean =>
  path.startsWith(basePath) && (path.length === basePath.length || path.charCodeAt(basePath.length) === 0x2f);

/**
 * Returns how well the api paths of a route fit a path: positive when one fits, 0 when it has none, negative when none fits.
 */
export function apiFit({ apiPaths }: Pick<CompiledRoute, 'apiPaths'>, path: string): number {
  if (apiPaths.length === 0) return ALL;
  return Math.max(REST, ...apiPaths.filter((apiPath) => leadsTo(path, apiPath)).map(rankOf));
}

/** What stands at the base-URL door in front of the path at the upstream. */
const prefixOf = ({ match, join }: CompiledRoute): string => (join.cut > 0 ? (match.path ?? '') : '');

/** The ways to a route by its own upstream, or by a URL that it stands in for. */
function waysOf(route: CompiledRoute, { origin, basePath, apiPaths }: StandIn): readonly Way[] {
  const onward = route.join.basePath;
  const join = basePath === onward ? { cut: 0, basePath: '' } : { cut: basePath.length, basePath: onward };
  const way = {
    route: { ...route, join, doorPath: { cut: basePath.length, basePath: prefixOf(route) } },
    destination: destinationOfUrl(origin),
    basePath,
    match: { ...route.match, hosts: [] },
  };
  return [
    ...apiPaths.map((prefix) => ({ ...way, prefix, rank: rankOf(prefix) })),
    { ...way, prefix: basePath, rank: apiPaths.length === 0 ? ALL : REST },
  ];
}

/** Ways by host and port, at each place the best first. */
function sortWays(all: readonly Way[]): ReadonlyMap<string, readonly Way[]> {
  const places = new Map<string, Way[]>();
  for (const way of all) {
    for (const key of placesOf(way.destination)) places.set(key, [...(places.get(key) ?? []), way]);
  }
  // A stable sort keeps the earlier route in front.
  for (const list of places.values()) list.sort((a, b) => b.basePath.length - a.basePath.length || b.rank - a.rank);
  return places;
}

const bestOf = (ways: readonly Way[] | undefined, request: ForwardRequest): Way | undefined =>
  ways?.find(
    ({ basePath, prefix, match }) =>
      leadsTo(request.path, basePath) && leadsTo(request.path, prefix) && fits(match, request),
  );

/** What an operator wrote goes before what a simulator stands in for, unless its profile is for other paths. */
const prefer = (own: Way | undefined, standIn: Way | undefined): Way | undefined =>
  own && standIn && own.rank === REST && standIn.rank !== REST ? standIn : (own ?? standIn);

/**
/**
 * Compiles the forward doors; undefined when forwarding is off. The route with the longest `upstream` that is a prefix of the
 * URL wins. Among routes with the same `upstream`, the one with the longest fitting `api_paths` of its profile wins, then one
 * whose profile has none, then the earlier one. If none is found, a simulator may stand in: its route takes the URLs of the real
 * API by the same rules. A request in plain HTTP is carried over the route's own scheme, so port 80 leads to a route's port 443.
 * @param relay Makes the route that relays requests without a route to a destination.
 * @param endpoints The token endpoints. Callers may ask for a token by the provider's own URL, even if no route leads there.
 */
export function createForwardDoor(
  { mode, unmatched }: Config['forward'],
  routes: readonly CompiledRoute[],
  relay: (destination: Destination) => CompiledRoute,
  endpoints: Pick<TokenEndpoints, 'hosts' | 'atUrl'> = { hosts: new Set(), atUrl: () => undefined },
): ForwardDoor | undefined {
  if (mode === 'none') return undefined;
  const own = sortWays(routes.flatMap((route) => waysOf(route, { ...route, basePath: route.join.basePath })));
  const standIns = sortWays(
    routes.flatMap((route) => (route.standsInFor ?? []).flatMap((place) => waysOf(route, place))),
  );
  const hostsOf = (origins: readonly { readonly origin: string }[]): string[] =>
    origins.map(({ origin }) => destinationOfUrl(origin).host);
  const places = routes.flatMap(({ standsInFor = [] }) => standsInFor);
  const hosts = new Set<string>([...endpoints.hosts, ...hostsOf(routes), ...hostsOf(places)]);
  const simulators = new Set(hostsOf(routes.filter(({ standsInFor }) => standsInFor)));
  const named = [...hosts].filter((host) => !simulators.has(host)).toSorted();

  const routeFor: ForwardDoor['routeFor'] = (destination, request) => {
    const key = keyOf(destination);
    return prefer(bestOf(own.get(key), request), bestOf(standIns.get(key), request))?.route;
  };
  const denied = (destination: Destination): OutriderError => {
    const key = keyOf(destination);
    const paths = [...(own.get(key) ?? []), ...(standIns.get(key) ?? [])].map(({ basePath }) => basePath || '/');
    const known = paths.length > 0 ? [...new Set(paths)].toSorted() : named;
    const what = paths.length > 0 ? 'Routed paths of this host' : 'Routed hosts';
    const list = known.length > MAX_NAMED ? [...known.slice(0, MAX_NAMED), '…'] : known;
    return destinationDenied(
      'no route leads there',
      list.length === 0
        ? undefined
        : `${what}: ${list.join(', ')}. Add a route for this destination, or use a base URL of this proxy.`,
    );
  };

  return {
    mode,
    letsUnmatchedThrough: unmatched === 'tunnel',
    hosts,
    isRouted(host, port) {
      const key = keyOf({ host, port });
      return own.has(key) || standIns.has(key) || endpoints.atUrl({ host, port }) !== undefined;
    },
    isRoutedFor(caller, host, port) {
      const key = keyOf({ host, port });
      const ways = [...(own.get(key) ?? []), ...(standIns.get(key) ?? [])];
      return (
        ways.some(({ route }) => caller.mayUseRoute(route.name)) ||
        endpoints.atUrl({ host, port })?.providers.some((provider) => caller.mayUseProvider(provider)) === true
      );
    },
    denied,
    routeFor,
    routeOrRelay(destination, request) {
      const found = routeFor(destination, request);
      if (found) return found;
      if (unmatched === 'tunnel') return relay(destination);
      throw denied(destination);
    },
  };
}
