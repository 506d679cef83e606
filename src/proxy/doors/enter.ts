import type { Clock } from '../../core/clock.ts';
import { pathOfTarget } from '../../core/path.ts';
import { OutriderError } from '../../core/errors.ts';
import type { RawHeaders } from '../../core/headers.ts';
import { destinationDenied, readAuthority, type Destination } from '../destination.ts';
import type { Downstream } from '../downstream.ts';
import type { Head } from '../request-head.ts';
import type { CompiledConfig, CompiledRoute } from '../compiled-config.ts';
import type { Candidate } from '../router.ts';
import { checkTarget, joinTarget, parseAbsolute, type AbsoluteTarget } from '../target.ts';
import type { TokenEndpointsAt } from '../token-endpoints.ts';
import { checkLoop } from '../via.ts';

/** The part of a request that the doors judge by. */
export type DoorRequest = Pick<Downstream, 'target' | 'localAddress' | 'localPort' | 'context'>;

/** A request that a door let in. */
export interface Entry {
  /** Origin form. */
  readonly target: string;
  /** What of an allowed browser origin's answer is ours. */
  readonly cors: RawHeaders | undefined;
  /** Where it wants to go, at a forward door. */
  readonly destination: Destination | undefined;
}

/** Where an absolute-form request goes that does not name ourselves. */
function destinationOf({ scheme, authority }: AbsoluteTarget, { forward }: CompiledConfig): Destination {
  if (!forward) throw destinationDenied('this proxy forwards to its routes alone');
  const destination = readAuthority(authority, scheme);
  if (!destination) throw new OutriderError('bad_request', { detail: 'the target names no valid host' });
  return destination;
}

/** Refuses a request in a tunnel that wants to go elsewhere than the tunnel leads. */
function checkTunnel(tunnel: Destination, absolute: AbsoluteTarget | undefined, host: string): void {
  const wanted = readAuthority(absolute?.authority ?? host, absolute?.scheme ?? tunnel.scheme);
  // Some clients leave out of Host a port that is not the scheme's own; a URL without one names that of its scheme.
  const isPortSaid = absolute !== undefined || /:\d+$/.test(host);
  if (wanted?.host === tunnel.host && wanted.scheme === tunnel.scheme && (!isPortSaid || wanted.port === tunnel.port))
    return;
  throw new OutriderError('bad_request', { detail: 'the request names another host than the tunnel it came through' });
}

/**
 * Lets a request in, or refuses it for its target, its Host, its origin or a loop. In absolute form the URI's authority takes the
 * place of `head.host`; one that names ourselves is at the base-URL door.
 * Throws `bad_request`, `destination_denied`, `loop_detected`, `host_denied`, `origin_denied`.
 * @param pseudonym Our own name in `Via`.
 */
export function enter(request: DoorRequest, head: Head, compiled: CompiledConfig, pseudonym: string): Entry {
  const { localAddress, localPort, context: tunnel } = request;
  const { guard } = compiled;
  let { target } = request;
  let destination = tunnel;
  const absolute = target.charCodeAt(0) === 0x2f ? undefined : parseAbsolute(target);
  if (tunnel) checkTunnel(tunnel, absolute, head.host);
  if (absolute) {
    target = absolute.target;
    if (!tunnel && (absolute.scheme === 'https' || !guard.isSelf(absolute.authority, localAddress, localPort))) {
      destination = destinationOf(absolute, compiled);
    }
    head.host = absolute.authority;
  }
  checkTarget(target);
  if (head.via !== undefined) checkLoop(head.via, pseudonym);
  if (!destination) guard.checkHost(head.host, localAddress);
  return { target, cors: guard.checkOrigin(head), destination };
}

/** Whether an `OPTIONS` request asks what a browser may send (Fetch §3.2). */
export const isPreflight = ({ method, headers }: Pick<Downstream, 'method' | 'headers'>): boolean =>
  method === 'OPTIONS' &&
  headers.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'access-control-request-method');

/** Throws `method_not_allowed` for TRACE: its answer is what was sent, with the credential in it. */
export function checkForwardable(method: string): void {
  if (method !== 'TRACE') return;
  throw new OutriderError('method_not_allowed', {
    detail: 'TRACE is never forwarded',
    headers: ['Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'],
  });
}

/** The route of a request; undefined where none matches, or leads there. Throws `destination_denied`. */
export function findRoute(
  compiled: CompiledConfig,
  destination: Destination | undefined,
  request: Candidate,
): CompiledRoute | undefined {
  if (!destination) return compiled.router.match(request);
  // A reload may have shut the door behind a tunnel.
  if (!compiled.forward) throw destinationDenied('this proxy forwards no more');
  return compiled.forward.routeFor(destination, request);
}

/** How a request travels that has no route. Throws `route_not_found`, `destination_denied`. */
export function withoutRoute(
  { forward }: CompiledConfig,
  destination: Destination | undefined,
  { method, path, headers }: Candidate,
): CompiledRoute {
  if (forward && destination) return forward.routeOrRelay(destination, { method, path, headers });
  throw new OutriderError('route_not_found', { detail: `no route matches ${method} ${path}` });
}

/** What a request gets that would reach a token endpoint, undefined where it reaches none. Throws `token_endpoint_denied`. */
export function tokenAnswer(
  { tokenEndpoints }: CompiledConfig,
  destination: Destination | undefined,
  route: CompiledRoute | undefined,
  { method, target }: { readonly method: string; readonly target: string },
  clock: Clock,
): ReturnType<TokenEndpointsAt['answer']> {
  const endpoints = route ? route.tokenEndpoints : destination && tokenEndpoints.atUrl(destination);
  if (!endpoints) return undefined;
  const path = pathOfTarget(route ? joinTarget(target, route.join) : target);
  const provider = route?.provider;
  return endpoints.answer(
    { path, method, provider, isByUrl: destination !== undefined && provider === undefined },
    clock,
  );
}
