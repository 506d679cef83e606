import type { Config } from '../config/config.ts';
import { destinationDenied, destinationOfUrl, originOfDestination, type Destination } from './destination.ts';
import type { ForwardDoor, Lane } from './lane.ts';
import { fits } from './router.ts';

/** A lane as the forward doors see it: the target is the provider's own already. */
interface Way {
  readonly lane: Lane;
  readonly basePath: string;
}

const keyOf = (host: string, port: number): string => `${host}:${port}`;

const leadsTo = (path: string, basePath: string): boolean =>
  path.startsWith(basePath) && (path.length === basePath.length || path.charCodeAt(basePath.length) === 0x2f);

/**
 * Compiles the forward doors: the longest `upstream` that is a prefix of the URL wins, then the earlier route. What is
 * asked for in plain HTTP is carried over the route's own scheme, so port 80 leads to a route's port 443 too.
 * @param relay Makes the lane that carries requests without a route to an origin.
 */
export function createForwardDoor(
  { mode, unmatched }: Config['forward'],
  lanes: readonly Lane[],
  relay: (destination: Destination) => Lane,
): ForwardDoor | undefined {
  if (mode === 'none') return undefined;
  const ways = new Map<string, Way[]>();
  const hosts = new Set<string>();
  const add = (key: string, way: Way): void => void ways.set(key, [...(ways.get(key) ?? []), way]);
  for (const lane of lanes) {
    const { scheme, host, port } = destinationOfUrl(lane.origin);
    const { basePath } = lane.join;
    const way = { lane: { ...lane, join: { cut: 0, basePath: '' } }, basePath };
    hosts.add(host);
    add(keyOf(host, port), way);
    if (scheme === 'https' && port === 443) add(keyOf(host, 80), way);
  }
  // A stable sort keeps the earlier route in front.
  for (const list of ways.values()) list.sort((a, b) => b.basePath.length - a.basePath.length);

  return {
    mode,
    letsUnmatchedThrough: unmatched === 'tunnel',
    hosts,
    isRouted: (host, port) => ways.has(keyOf(host, port)),
    laneFor(destination, request) {
      const found = ways
        .get(keyOf(destination.host, destination.port))
        ?.find(({ lane, basePath }) => leadsTo(request.path, basePath) && fits({ ...lane.match, hosts: [] }, request));
      if (found) return found.lane;
      if (unmatched === 'tunnel') return relay(destination);
      throw destinationDenied(`no route leads to ${originOfDestination(destination)}${request.path}`);
    },
  };
}
