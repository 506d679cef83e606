import { Pool, type Dispatcher } from 'undici';
import type { Clock, Timer } from '../core/clock.ts';
import { OutriderError } from '../core/errors.ts';
import type { RawHeaders } from '../core/headers.ts';
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
  readonly connectMs: number;
  readonly responseMs: number;
  readonly idleMs: number;
}

/** Where an answer's body goes. `abort` is called instead of `end` when it broke. */
export interface AnswerSink {
  write(chunk: Uint8Array): boolean;
  end(): void;
  abort(error: OutriderError): void;
}

/** An answer whose head is here. Its body waits, with backpressure, until it is piped, peeked at or discarded. */
export interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly headers: RawHeaders;
  /** The body if all of it is here. */
  readonly whole: Uint8Array | undefined;
  /** Waits for the body and returns it, or undefined when it is longer than `maxBytes` or breaks. It can still be piped. */
  peek(maxBytes: number): Promise<Uint8Array | undefined>;
  /** @param idleMs Longest silence within the body; 0: any. */
  pipe(sink: AnswerSink, idleMs: number): void;
  /** After `sink.write` returned false: go on. */
  resume(): void;
  /** Nobody wants the body. */
  discard(): void;
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
/** Beyond this much that nobody has asked for, the upstream waits. */
const BUFFER_BYTES = 64 * 1024;
const EMPTY = new Uint8Array(0);

const text = (raw: Uint8Array | string): string => (typeof raw === 'string' ? raw : (raw as Buffer).toString('latin1'));

/** The life of one attempt: undici's handler, the answer, and the handle to abort it, in one object. */
class Exchange implements Dispatcher.DispatchHandler, Attempt, Answer {
  readonly answer: Promise<Answer>;
  status = 0;
  reason = '';
  headers: RawHeaders = [];
  whole: Uint8Array | undefined;

  readonly #request: UpstreamRequest;
  readonly #pool: Pool;
  readonly #clock: Clock;
  #resolve!: (answer: Answer) => void;
  #reject!: (error: OutriderError) => void;
  #controller: Dispatcher.DispatchController | undefined;
  /** The request's first byte may have been written. */
  #isStarted = false;
  #isSent = false;
  /** The answer's head was handed out, or there will be none. */
  #isSettled = false;
  #isEnded = false;
  #isRetried = false;
  #failure: OutriderError | undefined;
  #timer: Timer | undefined;
  readonly #deadlineMs: number;
  #chunks: Uint8Array[] = [];
  #bufferedBytes = 0;
  #sink: AnswerSink | undefined;
  #idleMs = 0;
  #lastActivityMs = 0;
  #onBuffered: (() => void) | undefined;
  #bufferLimit = BUFFER_BYTES;

  constructor(request: UpstreamRequest, pool: Pool, clock: Clock) {
    this.#request = request;
    this.#pool = pool;
    this.#clock = clock;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#deadlineMs = clock.monotonic() + request.connectMs;
    this.#dispatch();
  }

