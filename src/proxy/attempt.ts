import type { Clock } from '../core/clock.ts';
import { OutriderError } from '../core/errors.ts';
import type { RawHeaders } from '../core/headers.ts';
import { framingOf, IncomingAnswer, type Answer, type AnswerFraming } from './answer.ts';
import { Deadlines, type Deadline } from './deadlines.ts';
import { isConnectRetryable, upstreamError } from './failure.ts';
import type { Wire } from './wire.ts';

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
  /** Whether the request's first byte may have been written. */
  readonly mayHaveSent: boolean;
  /** Gives up: the connection is closed unless the exchange is over. */
  abort(): void;
}

/** Header text as it came; undici hands out Node's Buffers. */
export interface RawText {
  readonly length: number;
  latin1Slice(start: number, end: number): string;
}

/** What is in hand of an exchange that has begun: undici's controller. */
export interface Controller {
  readonly paused: boolean;
  readonly rawHeaders: readonly RawText[] | null;
  pause(): void;
  resume(): void;
  abort(reason: Error): void;
}

/** The request as the engine takes it. */
export interface Dispatch {
  readonly method: string;
  readonly path: string;
  readonly headers: RawHeaders;
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | null;
}

/** A connection that carries one exchange at a time; it connects when it has to. */
export interface Connection {
  /** Of the socket that it last had. */
  readonly wire?: Wire;
  dispatch(request: Dispatch, handler: UpstreamExchange): void;
}

/** Where connections to one origin come from and go back to. */
export interface Connections {
  take(): Connection;
  /** After an exchange that ended well. */
  give(connection: Connection): void;
  /** After one that did not. */
  drop(connection: Connection): void;
}

/** The engine takes them for headers of the connection's next answer, which it then refuses. */
const SPOILING_TRAILERS = ['connection', 'proxy-connection', 'transfer-encoding', 'upgrade'];

/** What the deadline is for, in turn; `sending` has one only while the upstream doesn't take what it is sent. */
type Phase = 'connecting' | 'sending' | 'waiting' | 'reading';

/** The life of one attempt: undici's handler, the answer, and the handle to abort it, in one object. */
export class UpstreamExchange extends IncomingAnswer implements Attempt, Deadline {
  readonly answer: Promise<Answer>;
  deadlineMs: number;
  place = -1;
  protected isSent = false;

  readonly #request: UpstreamRequest;
  readonly #connections: Connections;
  #connection: Connection | undefined;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  #resolve!: (answer: Answer) => void;
  #reject!: (error: OutriderError) => void;
  #controller: Controller | undefined;
  #phase: Phase = 'connecting';
  /** The answer's head was handed out, or there will be none. */
  #isSettled = false;
  #isRetried = false;
  #framing: AnswerFraming = 'length';

  constructor(request: UpstreamRequest, connections: Connections, clock: Clock, deadlines: Deadlines) {
    super();
    this.#request = request;
    this.#connections = connections;
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
    this.#connection = this.#connections.take();
    try {
      this.#connection.dispatch(
        {
          method,
          path: target,
          headers: isWhole || streamBytes < 0 ? headers : [...headers, 'content-length', String(streamBytes)],
          body: isWhole ? body : this.#paced(body),
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

  get mayHaveSent(): boolean {
    return this.#phase !== 'connecting';
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

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    if (this.failure) {
      controller.abort(this.failure);
      return;
    }
    this.#phase = 'sending';
    this.deadlineMs = Infinity;
    this.#connection?.wire?.expectAnswer();
  }

  onRequestSent(): void {
    this.isSent = true;
    if (this.#isSettled) return;
    this.#phase = 'waiting';
    this.#expireIn(this.#request.timeouts.responseMs);
  }

  onResponseStart(controller: Controller, status: number): void {
    const wire = this.#connection?.wire;
    this.#phase = 'reading';
    this.deadlineMs = Infinity;
    this.status = status;
    this.reason = wire?.reason ?? '';
    const headers: string[] = [];
    const raw = controller.rawHeaders ?? [];
    for (const text of raw) headers.push(text.latin1Slice(0, text.length));
    this.headers = headers;
    this.#framing = framingOf(headers, wire?.isHttp10 ?? false);
    if (this.#framing === 'ambiguous') {
      this.#fail(new OutriderError('upstream_bad_response', { detail: 'the length of the answer is ambiguous' }));
      return;
    }
    this.#isSettled = true;
    // Nothing has to happen by any time in what follows.
    if (status === 101) this.#deadlines.forget(this);
    this.#request.observer?.settled(status, undefined);
    this.#resolve(this);
  }

  onResponseData(_controller: unknown, chunk: Buffer): void {
    if (!this.failure) this.received(chunk);
  }

  onResponseEnd(_controller: unknown, trailers: Readonly<Record<string, unknown>>): void {
    // The engine takes a reset for the end of a body that only the connection's end tells.
    const { wire } = this.#connection as Connection;
    wire?.expectNothing();
    const broken = this.#framing === 'close' ? wire?.brokenBy : undefined;
    if (broken) {
      this.onResponseError(undefined, broken);
      return;
    }
    if (SPOILING_TRAILERS.some((name) => name in trailers)) this.#connections.drop(this.#connection as Connection);
    else this.#connections.give(this.#connection as Connection);
    if (this.failure) return;
    this.#deadlines.forget(this);
    this.ended();
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#connections.drop(this.#connection as Connection);
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
    if (this.#controller) this.#controller.abort(error);
    else this.#connections.drop(this.#connection as Connection);
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
