import type { Clock } from '../core/clock.ts';
import { OutriderError } from '../core/errors.ts';
import type { RawHeaders } from '../core/headers.ts';
import type { TlsIdentity } from '../core/tls.ts';
import type { ResponseHandler, ExchangeControls } from '../http1/client-connection.ts';
import type { AnswerHead } from '../http1/head.ts';
import type { ReadScheduler } from '../http1/read-scheduler.ts';
import type { TimedAttempt } from './attempt-phases.ts';
import { IncomingAnswer, type UpstreamAnswer } from './upstream-answer.ts';
import { Deadlines, type Deadline } from './deadlines.ts';
import { isConnectRetryable, upstreamError } from './failure.ts';

/** The request of one attempt at an upstream. It is complete but for Host, Connection and the framing. */
export interface UpstreamRequest {
  /** Scheme, host and port. */
  readonly origin: string;
  /** How TLS is spoken there; undefined: without a certificate of ours, and with the system's roots. */
  readonly tls?: TlsIdentity | undefined;
  readonly method: string;
  /** In origin form (RFC 9112 §3.2.1). */
  readonly target: string;
  readonly headers: RawHeaders;
  /** The whole body, a stream of its pieces, or null for none. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | null;
  /** The length of a body that streams, in bytes; -1: chunked. Not read for any other body. */
  readonly streamBytes: number;
  readonly timeouts: AttemptTimeouts;
  readonly observer?: AttemptObserver;
}

/** The time limits of one attempt, in milliseconds. */
export interface AttemptTimeouts {
  /** For the connection, TLS included, with one retry. */
  readonly connectMs: number;
  /** From the request's last byte to the answer's head; also while the upstream takes nothing of a body. 0: no limit. */
  readonly responseMs: number;
  /** For silence within the answer's body while it is peeked at; `pipe` gets its own. 0: no limit. */
  readonly idleMs: number;
}

/** Is called with how an attempt went. */
export interface AttemptObserver {
  /**
   * Called once, before the promise of the answer settles: with the answer's status, or with 0 and the reason why none comes.
   * @param atMs When that was known, by `clock.monotonic()`.
   */
  onOutcome(status: number, error: OutriderError | undefined, atMs: number): void;
}

/** An attempt under way, and when its phases ended. */
export interface Attempt extends TimedAttempt {
  /**
   * Resolves when the answer's head has come. Rejects with an `OutriderError`: `upstream_unreachable`, `upstream_failed`,
   * `upstream_bad_response`, `upstream_timeout`, or what the request's body threw.
   */
  readonly answer: Promise<UpstreamAnswer>;
  /** Whether the first byte of the request may have been written. */
  readonly mayHaveSent: boolean;
  /** Gives up: closes the connection, unless the exchange is over. */
  abort(): void;
}

/** The part of a request that a carrier needs. */
export type CarriedRequest = Pick<UpstreamRequest, 'method' | 'target' | 'headers' | 'body' | 'streamBytes'>;

/** Carries requests to one origin. Each request has a connection to itself until its exchange is over. */
export interface Carrier {
  /** Sends a request. `exchange` is told what becomes of it, until the returned `abort` is called. */
  send(request: CarriedRequest, exchange: ResponseHandler): { abort(): void };
}

/** The phase to which the deadline belongs. In `sending` there is one only while the upstream doesn't take the body. */
type Phase = 'connecting' | 'sending' | 'waiting' | 'reading';

/**
 * One attempt from start to end. It is the handler of its connection's events, the answer, and the handle to abort it: one
 * object for one request.
 */
export class UpstreamExchange extends IncomingAnswer implements Attempt, Deadline, ResponseHandler {
  readonly answer: Promise<UpstreamAnswer>;
  deadlineMs: number;
  place = -1;
  readonly startedMs: number;
  connectedMs = Number.NaN;
  sentMs = Number.NaN;
  headMs = Number.NaN;
  endedMs = Number.NaN;
  protected isSent = false;

  readonly #request: UpstreamRequest;
  readonly #carrier: Carrier;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  protected readonly scheduler: ReadScheduler;
  #resolve!: (answer: UpstreamAnswer) => void;
  #reject!: (error: OutriderError) => void;
  #sending: { abort(): void } | undefined;
  #controls: ExchangeControls | undefined;
  #phase: Phase = 'connecting';
  /** Whether the promise of the answer has settled. */
  #isSettled = false;
  #isRetried = false;

