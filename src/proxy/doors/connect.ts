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
import type { Tunnel } from '../downstream.ts';
import type { CompiledConfig } from '../compiled-config.ts';
import { readHead } from '../request-head.ts';
import { asOutriderError } from '../respond.ts';
import { checkLoop } from '../via.ts';

/** A CONNECT as it came; the socket is its own from here on. */
export interface ConnectRequest extends Pick<HandedOver<Tunnel>, 'head' | 'socket' | 'behind' | 'context'> {
  readonly hold: HandoverHold;
}

export interface ConnectDeps {
  compiled(): CompiledConfig;
  readonly events: Events;
  readonly clock: Clock;
  /** Our own name in `Via`. */
  readonly pseudonym: string;
  nextRequestId(): string;
  /** Answers with an error and closes. */
  refuse(socket: Socket, error: OutriderError, requestId: string): void;
  report(error: OutriderError, requestId: string, route: string | undefined): void;
  /** Opens a connection to where no route leads. */
  dial(destination: Destination): Promise<Socket>;
  /** Ends the tunnel here and hands its requests on. */
  intercept(request: ConnectRequest, destination: Destination): Promise<void>;
  /** Passes bytes until both sides are done. */
  openBlindTunnel(
    socket: Socket,
    head: Buffer,
    onward: Socket,
  ): HandoverHold & { readonly passed: Promise<{ readonly bytesIn: number; readonly bytesOut: number }> };
}

const notServed = (detail: string): OutriderError =>
  new OutriderError('method_not_allowed', {
    detail,
    headers: ['Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'],
  });

/** Some clients of HTTP/1.0 send no Host with a CONNECT, and the target has it anyway. */
const withHost = ({ fields, target, minor }: RequestHead): RawHeaders =>
  minor === 1 || headerValue(fields, 'host') !== undefined ? fields : [...fields, 'Host', target];

const NO_TUNNEL =
  'a route leads there, and its credentials can not be put into a tunnel: say http:// in place of https://, or set `forward.mode: intercept`';

interface Admission {
  readonly destination: Destination;
  readonly isRouted: boolean;
}

/**
 * Decides on a CONNECT. Throws `method_not_allowed`, `bad_request`, `loop_detected`, `client_unauthenticated` (407),
 * `destination_denied`.
 */
function admit(
  { head, context: tunnel }: ConnectRequest,
  { forward, guard }: CompiledConfig,
  pseudonym: string,
): Admission {
  const { target } = head;
  if (!forward) throw notServed('CONNECT is not served here: forwarding is off');
  if (tunnel) throw notServed('CONNECT is not served within a tunnel');
  const { framing } = requestFraming(head);
  const fields = readHead(withHost(head));
  // What some take for its content, others take for the tunnel's first bytes (RFC 9110 §9.3.6).
  if (framing.kind === 'chunked' || (framing.kind === 'length' && framing.bytes > 0))
    throw new OutriderError('bad_request', { detail: 'a CONNECT has no body' });
  checkLoop(fields.via, pseudonym);
  guard.checkOrigin(fields);
  guard.checkAccess(fields, true);
  const destination = /:\d+$/.test(target) ? readAuthority(target, 'https') : undefined;
  if (!destination) throw new OutriderError('bad_request', { detail: 'the target of a CONNECT is host:port' });
  const isRouted = forward.isRouted(destination.host, destination.port);
  if (isRouted && forward.mode === 'plain') throw destinationDenied(NO_TUNNEL);
  if (!isRouted && !forward.letsUnmatchedThrough) throw destinationDenied(`no route leads to ${target}`);
  return { destination, isRouted };
}

/** Returns the handler of every CONNECT. It never throws; one that is refused or blind emits one `exchange`. */
export function createConnectDoor(deps: ConnectDeps): (request: ConnectRequest) => Promise<void> {
  const { events, clock } = deps;

  return async (request) => {
    const { socket, head, behind, hold } = request;
    const { target } = head;
    const startedMs = clock.monotonic();
    const requestId = deps.nextRequestId();
    const tell = (more: Partial<ExchangeRecord>): void => {
      const durationMs = clock.monotonic() - startedMs;
      events.emit('started');
      events.emit('exchange', {
        requestId,
        route: undefined,
        provider: undefined,
        method: 'CONNECT',
        // Userinfo is refused, and may be a password all the same.
        path: target.replace(/^.*@/s, ''),
        status: 200,
        code: undefined,
        outcome: undefined,
        auth: undefined,
        upstream: undefined,
        attempts: 0,
        durationMs,
        upstreamMs: 0,
        tokenWaitMs: 0,
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
      const { destination, isRouted } = admit(request, deps.compiled(), deps.pseudonym);
      if (isRouted) {
        // Until a request comes out of it nothing is lost with it.
        hold.isQuiet = () => true;
        await deps.intercept(request, destination);
        return;
      }
      const onward = await deps.dial(destination);
      if (socket.destroyed) {
        onward.destroy();
        tell({ status: 0, code: 'caller_gone', outcome: 'not_sent', attempts: 1 });
        return;
      }
      const { passed, isQuiet } = deps.openBlindTunnel(socket, behind, onward);
      hold.isQuiet = isQuiet;
      tell({ upstream: `${destination.host}:${destination.port}`, attempts: 1, ...(await passed) });
    } catch (thrown) {
      const error = asOutriderError(requestError(thrown));
      // Of a CONNECT that is refused, programs show the status alone.
      if (error.cause !== undefined || error.detail === NO_TUNNEL) deps.report(error, requestId, undefined);
      tell({ status: error.status, code: error.code, outcome: error.outcome });
      deps.refuse(socket, error, requestId);
    }
  };
}
