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

export interface ListenerOptions {
  readonly address: Address;
  /** Asked anew for each connection and each head. */
  readonly limits: () => ServerLimits;
  readonly clock: Clock;
  readonly events: Events;
  readonly scheduler: ReadScheduler;
  /** Takes each request; answers it sooner or later. */
  readonly handle: (downstream: Downstream) => void;
  /** Takes each CONNECT, with its socket. */
  readonly connect: (request: ConnectRequest) => void;
  readonly nextRequestId: () => string;
}

export interface Listener {
  /** Resolves with the origin. Rejects with the system's error when the address can't be had. */
  listen(): Promise<string>;
  /** Takes the requests that come out of a tunnel; `socket` is that of the CONNECT (`carrier`), or TLS over it. */
  adopt(socket: Socket, tunnel: Destination, carrier: Socket): void;
  /** Answers a CONNECT with an error and closes. */
  refuseTunnel(socket: Socket, error: OutriderError, requestId: string): void;
  /** From now on every answer says `Connection: close`. */
  beginClosing(): void;
  /** Closes the listener and idle connections, waits up to `drainMs` for the requests under way, then aborts them. */
  close(drainMs: number): Promise<void>;
}

/** What the server needs of a config. */
export const serverLimits = ({ limits, timeouts }: Pick<Config, 'limits' | 'timeouts'>): ServerLimits => ({
  targetBytes: limits.urlBytes,
  fieldBytes: limits.headerBytes,
  fields: limits.headers,
  trailerBytes: limits.headerBytes,
  connections: limits.connections,
  keepAliveMs: timeouts.keepAliveMs,
  callerMs: timeouts.callerMs,
});

/** The server of the doors, with the limits of the config. */
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
