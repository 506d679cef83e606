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

/** The way to the providers. */
export interface Upstream {
  /** Makes one attempt. It never throws: a failure rejects `Attempt.answer`. */
  send(request: UpstreamRequest): Attempt;
  /** Closes every connection, those in use too. */
  close(): Promise<void>;
}

/** The limits on connections to providers. A reload may change them. */
export interface ConnectionLimits {
  /** The largest head of an answer, in bytes. */
  readonly answerHeaderBytes: number;
  /** The age from which a connection takes no further request, in milliseconds. */
  readonly connectionAgeMs: number;
}

/** How connections to providers are made and kept. */
export interface UpstreamOptions {
  /** Says which origins are reached through another proxy; default: none. */
  readonly egress?: Egress;
  /** A resolver in place of the system's. It is not used for origins behind an egress proxy. */
  readonly lookup?: LookupFunction;
  /** Whether connections are kept and used again; default: true. */
  readonly isReused?: boolean;
  readonly limits?: () => ConnectionLimits;
}

const DEFAULT_LIMITS: ConnectionLimits = { answerHeaderBytes: 64 * 1024, connectionAgeMs: 300_000 };

/** From this many origins on, those without requests under way are forgotten before a new one is added. */
const MAX_ORIGINS = 1_000;
const DIRECT: Egress = () => undefined;

/**
 * Channels with what goes to providers and comes from them, for the tests that look for secrets: `{ head }` and `{ chunk }`.
 */
const SENT = channel('outrider:upstream:head');
const RECEIVED = channel('outrider:upstream:body');

/** Where a request goes, and how: what decides which connections it may use. */
type Way = Pick<UpstreamRequest, 'origin' | 'tls' | 'timeouts'>;

/** Methods whose requests say `Content-Length: 0` when they have no body (RFC 9110 §8.6). */
const EXPECTS_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/**
 * One origin, for one TLS identity: its connections and TLS sessions, which no other identity uses, and the writer of request
 * heads for it.
 */
class Origin implements Carrier {
  readonly pool: Pool;
  readonly connectMs: number;
  /** The key of the TLS identity; undefined when there is none. */
  readonly tlsKey: string | undefined;
  /** The field lines of ours in every head. */
  readonly #own: string;
  readonly #relay: EgressProxy | undefined;
  readonly #base: string;

  constructor({ origin, tls, timeouts: { connectMs } }: Way, clock: Clock, options: UpstreamOptions) {
    const { egress = DIRECT, lookup, isReused = true, limits = () => DEFAULT_LIMITS } = options;
    this.connectMs = connectMs;
    this.tlsKey = tls?.key;
    // The attempt has the exact deadline. This longer one only makes sure that dialling ends.
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
      dial: (signal) =>
        dialForHttp(origin, dialMs, { egress, clock, signal, tls, sessions, ...(lookup && { lookup }) }),
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

/** Returns a handler that calls those of `before` in place of those of `inner`. */
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

/**
 * Wraps a handler for an origin behind an egress proxy: a 407 is that proxy's answer, not the provider's, and fails the
 * attempt.
 */
const behindRelay = (inner: ResponseHandler): ResponseHandler =>
  wrapped(inner, {
    onHead(head: AnswerHead) {
      if (head.status === 407) throw egressRefusal(407);
      inner.onHead(head);
    },
  });

/**
 * Makes the upstream: HTTP/1.1 to providers over kept connections. It follows no redirects and caches nothing. It retries a
 * failed connection once, but never a request that may have been sent.
 */
export function createUpstream(clock: Clock, scheduler: ReadScheduler, options: UpstreamOptions = {}): Upstream {
  const origins = new Map<string, Origin>();
  /** The last used entry of each origin. There is nearly always just one, so a request usually needs no key to be built. */
  const latest = new Map<string, Origin>();
  const deadlines = new Deadlines(clock);
  const originOf = (way: Way): Origin => {
    const { origin, tls, timeouts } = way;
    const known = latest.get(origin);
    if (known?.connectMs === timeouts.connectMs && known.tlsKey === tls?.key) return known;
    const key = `${origin} ${timeouts.connectMs} ${tls?.key ?? ''}`;
    let found = origins.get(key);
    if (!found && origins.size >= MAX_ORIGINS) forgetIdle();
    if (!found) origins.set(key, (found = new Origin(way, clock, options)));
    latest.set(origin, found);
    return found;
  };
  /** Forgets the origins without requests under way. There are so many only when callers choose the destinations. */
  const forgetIdle = (): void => {
    for (const [key, { pool }] of origins) {
      if (!pool.isIdle) continue;
      origins.delete(key);
      latest.clear();
      pool.close();
    }
  };
  return {
    send: (request) => new UpstreamExchange(request, originOf(request), clock, deadlines, scheduler),
    async close() {
      for (const { pool } of origins.values()) pool.close();
      origins.clear();
      latest.clear();
      await Promise.resolve();
    },
  };
}
