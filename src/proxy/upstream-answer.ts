import type { OutriderError } from '../core/errors.ts';
import type { RawHeaders } from '../core/headers.ts';
import type { ReadScheduler } from '../http1/read-scheduler.ts';

/** Takes an answer's body. `end` or `abort` is the last call. */
export interface AnswerSink {
  /** Returns false when no more should come until `resume` is called. */
  write(chunk: Uint8Array): boolean;
  end(): void;
  /** The body broke off. */
  abort(error: OutriderError): void;
}

/**
 * An answer of an upstream whose head has come. Its body waits, with backpressure, until it is piped, peeked at or discarded.
 */
export interface UpstreamAnswer {
  readonly status: number;
  readonly reason: string;
  readonly headers: RawHeaders;
  /** The body, once all of it has come; undefined before. */
  readonly whole: Uint8Array | undefined;
  /**
   * Waits for the whole body and resolves with it. Resolves with undefined when it is longer than `maxBytes`, breaks off, or is
   * not wanted. The body can still be piped afterwards.
   * @param isWanted Called with each chunk in turn. Returns false to stop waiting.
   */
  peek(maxBytes: number, isWanted?: (chunk: Uint8Array) => boolean): Promise<Uint8Array | undefined>;
  /**
   * Hands the body to `sink`.
   * @param idleMs The longest silence within the body, in milliseconds, before it fails with `upstream_timeout`; 0: no limit.
   */
  pipe(sink: AnswerSink, idleMs: number): void;
  /** Goes on after `sink.write` returned false. */
  resume(): void;
  /** Drops the body: a short rest is read, so that the connection can be used again; a long one closes it. */
  discard(): void;
}

/** How many bytes are held before anybody asks for them. Then the source is paused. */
const BUFFER_BYTES = 64 * 1024;
/** How long the rest of a discarded body may stay silent. */
const DISCARD_MS = 1_000;
const EMPTY = new Uint8Array(0);

/**
 * The receiving half of an exchange with an upstream. It holds the part of the body that nobody has asked for yet, and hands
 * the rest to whoever pipes or peeks. A subclass brings the bytes: it calls `received`, then `ended` or `broke`.
 */
export abstract class IncomingAnswer implements UpstreamAnswer {
  status = 0;
  reason = '';
  headers: RawHeaders = [];
  whole: Uint8Array | undefined;
  protected failure: OutriderError | undefined;
  protected isEnded = false;
  #chunks: Uint8Array[] = [];
  #bufferedBytes = 0;
  #bufferLimit = BUFFER_BYTES;
  #onBuffered: (() => void) | undefined;
  #isWanted: (chunk: Uint8Array) => boolean = () => true;
  #sink: AnswerSink | undefined;
  /** Whether the sink takes no more for now. */
  #isBlocked = false;
  /** Whether the body waits until other bodies have had their turn. */
  #isQueued = false;
  /** The longest silence while somebody reads, in milliseconds; 0: no limit. */
  protected idleMs = 0;

  protected abstract readonly scheduler: ReadScheduler;
  protected abstract pauseSource(): void;
  protected abstract resumeSource(): void;
  /** Whether the request's last byte was written. */
  protected abstract readonly isSent: boolean;
  /** Starts the time limit for silence (`idleMs`) anew; with 0 there is none. */
  protected abstract expectMore(): void;
  /** Closes the connection. */
  abstract abort(): void;

  protected received(chunk: Uint8Array): void {
    if (this.idleMs > 0) this.expectMore();
    if (this.#sink) {
      this.#isBlocked = !this.#sink.write(chunk);
      this.#isQueued = !this.scheduler.mayReadOn(chunk.length, () => {
        this.#isQueued = false;
        this.#advance();
      });
      if (this.#isBlocked || this.#isQueued) this.pauseSource();
      return;
    }
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.length;
    if (this.#bufferedBytes > this.#bufferLimit) {
      this.pauseSource();
      this.#onBuffered?.();
    } else if (this.#onBuffered && !this.#isWanted(chunk)) {
      this.#onBuffered();
    }
  }

  protected ended(): void {
    this.isEnded = true;
    if (this.#sink) {
      this.#sink.end();
      return;
    }
    const chunks = this.#chunks;
    this.whole = chunks.length === 1 ? chunks[0] : chunks.length === 0 ? EMPTY : Buffer.concat(chunks);
    this.#onBuffered?.();
  }

  protected broke(error: OutriderError): void {
    this.#onBuffered?.();
    this.#sink?.abort(error);
  }

  #watch(idleMs: number): void {
    this.idleMs = idleMs;
    this.expectMore();
  }

  /** The longest silence during `peek`, in milliseconds. */
  protected abstract readonly peekIdleMs: number;

  async peek(maxBytes: number, isWanted: (chunk: Uint8Array) => boolean = () => true): Promise<Uint8Array | undefined> {
    this.#bufferLimit = maxBytes;
    if (!this.whole && !this.failure && this.#bufferedBytes <= maxBytes && this.#chunks.every(isWanted)) {
      this.#isWanted = isWanted;
      this.#watch(this.peekIdleMs);
      this.resumeSource();
      await new Promise<void>((resolve) => (this.#onBuffered = resolve));
      this.#onBuffered = undefined;
      this.#watch(0);
    }
    return this.whole && this.whole.length <= maxBytes ? this.whole : undefined;
  }

  pipe(sink: AnswerSink, idleMs: number): void {
    if (this.failure) {
      sink.abort(this.failure);
      return;
    }
    if (this.whole) {
      if (this.whole.length > 0) sink.write(this.whole);
      sink.end();
      return;
    }
    this.#sink = sink;
    for (const chunk of this.#chunks) this.#isBlocked = !sink.write(chunk) || this.#isBlocked;
    this.#chunks = [];
    this.#watch(idleMs);
    if (this.#isBlocked) this.pauseSource();
    else this.resumeSource();
  }

  #advance(): void {
    if (!this.#isBlocked && !this.#isQueued && !this.failure && !this.isEnded) this.resumeSource();
  }

  resume(): void {
    if (this.idleMs > 0) this.expectMore();
    this.#isBlocked = false;
    this.#advance();
  }

  discard(): void {
    if (this.isEnded || this.failure) return;
    if (!this.isSent) {
      this.abort();
      return;
    }
    // Reading a short rest keeps the connection usable.
    let restBytes = BUFFER_BYTES;
    const write = (chunk: Uint8Array): boolean => {
      restBytes -= chunk.length;
      if (restBytes < 0) this.abort();
      return true;
    };
    this.pipe({ write, end: () => undefined, abort: () => undefined }, DISCARD_MS);
  }
}
