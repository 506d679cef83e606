import { createServer, type Server as NetServer, type Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';
import type { Address } from '../core/address.ts';
import { listen, originOf } from '../core/listen.ts';
import type { ClientCertificate } from './client-certificate.ts';
import { Http1Error } from './error.ts';
import { lingeringClose } from './lingering-close.ts';
import type { ReadScheduler } from './read-scheduler.ts';
import {
  ServerConnection,
  SWEEP_MS,
  type HandedOver,
  type RefusedHead,
  type ServerContext,
  type ServerLimits,
} from './server-connection.ts';
import type { ServerRequest } from './server-request.ts';
import { TlsEnd, type TlsOptions } from './tls.ts';

/** How a drain judges a socket that was handed over. Its new owner sets `isQuiet`. */
export interface HandoverHold {
  /** Whether nothing is under way on the socket, as far as can be seen. A drain closes it then. */
  isQuiet: () => boolean;
}

/** How a server ends TLS. */
export interface ServerTls<C> extends Pick<TlsOptions, 'material' | 'refused'> {
  /** Makes the note of a connection, with the certificate that its client has shown. */
  readonly contextOf: (certificate: ClientCertificate | undefined) => C;
}

/** What a server needs. */
export interface ServerOptions<C> {
  readonly clock: Clock;
  readonly scheduler: ReadScheduler;
  /** Asked anew for each connection and each head. */
  readonly limits: () => ServerLimits;
  /** The note that accepted connections carry. */
  readonly context: C;
  /** Ends TLS on the connections. Undefined: plain HTTP. */
  readonly tls?: ServerTls<C> | undefined;
  /** Called with each connection that counts towards the limit. */
  readonly accepted: (socket: Socket) => void;
  /** Takes each request, and answers it sooner or later. */
  readonly handle: (request: ServerRequest<C>) => void;
  /** Takes each CONNECT, with its socket. It may set `hold.isQuiet`. */
  readonly connect: (handedOver: HandedOver<C>, hold: HandoverHold) => void;
  /** Returns the answer to a head that can't be read, as bytes; undefined: no answer. */
  readonly refuse: (refused: RefusedHead<C>) => Uint8Array | undefined;
}

/** While the server closes: how long a connection without any request stays open, and how often tunnels are looked at. */
const FRESH_MS = 250;
/** How many turns of the event loop a flood of new connections can hold up the closing. */
const ACCEPT_TURNS = 50;

/**
 * An HTTP/1.1 server: it accepts connections, limits their number, watches their deadlines and drains them. `C` is the type of
 * the note that each connection carries.
 */
export class Server<C> {
  readonly #options: ServerOptions<C>;
  readonly #net: NetServer;
  readonly #tls: TlsEnd | undefined;
  readonly #connections = new Set<ServerConnection<C>>();
  /** Sockets that were handed over. The server doesn't see what goes on in them. */
  readonly #handedOver = new Map<Socket, HandoverHold>();
  /** How many connections are TLS over a socket that was handed over, and so count twice. */
  #adopted = 0;
  #excess = 0;
  #accepted = 0;
  #isSweeping = false;
  /** The time of the last sweep, in monotonic milliseconds. */
  #sweptMs = 0;
  readonly #context: ServerContext<C> & { isClosing: boolean; isDraining: boolean };
  #keepAlive = { ms: -1, fields: '' };

  constructor(options: ServerOptions<C>) {
    const { clock, scheduler, limits, handle, refuse } = options;
    this.#options = options;
    const keepAliveFields = (): string => this.#keepAliveFields(limits().keepAliveMs);
    this.#context = {
      clock,
      scheduler,
      get limits() {
        return limits();
      },
      get keepAliveFields() {
        return keepAliveFields();
      },
      isClosing: false,
      isDraining: false,
      handle,
      refuse,
      connect: (handedOver) => options.connect(handedOver, this.#holdOf(handedOver.socket)),
      left: (connection) => this.#connections.delete(connection),
    };
    this.#tls = options.tls && this.#endTls(options.tls);
    this.#net = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#accepted++;
      if (!this.#tls) this.#admit(socket, options.context);
      // Nobody can be told in the midst of a handshake.
      else if (this.#tls.pending >= limits().connections) socket.destroy();
      else void this.#tls.accept(socket);
    });
  }

  #endTls({ material, refused, contextOf }: ServerTls<C>): TlsEnd {
    const { clock, context } = this.#options;
    return new TlsEnd({
      clock,
      material,
      refused,
      secured: (socket, certificate) => this.#admit(socket, contextOf(certificate)),
      plain: (socket) => this.#admit(socket, context, new Http1Error('plain_in_tls', 0)),
    });
  }

  /** Serves a connection, as far as the limit goes. */
  #admit(socket: Socket, context: C, flaw?: Http1Error): void {
    const open = this.#connections.size + this.#handedOver.size - this.#adopted - this.#excess;
    const isExcess = open >= this.#options.limits().connections;
    if (isExcess) {
      // A connection that is sent away doesn't count towards the limit.
      this.#excess++;
      socket.once('close', () => this.#excess--);
    } else this.#options.accepted(socket);
    this.#add(socket, context, isExcess, flaw);
  }

  /** Starts to listen. Resolves with the origin, such as `http://host:port`. Rejects with the system's error. */
  async listen(address: Address): Promise<string> {
    await listen(this.#net, address);
    // A connection that could not be accepted must not end the server.
    this.#net.on('error', () => undefined);
    return originOf(this.#net, address, this.#tls ? 'https' : 'http');
  }

  /**
   * Serves the requests that come out of a tunnel.
   * @param carrier The socket that was handed over. `socket` is that one, or TLS over it.
   */
  adopt(socket: Socket, context: C, carrier: Socket): void {
    if (socket === carrier) this.#handedOver.delete(carrier);
    else {
      // The carrier closes together with the TLS connection over it, so a drain looks at that one.
      this.#holdOf(carrier).isQuiet = () => false;
      this.#adopted++;
      socket.once('close', () => this.#adopted--);
    }
    this.#add(socket, context, false);
  }

  /** Writes a last answer to a socket that was handed over, and closes it. */
  refuse(socket: Socket, last: Uint8Array): void {
    lingeringClose(socket, this.#options.clock, this.#options.scheduler, last);
  }

  /** From now on every answer says `Connection: close`. */
  beginClosing(): void {
    this.#context.isClosing = true;
  }

  /**
   * Stops accepting and closes idle connections. Waits up to `drainMs` milliseconds for requests under way, then aborts them.
   */
  async close(drainMs: number): Promise<void> {
    const { clock } = this.#options;
    this.#context.isClosing = true;
    await this.#acceptWaiting();
    this.#context.isDraining = true;
    const closed = new Promise<void>((resolve) => this.#net.close(() => resolve()));
    // A connection without an answer so far may have its first request on the wire.
    this.#closeIdle(({ hasAnswered }) => hasAnswered);
    const look = (): void => {
      this.#closeIdle(() => true);
      this.#tls?.dropPending();
      for (const [socket, { isQuiet }] of this.#handedOver) if (isQuiet()) socket.destroy();
      looking = clock.after(FRESH_MS, look);
    };
    let looking = clock.after(Math.min(drainMs, FRESH_MS), look);
    const timer = clock.after(drainMs, () => {
      for (const connection of this.#connections) connection.abort();
      for (const socket of this.#handedOver.keys()) socket.destroy();
    });
    await closed;
    timer.cancel();
    looking.cancel();
  }

  #add(socket: Socket, context: C, isExcess: boolean, flaw?: Http1Error): void {
    this.#connections.add(new ServerConnection(socket, context, isExcess, this.#context, flaw));
    if (!this.#isSweeping) {
      this.#sweptMs = this.#options.clock.monotonic();
      this.#sweepLater();
    }
  }

  #sweepLater(): void {
    this.#isSweeping = true;
    this.#options.clock.after(SWEEP_MS, this.#sweep);
  }

  readonly #sweep = (): void => {
    const dueMs = this.#sweptMs;
    const nowMs = this.#options.clock.monotonic();
    this.#sweptMs = nowMs;
    for (const connection of this.#connections) connection.sweep(nowMs, dueMs);
    this.#isSweeping = this.#connections.size > 0;
    if (this.#isSweeping) this.#sweepLater();
  };

  #holdOf(socket: Socket): HandoverHold {
    const known = this.#handedOver.get(socket);
    if (known) return known;
    const hold: HandoverHold = { isQuiet: () => false };
    this.#handedOver.set(socket, hold);
    socket.once('close', () => this.#handedOver.delete(socket));
    return hold;
  }

  #closeIdle(isMeant: (connection: ServerConnection<C>) => boolean): void {
    for (const connection of this.#connections) {
      if (connection.isIdle && isMeant(connection)) connection.socket.destroy();
    }
  }

  /**
   * Waits until a turn of the event loop accepts no further connection. Closing the listener resets the connections that the
   * system has made and we have not accepted.
   */
  async #acceptWaiting(): Promise<void> {
    for (let turn = 0, before = -1; turn < ACCEPT_TURNS && this.#accepted !== before; turn++) {
      before = this.#accepted;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #keepAliveFields(ms: number): string {
    if (this.#keepAlive.ms !== ms) {
      const fields = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(ms / 1_000)}\r\n`;
      this.#keepAlive = { ms, fields };
    }
    return this.#keepAlive.fields;
  }
}
