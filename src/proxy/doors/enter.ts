import { tokenDigest } from '../../config/schema/callers.ts';
import type { Clock } from '../../core/clock.ts';
import { pathOfTarget } from '../../core/path.ts';
import { OutriderError } from '../../core/errors.ts';
import type { RawHeaders } from '../../core/headers.ts';
import { destinationDenied, readAuthority, type Destination } from '../destination.ts';
import type { Caller, Identity, Wish } from '../callers.ts';
import type { ConnectionContext, Downstream } from '../downstream.ts';
import { CHALLENGE, presentedTokens, PROXY_CHALLENGE } from '../guard.ts';
import type { Head } from '../request-head.ts';
import type { CompiledConfig, CompiledRoute } from '../compiled-config.ts';
import type { Candidate } from '../router.ts';
import { checkTarget, joinTarget, parseAbsolute, type AbsoluteTarget } from '../target.ts';
import type { TokenEndpointsAt } from '../token-endpoints.ts';
import { checkLoop } from '../via.ts';

/** The part of a request by which the doors judge. */
export type DoorRequest = Pick<Downstream, 'target' | 'localAddress' | 'localPort' | 'context'>;

/** A request that a door has let in. */
export interface Entry {
  /** In origin form. */
  readonly target: string;
  /** The CORS headers for an answer to a listed browser origin; undefined for other requests. */
  readonly cors: RawHeaders | undefined;
  /** The destination at a forward door; undefined at the base-URL door. */
  readonly destination: Destination | undefined;
}

/** Returns the destination of an absolute-form target. Throws `destination_denied` when forwarding is off, or `bad_request`. */
function destinationOf({ scheme, authority }: AbsoluteTarget, { forwardDoor }: CompiledConfig): Destination {
  if (!forwardDoor) throw destinationDenied('this proxy forwards to its routes alone');
  const destination = readAuthority(authority, scheme);
  if (!destination) throw new OutriderError('bad_request', { detail: 'the target names no valid host' });
  return destination;
}

/** Throws `bad_request` for a request in a tunnel that names another destination than the tunnel's. */
function checkTunnel(tunnel: Destination, absolute: AbsoluteTarget | undefined, host: string): void {
  const wanted = readAuthority(absolute?.authority ?? host, absolute?.scheme ?? tunnel.scheme);
  // Some clients leave a port out of Host even if it is not the scheme's default. A URL without a port always means the
  // default.
  const isPortSaid = absolute !== undefined || /:\d+$/.test(host);
  if (wanted?.host === tunnel.host && wanted.scheme === tunnel.scheme && (!isPortSaid || wanted.port === tunnel.port))
    return;
  throw new OutriderError('bad_request', { detail: 'the request names another host than the tunnel it came through' });
}

/**
 * Decides whether a request may come in, by its target, Host, origin and Via. With a target in absolute form, the URI's
 * authority replaces `head.host` (RFC 9112 §3.2.2). A target that names this proxy itself belongs to the base-URL door. Throws
 * `bad_request`, `destination_denied`, `loop_detected`, `host_denied`, `origin_denied`.
 * @param pseudonym Our own name in `Via`.
 */
export function enter(request: DoorRequest, head: Head, compiled: CompiledConfig, pseudonym: string): Entry {
  const { localAddress, localPort, context } = request;
  const tunnel = context?.tunnel?.destination;
  const { guard } = compiled;
  let { target } = request;
  let destination = tunnel;
  const absolute = target.charCodeAt(0) === 0x2f ? undefined : parseAbsolute(target);
  if (tunnel) checkTunnel(tunnel, absolute, head.host);
  if (absolute) {
    target = absolute.target;
    if (!tunnel && !guard.isSelf(absolute, localAddress, localPort)) destination = destinationOf(absolute, compiled);
    head.host = absolute.authority;
  }
  checkTarget(target);
  if (head.via !== undefined) checkLoop(head.via, pseudonym);
  if (!destination) guard.checkHost(head.host, localAddress);
  return { target, cors: guard.checkOrigin(head), destination };
}

