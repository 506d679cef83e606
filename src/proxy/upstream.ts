import { Pool, type Dispatcher } from 'undici';
import type { Clock } from '../core/clock.ts';
import { OutriderError } from '../core/errors.ts';
import type { RawHeaders } from '../core/headers.ts';
import { IncomingAnswer, isAmbiguous, type Answer } from './answer.ts';
import { Deadlines, type Deadline } from './deadlines.ts';
import { isConnectRetryable, upstreamError } from './failure.ts';

/** One attempt at an upstream: a request that is complete but for Host, Connection and framing. */
export interface UpstreamRequest {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly method: string;
  /** Origin form. */
  readonly target: string;
  readonly headers: RawHeaders;
  /** Whole, or as it streams. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | null;
  /** Length of a streamed body in bytes; -1: chunked. */
  readonly streamBytes: number;
  readonly timeouts: AttemptTimeouts;
  readonly observer?: AttemptObserver;
}

/** Milliseconds. */
export interface AttemptTimeouts {
  readonly connectMs: number;
  /** From the request's last byte to the answer's head. */
  readonly responseMs: number;
  /** Silence within the answer's body. */
  readonly idleMs: number;
}

/** Is told how each attempt went. */
export interface AttemptObserver {
  /** The answer's head is here (`status`), or there will be none (0 and why). Called once, before the promise settles. */
  settled(status: number, error: OutriderError | undefined): void;
}

/** An attempt under way. */
export interface Attempt {
  /** Rejects with an `OutriderError`: `upstream_unreachable`, `upstream_failed`, `upstream_bad_response`, `upstream_timeout`. */
  readonly answer: Promise<Answer>;
  /** Gives up: the connection is closed unless the exchange is over. */
  abort(): void;
}

export interface Upstream {
  send(request: UpstreamRequest): Attempt;
  /** Closes every connection, those in use too. */
  close(): Promise<void>;
}

/** An unused connection is given up after this, or {@link KEEP_ALIVE_MARGIN_MS} before the server's own hint. */
const KEEP_ALIVE_MS = 4_000;
const KEEP_ALIVE_MARGIN_MS = 2_000;
/** What undici's controller has and its types don't tell: the answer's headers as they came. */
interface RawController {
  readonly rawHeaders: readonly { latin1Slice(start: number, end: number): string; readonly length: number }[] | null;
}

/** What the deadline is for, in turn; `sending` has one only while the upstream doesn't take what it is sent. */
type Phase = 'connecting' | 'sending' | 'waiting' | 'reading';

/** The life of one attempt: undici's handler, the answer, and the handle to abort it, in one object. */
class UpstreamExchange extends IncomingAnswer implements Dispatcher.DispatchHandler, Attempt, Deadline {
  readonly answer: Promise<Answer>;
  deadlineMs: number;
  place = -1;
  protected isSent = false;

  readonly #request: UpstreamRequest;
  readonly #pool: Pool;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  #resolve!: (answer: Answer) => void;
  #reject!: (error: OutriderError) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #phase: Phase = 'connecting';
  /** The answer's head was handed out, or there will be none. */
  #isSettled = false;
  #isRetried = false;

  constructor(request: UpstreamRequest, pool: Pool, clock: Clock, deadlines: Deadlines) {
    super();
    this.#request = request;
    this.#pool = pool;
    this.#clock = clock;
    this.#deadlines = deadlines;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.deadlineMs = clock.monotonic() + request.timeouts.connectMs;
    deadlines.watch(this);
    this.#dispatch();
  }

  protected get peekIdleMs(): number {
    return this.#request.timeouts.idleMs;
  }

  protected expectMore(): void {
    this.#expireIn(this.idleMs);
  }

