import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';
import { Http1Error } from './error.ts';
import {
  ClientConnection,
  type ResponseHandler,
  type ExchangeControls,
  type OutgoingRequest,
} from './client-connection.ts';

/** Opens a connection, with TLS if the origin is `https`. Rejects when `signal` aborts. */
export type Dial = (signal: AbortSignal) => Promise<Socket>;

/** How a pool opens, keeps and closes its connections. */
export interface PoolSettings {
  readonly dial: Dial;
  readonly clock: Clock;
  /** The largest head of an answer, in bytes. */
  readonly maxHeadBytes: () => number;
  /**
   * The age, in milliseconds, from which a connection takes no further request. For each connection it is up to a tenth
   * shorter, so that not all of them close at the same time.
   */
  readonly maxAgeMs: () => number;
  /** Whether a connection is kept for further requests. If not, each request gets its own. */
  readonly isReused: boolean;
  /** Returns a number from 0 to 1, for the spread of ages; default: `Math.random`. */
  readonly random?: () => number;
}

/** How long an unused connection is kept, unless the server's hint less {@link IDLE_MARGIN_MS} is shorter. */
const IDLE_MS = 4_000;
const IDLE_MARGIN_MS = 2_000;
const SWEEP_MS = 1_000;
/** The most unused connections that are kept for one origin. */
const MAX_IDLE = 512;
const AGE_SPREAD = 0.1;

interface Kept {
  readonly connection: ClientConnection;
  /** When the connection is too old for a further request, in monotonic milliseconds. */
  readonly oldAtMs: number;
  /** When the connection is closed if it stays unused, in monotonic milliseconds. */
  idleUntilMs: number;
}

/** A request on its way: it waits for a connection, or has one. */
export interface Sending {
  /** Gives up: stops the dialling, or closes the connection. The handler is not called any more. */
  abort(): void;
}

/**
 * The connections to one origin. The one that became free last is used first, so that surplus ones stay unused and are closed.
 */
export class Pool {
  readonly #settings: PoolSettings;
  readonly #idle: Kept[] = [];
  /** All connections, those in use included. */
  readonly #all = new Map<ClientConnection, Kept>();
  readonly #dialling = new Set<AbortController>();
  #isSweeping = false;
  #isClosed = false;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
  }

  /** Whether no request is under way. */
  get isIdle(): boolean {
    return this.#all.size === this.#idle.length && this.#dialling.size === 0;
  }

  /**
   * Sends a request over a kept connection, or over a new one. `exchange` is told what becomes of it, a failure to connect
   * included.
   */
  send(request: OutgoingRequest, exchange: ResponseHandler): Sending {
    const kept = this.#take();
    if (kept) {
      kept.connection.send(request, exchange);
      return kept.connection;
    }
    const giveUp = new AbortController();
    this.#dialling.add(giveUp);
    let controls: ExchangeControls | undefined;
    let isGivenUp = false;
    const dialled = this.#settings.dial(giveUp.signal);
    void dialled.then(
      (socket) => {
        this.#dialling.delete(giveUp);
        if (isGivenUp || this.#isClosed) {
          socket.destroy();
          if (!isGivenUp) exchange.onFailed(new Http1Error('truncated', 0));
          return;
        }
        const fresh = this.#keep(socket);
        controls = fresh.connection;
        fresh.connection.send(request, exchange);
      },
      (error: unknown) => {
        this.#dialling.delete(giveUp);
        if (!isGivenUp) exchange.onFailed(error as Error);
      },
    );
    return {
      abort() {
        isGivenUp = true;
        giveUp.abort();
        controls?.abort();
      },
    };
  }

  /** Closes all connections, those in use too. Requests that are under way fail. */
  close(): void {
    this.#isClosed = true;
    for (const giveUp of this.#dialling) giveUp.abort();
    for (const connection of this.#all.keys()) connection.close();
    this.#idle.length = 0;
  }

  #take(): Kept | undefined {
    const now = this.#settings.clock.monotonic();
    for (let kept = this.#idle.pop(); kept; kept = this.#idle.pop()) {
      if (kept.connection.isUsable && kept.oldAtMs > now && kept.idleUntilMs > now) return kept;
      kept.connection.abort();
    }
    return undefined;
  }

  #keep(socket: Socket): Kept {
    const { clock, maxAgeMs, random = Math.random } = this.#settings;
    const connection = new ClientConnection(socket, {
      maxHeadBytes: this.#settings.maxHeadBytes,
      released: (which, isReusable) => this.#released(which, isReusable),
      lost: (which) => this.#lost(which),
    });
    const oldAtMs = clock.monotonic() + maxAgeMs() * (1 - AGE_SPREAD * random());
    const kept: Kept = { connection, oldAtMs, idleUntilMs: Infinity };
    this.#all.set(connection, kept);
    return kept;
  }

  #released(connection: ClientConnection, isReusable: boolean): void {
    const kept = this.#all.get(connection);
    if (!kept || !isReusable) {
      this.#all.delete(connection);
      return;
    }
    const now = this.#settings.clock.monotonic();
    const { hintMs = Infinity } = connection;
    const idleMs = Math.min(IDLE_MS, hintMs - IDLE_MARGIN_MS);
    const mayStay = this.#settings.isReused && !this.#isClosed && this.#idle.length < MAX_IDLE;
    if (!mayStay || idleMs <= 0 || kept.oldAtMs <= now) {
      connection.abort();
      return;
    }
    kept.idleUntilMs = now + idleMs;
    this.#idle.push(kept);
    this.#sweepLater();
  }

  #lost(connection: ClientConnection): void {
    this.#all.delete(connection);
    const at = this.#idle.findIndex((kept) => kept.connection === connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  #sweepLater(): void {
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    this.#settings.clock.after(SWEEP_MS, () => {
      this.#isSweeping = false;
      const now = this.#settings.clock.monotonic();
      const old = this.#idle.filter(({ idleUntilMs, oldAtMs }) => Math.min(idleUntilMs, oldAtMs) <= now);
      for (const { connection } of old) connection.abort();
      if (this.#idle.length > 0) this.#sweepLater();
    });
  }
}
