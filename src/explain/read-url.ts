import type { Config } from '../config/config.ts';
import { OutriderError } from '../core/errors.ts';
import type { LiveConfig } from '../compile.ts';
import { readAuthority, type Destination } from '../proxy/destination.ts';
import type { CompiledRoute } from '../proxy/compiled-config.ts';
import type { Candidate } from '../proxy/router.ts';
import { checkTarget, parseAbsolute, type AbsoluteTarget } from '../proxy/target.ts';
import { whyForwarded, whyItWon, whyNone } from './match.ts';

const NAMELESS_HOST = 'localhost';
const LOOPBACK = '127.0.0.1';

/** Whether a URL names the listener; one that takes any free port may have every port. */
function isOurs({ scheme, authority }: AbsoluteTarget, { address }: Config['listen'], { guard }: LiveConfig): boolean {
  if (scheme === 'https' || !('port' in address)) return false;
  const said = Number(/:(\d+)$/.exec(authority)?.[1] ?? 80);
  return guard.isSelf(authority, LOOPBACK, address.port === 0 ? said : address.port);
}

/** How a request comes in. */
export interface UrlEntry {
  readonly host: string;
  /** Origin form. */
  readonly target: string;
  /** Where it wants to go, at a forward door. */
  readonly destination: Destination | undefined;
}

/**
 * How a request for the URL would arrive. With forwarding on, a URL that does not name ourselves is at the forward doors.
 * Throws what the proxy would refuse it with: `bad_request`, `host_denied`, `destination_denied`.
 */
export function readUrl(url: string, { listen }: Config, compiled: LiveConfig): UrlEntry {
  const absolute = parseAbsolute(url);
  const target = absolute?.target ?? url;
  const host = absolute?.authority ?? NAMELESS_HOST;
  if (compiled.forward && absolute && !isOurs(absolute, listen, compiled)) {
    const destination = readAuthority(absolute.authority, absolute.scheme);
    if (!destination) throw new OutriderError('bad_request', { detail: 'the URL names no valid host' });
    checkTarget(target);
    return { host, target, destination };
  }
  const upstream = compiled.routes.find(({ origin, join }) => url.startsWith(origin + join.basePath));
  if (upstream || absolute?.scheme === 'https') {
    const way =
      upstream?.match.path === undefined
        ? ''
        : `; the route "${upstream.name}" goes there: call ${upstream.match.path}`;
    throw new OutriderError('destination_denied', { detail: `this is not an address of the proxy${way}` });
  }
  checkTarget(target);
  compiled.guard.checkHost(host, LOOPBACK);
  return { host, target, destination: undefined };
}

/** What becomes of the CONNECT that most clients send for an `https://` URL. */
export type ConnectFate = 'refused' | 'intercepted' | 'tunnelled';

/** Undefined where none is sent: at the base-URL door, and for `http://`. */
export function connectFate(
  destination: Destination | undefined,
  { forward }: Pick<LiveConfig, 'forward'>,
): ConnectFate | undefined {
  if (!forward || destination?.scheme !== 'https') return undefined;
  if (!forward.isRouted(destination.host, destination.port)) return 'tunnelled';
  return forward.mode === 'intercept' ? 'intercepted' : 'refused';
}

/** The route of a request, and why it is that one. Throws `route_not_found`, `destination_denied`. */
export function choose(
  candidate: Candidate,
  destination: Destination | undefined,
  { router, forward, routes }: LiveConfig,
): { route: CompiledRoute; why: string } {
  if (forward && destination) {
    const route = forward.routeOrRelay(destination, candidate);
    return { route, why: whyForwarded(route, routes, destination, candidate) };
  }
  const route = router.match(candidate);
  if (route) return { route, why: whyItWon(route, routes, candidate) };
  throw new OutriderError('route_not_found', { detail: `no route matches: ${whyNone(routes, candidate)}` });
}