  #dispatch(): void {
    const { method, target, headers, body, streamBytes } = this.#request;
    const isWhole = body === null || body instanceof Uint8Array;
    try {
      this.#pool.dispatch(
        {
          method: method as Dispatcher.HttpMethod,
          path: target,
          headers: (isWhole || streamBytes < 0
            ? headers
            : [...headers, 'content-length', String(streamBytes)]) as string[],
          // undici takes any async iterable; its type lists streams alone.
          body: (isWhole ? body : this.#paced(body)) as Buffer | null,
        },
        this,
      );
    } catch (error) {
      this.onResponseError(undefined, error as Error);
    }
  }

  /** The body as the upstream takes it: time runs while it doesn't, and not while the caller is slow. */
  async *#paced(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      if (this.#phase === 'sending') this.#expireIn(this.#request.timeouts.responseMs);
      yield chunk;
      if (this.#phase === 'sending') this.deadlineMs = Infinity;
    }
  }

  #expireIn(ms: number): void {
    this.deadlineMs = ms > 0 ? this.#clock.monotonic() + ms : Infinity;
  }

  expire(): void {
    const { connectMs, responseMs } = this.#request.timeouts;
    const timeout = (detail: string): void => this.#fail(new OutriderError('upstream_timeout', { detail }));
    switch (this.#phase) {
      case 'connecting':
        this.#fail(
          new OutriderError('upstream_timeout', {
            detail: `no connection to the provider within ${connectMs} ms`,
            outcome: 'not_sent',
            proxyError: 'connection_timeout',
          }),
        );
        break;
      case 'sending':
        timeout(`the provider took nothing of the request's body for ${responseMs} ms`);
        break;
      case 'waiting':
        timeout(`no answer from the provider within ${responseMs} ms`);
        break;
      case 'reading':
        // A caller who reads slowly is not the upstream's silence.
        if (this.#controller?.paused) this.#expireIn(this.idleMs);
        else timeout(`silence for ${this.idleMs} ms within the provider's answer`);
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.failure) {
      controller.abort(this.failure);
      return;
    }
    this.#phase = 'sending';
    this.deadlineMs = Infinity;
  }

  onRequestSent(): void {
    this.isSent = true;
    if (this.#isSettled) return;
    this.#phase = 'waiting';
    this.#expireIn(this.#request.timeouts.responseMs);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _headers: unknown, reason?: string): void {
    // 1xx are dropped; the final answer is still to come.
    if (status < 200) return;
    this.#phase = 'reading';
    this.deadlineMs = Infinity;
    this.status = status;
    this.reason = reason ?? '';
    const headers: string[] = [];
    const raw = (controller as unknown as RawController).rawHeaders ?? [];
    for (const text of raw) headers.push(text.latin1Slice(0, text.length));
    this.headers = headers;
    if (isAmbiguous(headers)) {
      this.#fail(new OutriderError('upstream_bad_response', { detail: 'the length of the answer is ambiguous' }));
      return;
    }
    this.#isSettled = true;
    this.#request.observer?.settled(status, undefined);
    this.#resolve(this);
  }

  onResponseData(_controller: unknown, chunk: Buffer): void {
    if (!this.failure) this.received(chunk);
  }

  onResponseEnd(): void {
    if (this.failure) return;
    this.#deadlines.forget(this);
    this.ended();
  }

  onResponseError(_controller: unknown, error: Error): void {
    if (this.isEnded || this.failure) return;
    const isConnecting = this.#phase === 'connecting';
    if (isConnecting && !this.#isRetried && isConnectRetryable(error) && this.#clock.monotonic() < this.deadlineMs) {
      this.#isRetried = true;
      this.#dispatch();
      return;
    }
    this.#fail(upstreamError(error, { isStarted: !isConnecting, hasHead: this.#isSettled }));
  }

  #fail(error: OutriderError): void {
    if (this.failure || this.isEnded) return;
    this.failure = error;
    this.#deadlines.forget(this);
    this.#controller?.abort(error);
    if (this.#isSettled) {
      this.broke(error);
      return;
    }
    this.#isSettled = true;
    this.#request.observer?.settled(0, error);
    this.#reject(error);
  }

  abort(): void {
    this.#fail(new OutriderError('upstream_failed', { detail: 'given up' }));
  }

  protected pauseSource(): void {
    this.#controller?.pause();
  }

  protected resumeSource(): void {
    this.#controller?.resume();
  }
}

/** One pool of HTTP/1.1 connections per origin; redirects, caches and retries of its own it has none. */
export function createUpstream(clock: Clock): Upstream {
  const pools = new Map<string, Pool>();
  const deadlines = new Deadlines(clock);
  const poolFor = (origin: string, connectMs: number): Pool => {
    const key = `${origin} ${connectMs}`;
    let pool = pools.get(key);
    if (!pool) {
      pool = new Pool(origin, {
        allowH2: false,
        pipelining: 1,
        // Said here, so that no environment variable can say otherwise.
        connect: { timeout: connectMs + 1_000, rejectUnauthorized: true },
        headersTimeout: 0,
        bodyTimeout: 0,
        keepAliveTimeout: KEEP_ALIVE_MS,
        keepAliveTimeoutThreshold: KEEP_ALIVE_MARGIN_MS,
        keepAliveMaxTimeout: 600_000,
        maxHeaderSize: 64 * 1024,
      });
      pools.set(key, pool);
    }
    return pool;
  };
  return {
    send: (request) =>
      new UpstreamExchange(request, poolFor(request.origin, request.timeouts.connectMs), clock, deadlines),
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
      pools.clear();
    },
  };
}