  constructor(
    request: UpstreamRequest,
    carrier: Carrier,
    clock: Clock,
    deadlines: Deadlines,
    scheduler: ReadScheduler,
  ) {
    super();
    this.scheduler = scheduler;
    this.#request = request;
    this.#carrier = carrier;
    this.#clock = clock;
    this.#deadlines = deadlines;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.startedMs = clock.monotonic();
    this.deadlineMs = this.startedMs + request.timeouts.connectMs;
    deadlines.watch(this);
    this.#send();
  }

  protected get peekIdleMs(): number {
    return this.#request.timeouts.idleMs;
  }

  protected expectMore(): void {
    this.#expireIn(this.idleMs);
  }

  #send(): void {
    const { body } = this.#request;
    const isWhole = body === null || body instanceof Uint8Array;
    try {
      const request = isWhole ? this.#request : { ...this.#request, body: this.#paced(body) };
      this.#sending = this.#carrier.send(request, this);
    } catch (error) {
      this.onFailed(error as Error);
    }
  }

  /** Yields the body, with a time limit while the upstream doesn't take a chunk. No limit runs while the caller is slow. */
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

  get errorCode(): string | undefined {
    return this.failure?.code;
  }

  #expireIn(ms: number, nowMs = this.#clock.monotonic()): void {
    this.deadlineMs = ms > 0 ? nowMs + ms : Infinity;
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
        // While a slow caller pauses the connection, silence is not the upstream's fault.
        if (this.#controls?.isPaused) this.#expireIn(this.idleMs);
        else timeout(`silence for ${this.idleMs} ms within the provider's answer`);
    }
  }

  onStarted(controls: ExchangeControls): void {
    this.#controls = controls;
    if (this.failure) {
      controls.abort();
      return;
    }
    this.#phase = 'sending';
    this.connectedMs = this.#clock.monotonic();
    this.deadlineMs = Infinity;
  }

  onSent(): void {
    this.isSent = true;
    if (this.#isSettled) return;
    this.#phase = 'waiting';
    this.sentMs = this.#clock.monotonic();
    this.#expireIn(this.#request.timeouts.responseMs, this.sentMs);
  }

  onHead({ status, reason, fields }: AnswerHead): void {
    this.#phase = 'reading';
    this.headMs = this.#clock.monotonic();
    this.deadlineMs = Infinity;
    this.status = status;
    this.reason = reason;
    this.headers = fields;
    this.#isSettled = true;
    // After a switch of protocols there are no deadlines.
    if (status === 101) this.#deadlines.forget(this);
    this.#request.observer?.onOutcome(status, undefined, this.headMs);
    this.#resolve(this);
  }

  onData(piece: Buffer): void {
    if (!this.failure) this.received(piece);
  }

  onEnd(): void {
    if (this.failure) return;
    this.endedMs = this.#clock.monotonic();
    this.#deadlines.forget(this);
    this.ended();
  }

  onFailed(error: Error): void {
    if (this.isEnded || this.failure) return;
    const isConnecting = this.#phase === 'connecting';
    if (isConnecting && !this.#isRetried && isConnectRetryable(error) && this.#clock.monotonic() < this.deadlineMs) {
      this.#isRetried = true;
      this.#send();
      return;
    }
    this.#fail(upstreamError(error, !isConnecting));
  }

  #fail(error: OutriderError): void {
    if (this.failure || this.isEnded) return;
    this.failure = error;
    this.endedMs = this.#clock.monotonic();
    this.#deadlines.forget(this);
    this.#controls?.abort();
    this.#sending?.abort();
    if (this.#isSettled) {
      this.broke(error);
      return;
    }
    this.#isSettled = true;
    this.#request.observer?.onOutcome(0, error, this.endedMs);
    this.#reject(error);
  }

  abort(): void {
    this.#fail(new OutriderError('upstream_failed', { detail: 'given up' }));
  }

  protected pauseSource(): void {
    this.#controls?.pause();
  }

  protected resumeSource(): void {
    this.#controls?.resume();
  }
}