/** Whether a request is a browser's CORS preflight (Fetch §3.2). */
export const isPreflight = ({ method, headers }: Pick<Downstream, 'method' | 'headers'>): boolean =>
  method === 'OPTIONS' &&
  headers.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'access-control-request-method');

/**
 * Finds out who makes a request. Undefined when the config has no callers: then an access token may be asked for. Throws
 * `client_unauthenticated`.
 */
export function authenticate(
  { guard, callers }: CompiledConfig,
  context: ConnectionContext,
  head: Head,
  destination: Destination | undefined,
  clock: Clock,
): Caller | undefined {
  // Within a tunnel nobody could answer a proxy's question.
  const isAsProxy = destination !== undefined && !context?.tunnel;
  if (callers) return callers.identify(identityOf(head, context), clock.now(), isAsProxy ? PROXY_CHALLENGE : CHALLENGE);
  if (!context?.tunnel) guard.checkAccess(head, isAsProxy);
  return undefined;
}

/** What a request shows of who makes it. Within a tunnel that is what was shown at the CONNECT. */
export const identityOf = (head: Head, context: ConnectionContext): Identity =>
  context?.tunnel?.identity ?? {
    digests: presentedTokens(head).map(tokenDigest),
    certificate: context?.certificate,
  };

/** Whether a caller may do what a request wants. */
export const isAllowed = (
  caller: Caller,
  compiled: CompiledConfig,
  destination: Destination | undefined,
  request: Wish & { readonly target: string },
  clock: Clock,
): boolean => caller.refusal(request) === undefined || isOwnTokenCall(caller, compiled, destination, request, clock);

/** Whether a request without a route is the call of a token endpoint that the routes of the caller use. */
function isOwnTokenCall(
  caller: Caller,
  compiled: CompiledConfig,
  destination: Destination | undefined,
  { method, target, route }: Wish & { readonly target: string },
  clock: Clock,
): boolean {
  if (route || !caller.mayUseMethod(method)) return false;
  try {
    const answer = tokenAnswer(compiled, destination, undefined, { method, target }, clock);
    return answer !== undefined && caller.mayUseProvider(answer.provider);
  } catch (error) {
    if (error instanceof OutriderError) return false;
    throw error;
  }
}

/** Makes the error for a method that no request may have here. */
export const methodNotServed = (detail: string, remedy?: string): OutriderError =>
  new OutriderError('method_not_allowed', {
    detail,
    ...(remedy !== undefined && { remedy }),
    headers: ['Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'],
  });

/** Throws `method_not_allowed` for TRACE. Its answer repeats the request, so it would show the credential to the caller. */
export function checkForwardable(method: string): void {
  if (method === 'TRACE') throw methodNotServed('TRACE is never forwarded');
}

/** Returns the route for a request; undefined when there is none. Throws `destination_denied` when forwarding is off. */
export function findRoute(
  compiled: CompiledConfig,
  destination: Destination | undefined,
  request: Candidate,
): CompiledRoute | undefined {
  if (!destination) return compiled.router.match(request);
  // A reload may have turned forwarding off while a tunnel was open.
  if (!compiled.forwardDoor) throw destinationDenied('this proxy forwards no more');
  return compiled.forwardDoor.routeFor(destination, request);
}

/**
 * Returns the route that relays a request without one. Throws `route_not_found`, or `destination_denied` if relaying is off.
 */
export function withoutRoute(
  { forwardDoor }: CompiledConfig,
  destination: Destination | undefined,
  { method, path, headers }: Candidate,
): CompiledRoute {
  if (forwardDoor && destination) return forwardDoor.routeOrRelay(destination, { method, path, headers });
  throw new OutriderError('route_not_found', { detail: `no route matches ${method} ${path}` });
}

/**
 * Returns the placeholder for a request that would reach a token endpoint, with the provider's name; undefined when it reaches
 * none. Throws `token_endpoint_denied`.
 */
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
