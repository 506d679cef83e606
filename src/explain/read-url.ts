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

/** Whether a URL names our listener. If it takes any free port (0), every port counts as its own. */
function isOurs(absolute: AbsoluteTarget, { address }: Config['listen'], { guard }: LiveConfig): boolean {
  if (!('port' in address)) return false;
  const said = Number(/:(\d+)$/.exec(absolute.authority)?.[1] ?? (absolute.scheme === 'https' ? 443 : 80));
  return guard.isSelf(absolute, LOOPBACK, address.port === 0 ? said : address.port);
}

/** How a request arrives. */
export interface UrlEntry {
  /** The value of the `Host` header. */
  readonly host: string;
  /** The target in origin form (RFC 9112 §3.2.1). */
  readonly target: string;
  /** Where the request wants to go. Undefined at the base-URL door. */
  readonly destination: Destination | undefined;
}

/**
 * How a request for the URL would arrive. With a forward mode, a URL that is not our own arrives at the forward doors.
 * Throws the error that the proxy would refuse it with: `bad_request`, `host_denied`, `destination_denied`.
 */
export function readUrl(url: string, { listen }: Config, compiled: LiveConfig): UrlEntry {
  const absolute = parseAbsolute(url);
  const target = absolute?.target ?? url;
  const host = absolute?.authority ?? NAMELESS_HOST;
  if (compiled.forwardDoor && absolute && !isOurs(absolute, listen, compiled)) {
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

/** What the proxy does with the CONNECT that most clients send for an `https://` URL. */
export type ConnectFate = 'refused' | 'intercepted' | 'tunnelled';

/** What happens to a CONNECT. Undefined when clients send none: at the base-URL door, and for `http://`. */
export function connectFate(
  destination: Destination | undefined,
  { forwardDoor }: Pick<LiveConfig, 'forwardDoor'>,
): ConnectFate | undefined {
  if (!forwardDoor || destination?.scheme !== 'https') return undefined;
  if (!forwardDoor.isRouted(destination.host, destination.port)) return 'tunnelled';
  return forwardDoor.mode === 'intercept' ? 'intercepted' : 'refused';
}

/** The route of a request, and why it wins, as a part of a sentence. Throws `route_not_found`, `destination_denied`. */
export function choose(
  candidate: Candidate,
  destination: Destination | undefined,
  { router, forwardDoor, routes }: LiveConfig,
): { route: CompiledRoute; why: string } {
  if (forwardDoor && destination) {
    const route = forwardDoor.routeOrRelay(destination, candidate);
    return { route, why: whyForwarded(route, routes, destination, candidate) };
  }
  const route = router.match(candidate);
  if (route) return { route, why: whyItWon(route, routes, candidate) };
  throw new OutriderError('route_not_found', { detail: `no route matches: ${whyNone(routes, candidate)}` });
}