  #dispatch(): void {
    const { method, target, headers, body, streamBytes } = this.#request;
    this.#timer ??= this.#clock.after(this.#request.connectMs, () =>
      this.#fail(
        new OutriderError('upstream_timeout', {
          detail: `no connection to the provider within ${this.#request.connectMs} ms`,
          outcome: 'not_sent',
          proxyError: 'connection_timeout',
        }),
      ),
    );
    const isStream = body !== null && !(body instanceof Uint8Array);
    try {
      this.#pool.dispatch(
        {
          method: method as Dispatcher.HttpMethod,
          path: target,
          headers: (isStream && streamBytes >= 0
            ? [...headers, 'content-length', String(streamBytes)]
            : headers) as string[],
          // undici takes any async iterable; its type lists streams alone.
          body: body as Buffer | null,
        },
        this,
      );
    } catch (error) {
      this.onResponseError(undefined, error as Error);
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#failure) {
      controller.abort(this.#failure);
      return;
    }
    this.#isStarted = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  onRequestSent(): void {
    this.#isSent = true;
    if (this.#isSettled) return;
    const { responseMs } = this.#request;
    this.#timer = this.#clock.after(responseMs, () =>
      this.#fail(
        new OutriderError('upstream_timeout', { detail: `no answer from the provider within ${responseMs} ms` }),
      ),
    );
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _headers: unknown, reason?: string): void {
    // 1xx are dropped; the final answer is still to come.
    if (status < 200) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.status = status;
    this.reason = reason ?? '';
    this.headers = ((controller as { rawHeaders?: (Uint8Array | string)[] }).rawHeaders ?? []).map(text);
    this.#isSettled = true;
    this.#resolve(this);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#lastActivityMs = this.#idleMs > 0 ? this.#clock.monotonic() : 0;
    if (this.#sink) {
      if (!this.#sink.write(chunk)) controller.pause();
      return;
    }
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.length;
    if (this.#bufferedBytes > this.#bufferLimit) {
      controller.pause();
      this.#onBuffered?.();
    }
  }

  onResponseEnd(): void {
    this.#isEnded = true;
    this.#timer?.cancel();
    if (this.#sink) {
      this.#sink.end();
      return;
    }
    this.whole =
      this.#chunks.length === 1
        ? (this.#chunks[0] as Uint8Array)
        : this.#chunks.length === 0
          ? EMPTY
          : Buffer.concat(this.#chunks);
    this.#onBuffered?.();
  }

  onResponseError(_controller: unknown, error: Error): void {
    if (this.#isEnded) return;
    if (
      !this.#isStarted &&
      !this.#failure &&
      !this.#isRetried &&
      isConnectRetryable(error) &&
      this.#clock.monotonic() < this.#deadlineMs
    ) {
      this.#isRetried = true;
      this.#dispatch();
      return;
    }
    this.#fail(upstreamError(error, this.#isStarted));
  }

  #fail(error: OutriderError): void {
    if (this.#failure || this.#isEnded) return;
    this.#failure = error;
    this.#timer?.cancel();
    this.#controller?.abort(error);
    if (!this.#isSettled) {
      this.#isSettled = true;
      this.#reject(error);
      return;
    }
    this.#onBuffered?.();
    this.#sink?.abort(error);
  }

  abort(): void {
    this.#fail(new OutriderError('upstream_failed', { detail: 'given up' }));
  }

  async peek(maxBytes: number): Promise<Uint8Array | undefined> {
    this.#bufferLimit = maxBytes;
    if (!this.whole && !this.#failure && this.#bufferedBytes <= maxBytes) {
      if (this.#request.idleMs > 0) this.#watchIdle(this.#request.idleMs);
      await new Promise<void>((resolve) => (this.#onBuffered = resolve));
      this.#onBuffered = undefined;
      this.#timer?.cancel();
    }
    return this.whole && this.whole.length <= maxBytes ? this.whole : undefined;
  }

  pipe(sink: AnswerSink, idleMs: number): void {
    if (this.#failure) {
      sink.abort(this.#failure);
      return;
    }
    let isWritable = true;
    if (this.whole) {
      if (this.whole.length > 0) sink.write(this.whole);
      sink.end();
      return;
    }
    this.#sink = sink;
    for (const chunk of this.#chunks) isWritable = sink.write(chunk) && isWritable;
    this.#chunks = [];
    if (idleMs > 0) this.#watchIdle(idleMs);
    if (isWritable) this.#controller?.resume();
    else this.#controller?.pause();
  }

  #watchIdle(idleMs: number): void {
    this.#idleMs = idleMs;
    this.#lastActivityMs = this.#clock.monotonic();
    const check = (): void => {
      // A caller who reads slowly is not the upstream's silence.
      if (this.#controller?.paused) this.#lastActivityMs = this.#clock.monotonic();
      const restMs = this.#lastActivityMs + idleMs - this.#clock.monotonic();
      if (restMs > 0) this.#timer = this.#clock.after(restMs, check);
      else
        this.#fail(
          new OutriderError('upstream_timeout', { detail: `silence for ${idleMs} ms within the provider's answer` }),
        );
    };
    this.#timer = this.#clock.after(idleMs, check);
  }

  resume(): void {
    this.#lastActivityMs = this.#clock.monotonic();
    this.#controller?.resume();
  }

  discard(): void {
    if (this.#isEnded || this.#failure) return;
    // A short rest is read, so that the connection can be used again.
    let restBytes = BUFFER_BYTES;
    if (!this.#isSent) {
      this.abort();
      return;
    }
    this.pipe(
      {
        write: (chunk) => {
          restBytes -= chunk.length;
          if (restBytes < 0) this.abort();
          return true;
        },
        end: () => undefined,
        abort: () => undefined,
      },
      1_000,
    );
  }
}

/** One pool of HTTP/1.1 connections per origin; redirects, caches and retries of its own it has none. */
export function createUpstream(clock: Clock): Upstream {
  const pools = new Map<string, Pool>();
  const poolFor = (origin: string, connectMs: number): Pool => {
    const key = `${origin} ${connectMs}`;
    let pool = pools.get(key);
    if (!pool) {
      pool = new Pool(origin, {
        allowH2: false,
        pipelining: 1,
        connect: { timeout: connectMs + 1_000 },
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
    send: (request) => new Exchange(request, poolFor(request.origin, request.connectMs), clock),
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
      pools.clear();
    },
  };
}
