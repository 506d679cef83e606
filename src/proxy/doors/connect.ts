import type { Socket } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import { OutriderError } from '../../core/errors.ts';
import type { Events, ExchangeRecord } from '../../core/events.ts';
import { headerValue, type RawHeaders } from '../../core/headers.ts';
import { requestFraming } from '../../http1/framing.ts';
import type { RequestHead } from '../../http1/head.ts';
import type { HandoverHold } from '../../http1/server.ts';
import type { HandedOver } from '../../http1/server-connection.ts';
import { destinationDenied, readAuthority, type Destination } from '../destination.ts';
import { requestError } from '../failure.ts';
import type { Caller, Identity } from '../callers.ts';
import { callerDenied } from '../callers.ts';
import type { ConnectionContext, Tunnel } from '../downstream.ts';
import { PROXY_CHALLENGE } from '../guard.ts';
import { identityOf, methodNotServed } from './enter.ts';
import type { CompiledConfig } from '../compiled-config.ts';
import { readHead } from '../request-head.ts';
import { asOutriderError } from '../respond.ts';
import { checkLoop } from '../via.ts';

/** A CONNECT as it came. Whoever gets it owns the socket. */
export interface ConnectRequest extends Pick<HandedOver<ConnectionContext>, 'head' | 'socket' | 'behind' | 'context'> {
  readonly hold: HandoverHold;
}

/** What the CONNECT door needs. */
export interface ConnectDeps {
  /** Returns the compiled config of the moment. */
  compiled(): CompiledConfig;
  readonly events: Events;
  readonly clock: Clock;
  /** Our own name in `Via`. */
  readonly pseudonym: string;
  nextRequestId(): string;
  /** Answers with an error, and closes the connection. */
  refuse(socket: Socket, error: OutriderError, requestId: string): void;
  /** Reports to the operator why a CONNECT failed. */
  report(error: OutriderError, requestId: string, route: string | undefined): void;
  /** Opens a connection to a destination without a route. Rejects with an `OutriderError`. */
  dial(destination: Destination): Promise<Socket>;
  /** Ends the tunnel in this process, and hands on the requests that come out of it. */
  intercept(request: ConnectRequest, tunnel: Tunnel): Promise<void>;
  /** Passes bytes both ways until both sides are done. */
  openBlindTunnel(
    socket: Socket,
    head: Buffer,
    onward: Socket,
  ): HandoverHold & { readonly passed: Promise<{ readonly bytesIn: number; readonly bytesOut: number }> };
}

/** Adds the Host that some HTTP/1.0 clients leave out of a CONNECT. The target has it anyway. */
const withHost = ({ fields, target, minor }: RequestHead): RawHeaders =>
  minor === 1 || headerValue(fields, 'host') !== undefined ? fields : [...fields, 'Host', target];

const NO_TUNNEL =
  'a route leads there, and its credentials can not be put into a tunnel: say http:// in place of https://, or set `forward.mode: intercept`';
const INTERCEPT = 'Have TLS ended here: `forward.mode: intercept`, or `outrider exec --intercept`.';

interface Admission extends Tunnel {
  readonly isRouted: boolean;
}

/**
 * Decides whether a CONNECT may come in. Throws `method_not_allowed`, `bad_request`, `unsupported_expectation`,
 * `loop_detected`, `origin_denied`, `client_unauthenticated` (407), `caller_denied`, `destination_denied`, and an `Http1Error`
 * for bad framing.
 * @param met Called with the caller as soon as it is known.
 */
