import type { Config, RouteMatch } from '../../config/config.ts';
import { destinationDenied, destinationOfUrl, originOfDestination, type Destination } from '../destination.ts';
import type { ForwardDoor, CompiledRoute } from '../compiled-config.ts';
import { fits } from '../router.ts';
import type { TokenEndpoints } from '../token-endpoints.ts';

/** A route at the forward doors. There the target is the provider's own, so nothing is cut off or put in front. */
interface Way {
  readonly route: CompiledRoute;
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

const keyOf = (host: string, port: number): string => `${host}:${port}`;

const leadsTo = (path: string, basePath: string): boolean =>
  path.startsWith(basePath) && (path.length === basePath.length || path.charCodeAt(basePath.length) === 0x2f);

/**
 * Returns how well the api paths of a route fit a path: positive when one fits, 0 when it has none, negative when none fits.
 */
export function apiFit({ apiPaths }: Pick<CompiledRoute, 'apiPaths'>, path: string): number {
  if (apiPaths.length === 0) return ALL;
  return Math.max(REST, ...apiPaths.filter((apiPath) => leadsTo(path, apiPath)).map(rankOf));
}

function* waysOf(route: CompiledRoute): Generator<Way> {
  const { basePath } = route.join;
  const asItIs = { ...route, join: { cut: 0, basePath: '' } };
  const way = { route: asItIs, basePath, match: { ...route.match, hosts: [] } };
  for (const prefix of route.apiPaths) yield { ...way, prefix, rank: rankOf(prefix) };
  yield { ...way, prefix: basePath, rank: route.apiPaths.length === 0 ? ALL : REST };
}

/**
 * Compiles the forward doors; undefined when forwarding is off. The route with the longest `upstream` that is a prefix of the
 * URL wins. Among routes with the same `upstream`, the one with the longest fitting `api_paths` of its profile wins, then one
 * whose profile has none, then the earlier one. A request in plain HTTP is carried over the route's own scheme, so port 80
 * leads to a route's port 443.
 * @param relay Makes the route that relays requests without a route to a destination.
 * @param endpoints The token endpoints. Callers may ask for a token by the provider's own URL, even if no route leads there.
 */
export function createForwardDoor(
  { mode, unmatched }: Config['forward'],
  routes: readonly CompiledRoute[],
  relay: (destination: Destination) => CompiledRoute,
  endpoints: TokenEndpoints = { hosts: new Set(), at: () => undefined },
): ForwardDoor | undefined {
  if (mode === 'none') return undefined;
  const ways = new Map<string, Way[]>();
  const hosts = new Set<string>(endpoints.hosts);
  const add = (key: string, way: Way): void => void ways.set(key, [...(ways.get(key) ?? []), way]);
  for (const route of routes) {
    const { scheme, host, port } = destinationOfUrl(route.origin);
    hosts.add(host);
    for (const way of waysOf(route)) {
      add(keyOf(host, port), way);
      if (scheme === 'https' && port === 443) add(keyOf(host, 80), way);
    }
  }
  // A stable sort keeps the earlier route in front.
  for (const list of ways.values()) list.sort((a, b) => b.basePath.length - a.basePath.length || b.rank - a.rank);

  const routeFor: ForwardDoor['routeFor'] = (destination, request) =>
    ways
      .get(keyOf(destination.host, destination.port))
      ?.find(
        ({ basePath, prefix, match }) =>
          leadsTo(request.path, basePath) && leadsTo(request.path, prefix) && fits(match, request),
      )?.route;

  return {
    mode,
    letsUnmatchedThrough: unmatched === 'tunnel',
    hosts,
    isRouted: (host, port) => ways.has(keyOf(host, port)) || endpoints.at({ host, port }) !== undefined,
    routeFor,
    routeOrRelay(destination, request) {
      const found = routeFor(destination, request);
      if (found) return found;
      if (unmatched === 'tunnel') return relay(destination);
      throw destinationDenied(`no route leads to ${originOfDestination(destination)}${request.path}`);
    },
  };
}
