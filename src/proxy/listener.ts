import type { Socket } from 'node:net';
import type { Address, Config } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import { OutriderError } from '../core/errors.ts';
import type { Events } from '../core/events.ts';
import type { RequestHead } from '../http1/head.ts';
import type { ReadScheduler } from '../http1/read-scheduler.ts';
import { Server, type ServerTls } from '../http1/server.ts';
import type { ServerLimits } from '../http1/server-connection.ts';
import type { ConnectionContext, Downstream } from './downstream.ts';
import { requestError } from './failure.ts';
import type { ConnectRequest } from './doors/connect.ts';
import { requestIdIn } from './request-head.ts';
import { answerError, errorBytes } from './respond.ts';
import { ExchangeRecordBuilder } from './exchange-record.ts';

/** What a listener needs. */
export interface ListenerOptions {
  readonly address: Address;
  /** Asked anew for each connection and each head. */
  readonly limits: () => ServerLimits;
  readonly clock: Clock;
  readonly events: Events;
  readonly scheduler: ReadScheduler;
  /** Takes each request, and answers it sooner or later. */
  readonly handle: (downstream: Downstream) => void;
  /** Takes each CONNECT, with its socket. */
  readonly connect: (request: ConnectRequest) => void;
  readonly nextRequestId: () => string;
  /** Ends TLS on the connections. Undefined: plain HTTP. */
  readonly tls: Pick<ServerTls<ConnectionContext>, 'material' | 'refused'> | undefined;
}

/** The server for callers, on one address. */
export interface Listener {
  /** Starts to listen. Resolves with the origin, such as `http://host:port`. Rejects with the system's error. */
  listen(): Promise<string>;
  /** Serves the requests that come out of a tunnel. `socket` is that of the CONNECT (`carrier`), or TLS over it. */
  adopt(socket: Socket, context: ConnectionContext, carrier: Socket): void;
  /** Answers a CONNECT with an error, and closes its connection. */
  refuseTunnel(socket: Socket, error: OutriderError, requestId: string): void;
  /** From now on every answer says `Connection: close`. */
  beginClosing(): void;
  /**
   * Stops accepting and closes idle connections. Waits up to `drainMs` milliseconds for requests under way, then aborts them.
   */
  close(drainMs: number): Promise<void>;
}

/** The target of a CONNECT without what stands before its host: that may be a password. */
const withoutUserinfo = (target: string): string => target.replace(/^.*@/s, '');

/** Returns the server's limits from a config. */
export const serverLimits = ({ limits, timeouts }: Pick<Config, 'limits' | 'timeouts'>): ServerLimits => ({
  targetBytes: limits.urlBytes,
  fieldBytes: limits.headerBytes,
  fields: limits.headers,
  trailerBytes: limits.headerBytes,
  connections: limits.connections,
  keepAliveMs: timeouts.keepAliveMs,
  callerMs: timeouts.callerMs,
});

/**
 * Makes the server of the doors. Connections above the limit get `overloaded`. A request whose head can't be read is answered
 * and recorded here; every other one goes to `handle` or `connect`.
 */
export function createListener(options: ListenerOptions): Listener {
  const { address, limits, clock, events, scheduler, handle, nextRequestId } = options;
  const overloaded = (): OutriderError =>
    new OutriderError('overloaded', {
      detail: `more than ${limits().connections} connections`,
      headers: ['Retry-After', '1'],
      close: true,
    });
  /** Emits the records of a request that is refused when no more than its head is known. Returns its id. */
  const refused = (
    error: OutriderError,
    { method, target, fields }: Pick<RequestHead, 'method' | 'target' | 'fields'>,
    isAnswered = true,
  ): string => {
    const record = new ExchangeRecordBuilder(method, target);
    record.requestId = requestIdIn(fields) ?? nextRequestId();
    record.status = isAnswered ? error.status : 0;
    record.code = error.code;
    record.outcome = error.outcome;
    events.emit('problem', { method, target, error });
    events.emit('started');
    events.emit('exchange', record);
    return record.requestId;
  };
  const server = new Server<ConnectionContext>({
    clock,
    scheduler,
    limits,
    context: undefined,
    tls: options.tls && {
      ...options.tls,
      contextOf: (certificate) => certificate && { tunnel: undefined, certificate },
    },
    accepted(socket) {
      events.emit('connected');
      socket.once('close', () => events.emit('disconnected'));
    },
    handle(downstream) {
      if (!downstream.isExcess) handle(downstream);
      else {
        const error = overloaded();
        const { method, target, headers: fields } = downstream;
        answerError(downstream, error, refused(error, { method, target, fields }), undefined, []);
      }
    },
    connect(handedOver, hold) {
      if (!handedOver.isExcess) options.connect({ ...handedOver, hold });
      else {
        const error = overloaded();
        const { head } = handedOver;
        server.refuse(
          handedOver.socket,
          errorBytes(error, refused(error, { ...head, target: withoutUserinfo(head.target) })),
        );
      }
    },
    refuse({ error: cause, partial, isPipelined, isExcess }) {
      const error = isExcess ? overloaded() : (requestError(cause) as OutriderError);
      const requestId = refused(error, partial, !isPipelined);
      return isPipelined ? undefined : errorBytes(error, requestId, partial.method);
    },
  });
  return {
    listen: () => server.listen(address),
    adopt: (socket, context, carrier) => server.adopt(socket, context, carrier),
    refuseTunnel: (socket, error, requestId) => server.refuse(socket, errorBytes(error, requestId)),
    beginClosing: () => server.beginClosing(),
    close: (drainMs) => server.close(drainMs),
  };
}
