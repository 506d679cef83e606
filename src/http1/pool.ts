import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';
import { Http1Error } from './error.ts';
import {
  ClientConnection,
  type ResponseHandler,
  type ExchangeControls,
  type OutgoingRequest,
} from './client-connection.ts';

/** Opens a connection, with TLS where the origin wants it. `signal` gives up. */
export type Dial = (signal: AbortSignal) => Promise<Socket>;

export interface PoolSettings {
  readonly dial: Dial;
  readonly clock: Clock;
  /** Of each head of an answer. */
  readonly maxHeadBytes: () => number;
  /** A connection older than that takes no further request; each up to a tenth less, so that they don't die together. */
  readonly maxAgeMs: () => number;
  /** false: each request has a connection of its own. */
  readonly isReused: boolean;
  /** From 0 to 1, for the spread of ages. */
  readonly random?: () => number;
}

/** An unused connection is given up after this, or {@link IDLE_MARGIN_MS} before the server's own hint. */
const IDLE_MS = 4_000;
const IDLE_MARGIN_MS = 2_000;
const SWEEP_MS = 1_000;
/** More unused connections of one origin are not kept. */
const MAX_IDLE = 512;
const AGE_SPREAD = 0.1;

interface Kept {
  readonly connection: ClientConnection;
  /** When it takes no more requests, monotonic. */
  readonly oldAtMs: number;
  /** When it is given up unless it is used, monotonic. */
  idleUntilMs: number;
}

/** An exchange that has asked for a connection. */
export interface Sending {
  /** Gives up: what was being dialled is closed, and so is a connection that is in use. */
  abort(): void;
}

/** The connections to one origin; the one that came back last is taken first, so that the others age and close. */
export class Pool {
  readonly #settings: PoolSettings;
  readonly #idle: Kept[] = [];
  /** Those in use too. */
  readonly #all = new Map<ClientConnection, Kept>();
  readonly #dialling = new Set<AbortController>();
  #isSweeping = false;
  #isClosed = false;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
  }

  /** Whether no exchange is under way. */
  get isIdle(): boolean {
    return this.#all.size === this.#idle.length && this.#dialling.size === 0;
  }

  /** Sends a request over a connection that is kept, or a new one; the exchange hears what becomes of it. */
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

  /** Closes all connections, those in use too; what is under way on them fails. */
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
