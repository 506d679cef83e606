import { channel } from 'node:diagnostics_channel';
import type { LookupFunction } from 'node:net';
import type { Clock } from '../core/clock.ts';
import type { ResponseHandler } from '../http1/client-connection.ts';
import type { AnswerHead } from '../http1/head.ts';
import { Pool } from '../http1/pool.ts';
import type { ReadScheduler } from '../http1/read-scheduler.ts';
import { headText } from '../http1/write.ts';
import { UpstreamExchange, type Attempt, type CarriedRequest, type Carrier, type UpstreamRequest } from './attempt.ts';
import { Deadlines } from './deadlines.ts';
import { dialForHttp } from './egress/dial.ts';
import type { Egress, EgressProxy } from './egress/egress.ts';
import { egressRefusal } from './egress/tunnel.ts';

export interface Upstream {
  send(request: UpstreamRequest): Attempt;
  /** Closes every connection, those in use too. */
  close(): Promise<void>;
}

/** What a reload may change. */
export interface ConnectionLimits {
  /** Of each head of an answer, bytes. */
  readonly answerHeaderBytes: number;
  /** A connection older than that takes no further request, milliseconds. */
  readonly connectionAgeMs: number;
}

export interface UpstreamOptions {
  /** Which origins are reached through another proxy; default: none. */
  readonly egress?: Egress;
  /** In place of the system's resolver, for what we dial ourselves. */
  readonly lookup?: LookupFunction;
  /** false: each request has a connection of its own; default: they are kept and used again. */
  readonly isReused?: boolean;
  readonly limits?: () => ConnectionLimits;
}

const DEFAULT_LIMITS: ConnectionLimits = { answerHeaderBytes: 64 * 1024, connectionAgeMs: 300_000 };

/** Before more origins than that are kept, the unused ones are forgotten. */
const MAX_ORIGINS = 1_000;
const DIRECT: Egress = () => undefined;

/** What goes to providers and comes from them, for the tests that look for secrets: `{ head }` and `{ chunk }`. */
const SENT = channel('outrider:upstream:head');
const RECEIVED = channel('outrider:upstream:body');

/** Methods whose requests say that they have no body (RFC 9110 §8.6). */
const EXPECTS_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** One origin: its connections, and how heads to it are written. */
class Origin implements Carrier {
  readonly pool: Pool;
  readonly connectMs: number;
  /** Fields of ours that stand in every head. */
  readonly #own: string;
  readonly #relay: EgressProxy | undefined;
  readonly #base: string;

  constructor(origin: string, connectMs: number, clock: Clock, options: UpstreamOptions) {
    const { egress = DIRECT, lookup, isReused = true, limits = () => DEFAULT_LIMITS } = options;
    this.connectMs = connectMs;
    // The deadline of the attempt is the exact one; this only cleans up behind it.
    const dialMs = Math.ceil(connectMs / 1_000) * 1_000 + 1_000;
    this.#own = `host: ${new URL(origin).host}\r\nconnection: keep-alive\r\n`;
    const relay = origin.startsWith('http:') ? egress(origin) : undefined;
    this.#relay = relay;
    this.#base = relay ? origin : '';
    const sessions = new Map<string, Buffer>();
    this.pool = new Pool({
      clock,
      isReused,
      maxHeadBytes: () => limits().answerHeaderBytes,
      maxAgeMs: () => limits().connectionAgeMs,
      dial: (signal) => dialForHttp(origin, dialMs, { egress, clock, signal, sessions, ...(lookup && { lookup }) }),
    });
  }

  send(request: CarriedRequest, exchange: ResponseHandler): { abort(): void } {
    const head = this.#headOf(request);
    if (SENT.hasSubscribers) SENT.publish({ head });
    const { method, body, streamBytes } = request;
    const listener = RECEIVED.hasSubscribers ? watched(exchange) : exchange;
    return this.pool.send({ method, head, body, streamBytes }, this.#relay ? behindRelay(listener) : listener);
  }

  #headOf({ method, target, headers, body, streamBytes }: CarriedRequest): string {
    const isWhole = body === null || body instanceof Uint8Array;
    const bytes = isWhole ? (body?.length ?? 0) : streamBytes;
    let behind = '';
    if (this.#relay?.authorization) behind = `proxy-authorization: ${this.#relay.authorization.reveal()}\r\n`;
    if (bytes > 0 || (bytes === 0 && (EXPECTS_BODY.has(method) || !isWhole))) behind += `content-length: ${bytes}\r\n`;
    else if (bytes < 0) behind += 'transfer-encoding: chunked\r\n';
    return headText(`${method} ${this.#base}${target} HTTP/1.1`, headers, this.#own, behind);
  }
}

/** An exchange with a listener before it. */
function wrapped(inner: ResponseHandler, before: Partial<ResponseHandler>): ResponseHandler {
  return {
    onStarted: (controls) => inner.onStarted(controls),
    onSent: () => inner.onSent(),
    onHead: before.onHead ?? ((head) => inner.onHead(head)),
    onData: before.onData ?? ((piece) => inner.onData(piece)),
    onEnd: () => inner.onEnd(),
    onFailed: (error) => inner.onFailed(error),
  };
}

const watched = (inner: ResponseHandler): ResponseHandler =>
  wrapped(inner, {
    onData(piece) {
      RECEIVED.publish({ chunk: piece });
      inner.onData(piece);
    },
  });

/** A 407 comes from the egress proxy, and is no answer of the provider's. */
const behindRelay = (inner: ResponseHandler): ResponseHandler =>
  wrapped(inner, {
    onHead(head: AnswerHead) {
      if (head.status === 407) throw egressRefusal(407);
      inner.onHead(head);
    },
  });

/** HTTP/1.1 towards the providers; redirects, caches and retries of its own it has none. */
export function createUpstream(clock: Clock, scheduler: ReadScheduler, options: UpstreamOptions = {}): Upstream {
  const origins = new Map<string, Origin>();
  /** Of each origin the one that was asked for last: nearly always there is one, and no key has to be made. */
  const latest = new Map<string, Origin>();
  const deadlines = new Deadlines(clock);
  const originOf = (origin: string, connectMs: number): Origin => {
    const known = latest.get(origin);
    if (known?.connectMs === connectMs) return known;
    const key = `${origin} ${connectMs}`;
    let found = origins.get(key);
    if (!found && origins.size >= MAX_ORIGINS) forgetIdle();
    if (!found) origins.set(key, (found = new Origin(origin, connectMs, clock, options)));
    latest.set(origin, found);
    return found;
  };
  /** Only where callers name the origins can there be so many. */
  const forgetIdle = (): void => {
    for (const [key, { pool }] of origins) {
      if (!pool.isIdle) continue;
      origins.delete(key);
      latest.clear();
      pool.close();
    }
  };
  return {
    send: (request) =>
      new UpstreamExchange(request, originOf(request.origin, request.timeouts.connectMs), clock, deadlines, scheduler),
    async close() {
      for (const { pool } of origins.values()) pool.close();
      origins.clear();
      latest.clear();
      await Promise.resolve();
    },
  };
}