function admit(
  { head, context }: ConnectRequest,
  { forwardDoor, guard, callers }: CompiledConfig,
  { pseudonym, clock }: Pick<ConnectDeps, 'pseudonym' | 'clock'>,
  met: (caller: Caller) => void,
): Admission {
  const { target } = head;
  if (!forwardDoor) throw methodNotServed('CONNECT is not served here: forwarding is off', INTERCEPT);
  if (context?.tunnel) throw methodNotServed('CONNECT is not served within a tunnel');
  const { framing } = requestFraming(head);
  const fields = readHead(withHost(head));
  // Some servers take such bytes for a body, others for the first bytes in the tunnel (RFC 9110 §9.3.6).
  if (framing.kind === 'chunked' || (framing.kind === 'length' && framing.bytes > 0))
    throw new OutriderError('bad_request', { detail: 'a CONNECT has no body' });
  checkLoop(fields.via, pseudonym);
  guard.checkOrigin(fields);
  const identity: Identity = identityOf(fields, context);
  const caller = callers?.identify(identity, clock.now(), PROXY_CHALLENGE);
  if (caller) met(caller);
  else guard.checkAccess(fields, true);
  const destination = /:\d+$/.test(target) ? readAuthority(target, 'https') : undefined;
  if (!destination) throw new OutriderError('bad_request', { detail: 'the target of a CONNECT is host:port' });
  const { host, port } = destination;
  const isRouted = forwardDoor.isRouted(host, port);
  // Nobody sees what is done in a tunnel that is passed on.
  if (caller && !(isRouted ? forwardDoor.isRoutedFor(caller, host, port) : caller.mayDoAnything)) throw callerDenied();
  if (isRouted && forwardDoor.mode === 'plain') throw destinationDenied(NO_TUNNEL, INTERCEPT);
  if (!isRouted && !forwardDoor.letsUnmatchedThrough) throw forwardDoor.denied(destination);
  return { destination, identity, isRouted };
}

/**
 * Returns the handler for every CONNECT. It never rejects. A CONNECT that is refused, or passed on unseen, emits one
 * `exchange`. One that is intercepted emits none: the requests within it do.
 */
export function createConnectDoor(deps: ConnectDeps): (request: ConnectRequest) => Promise<void> {
  const { events, clock } = deps;

  return async (request) => {
    const { socket, head, hold } = request;
    const { target } = head;
    const startedMs = clock.monotonic();
    const requestId = deps.nextRequestId();
    let caller: Caller | undefined;
    const tell = (more: Partial<ExchangeRecord>): void => {
      const durationMs = clock.monotonic() - startedMs;
      events.emit('started');
      events.emit('exchange', {
        requestId,
        door: 'connect',
        destination: undefined,
        route: undefined,
        provider: undefined,
        caller: caller?.name,
        method: 'CONNECT',
        // Userinfo is refused, but it may hold a password, which must not reach the log.
        path: target.replace(/^.*@/s, ''),
        status: 200,
        code: undefined,
        outcome: undefined,
        auth: undefined,
        upstream: undefined,
        attempts: 0,
        durationMs,
        scrubbed: 0,
        upstreamMs: 0,
        tokenWaitMs: 0,
        tokenWaits: [],
        bytesIn: 0,
        bytesOut: 0,
        attemptDetails: [],
        replaySkipped: undefined,
        addedHeaders: [],
        ...more,
      });
    };
    socket.on('error', () => socket.destroy());
    try {
      const { destination, identity, isRouted } = admit(request, deps.compiled(), deps, (met) => (caller = met));
      if (isRouted) {
        // Nothing is lost when the tunnel closes before a request comes out of it.
        hold.isQuiet = () => true;
        await deps.intercept(request, { destination, identity });
        return;
      }
      await tunnelBlindly(request, destination, caller, tell);
    } catch (thrown) {
      const error = asOutriderError(requestError(thrown));
      // Programs show nothing but the status of a refused CONNECT, so the log explains it.
      if (error.cause !== undefined || error.detail === NO_TUNNEL) deps.report(error, requestId, undefined);
      events.emit('problem', { method: 'CONNECT', target, error });
      tell({ status: error.status, code: error.code, outcome: error.outcome });
      deps.refuse(socket, error, requestId);
    }
  };

  /** Passes a tunnel on unseen. As long as it is open it counts as one request of its caller. */
  async function tunnelBlindly(
    { socket, behind, hold }: ConnectRequest,
    destination: Destination,
    caller: Caller | undefined,
    tell: (more: Partial<ExchangeRecord>) => void,
  ): Promise<void> {
    caller?.enter(clock.monotonic());
    try {
      const onward = await deps.dial(destination);
      if (socket.destroyed) {
        onward.destroy();
        tell({ status: 0, code: 'caller_gone', outcome: 'not_sent', attempts: 1 });
        return;
      }
      const { passed, isQuiet } = deps.openBlindTunnel(socket, behind, onward);
      hold.isQuiet = isQuiet;
      tell({ upstream: `${destination.host}:${destination.port}`, attempts: 1, ...(await passed) });
    } finally {
      caller?.leave();
    }
  }
}
