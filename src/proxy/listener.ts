import type { Socket } from 'node:net';
import type { Address, Config } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import { OutriderError } from '../core/errors.ts';
import type { Events } from '../core/events.ts';
import type { ReadScheduler } from '../http1/read-scheduler.ts';
import { Server } from '../http1/server.ts';
import type { ServerLimits } from '../http1/server-connection.ts';
import type { Destination } from './destination.ts';
import type { Downstream, Tunnel } from './downstream.ts';
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
}

/** The server for callers, on one address. */
export interface Listener {
  /** Starts to listen. Resolves with the origin, such as `http://host:port`. Rejects with the system's error. */
  listen(): Promise<string>;
  /** Serves the requests that come out of a tunnel. `socket` is that of the CONNECT (`carrier`), or TLS over it. */
  adopt(socket: Socket, tunnel: Destination, carrier: Socket): void;
  /** Answers a CONNECT with an error, and closes its connection. */
  refuseTunnel(socket: Socket, error: OutriderError, requestId: string): void;
  /** From now on every answer says `Connection: close`. */
  beginClosing(): void;
  /**
   * Stops accepting and closes idle connections. Waits up to `drainMs` milliseconds for requests under way, then aborts them.
   */
  close(drainMs: number): Promise<void>;
}

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
  const told = ({ method, target }: Pick<Downstream, 'method' | 'target'>, error: OutriderError): OutriderError => {
    events.emit('problem', { method, target, error });
    return error;
  };
  const server = new Server<Tunnel>({
    clock,
    scheduler,
    limits,
    context: undefined,
    handle(downstream) {
      if (!downstream.isExcess) handle(downstream);
      else {
        const requestId = requestIdIn(downstream.headers) ?? nextRequestId();
        answerError(downstream, told(downstream, overloaded()), requestId, undefined, []);
      }
    },
    connect(handedOver, hold) {
      if (handedOver.isExcess)
        server.refuse(handedOver.socket, errorBytes(told(handedOver.head, overloaded()), nextRequestId()));
      else options.connect({ ...handedOver, hold });
    },
    refuse({ error: cause, partial, isPipelined, isExcess }) {
      const error = isExcess ? overloaded() : (requestError(cause) as OutriderError);
      const record = new ExchangeRecordBuilder(partial.method, partial.target);
      record.requestId = requestIdIn(partial.fields) ?? nextRequestId();
      record.status = isPipelined ? 0 : error.status;
      record.code = error.code;
      record.outcome = error.outcome;
      events.emit('started');
      events.emit('exchange', record);
      return isPipelined ? undefined : errorBytes(told(partial, error), record.requestId, partial.method);
    },
  });
  return {
    listen: () => server.listen(address),
    adopt: (socket, tunnel, carrier) => server.adopt(socket, tunnel, carrier),
    refuseTunnel: (socket, error, requestId) => server.refuse(socket, errorBytes(error, requestId)),
    beginClosing: () => server.beginClosing(),
    close: (drainMs) => server.close(drainMs),
  };
}
