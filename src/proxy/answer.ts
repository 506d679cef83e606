import type { OutriderError } from '../core/errors.ts';
import type { RawHeaders } from '../core/headers.ts';
import type { ReadScheduler } from '../http1/read-scheduler.ts';

/** Where an answer's body goes. `abort` is called instead of `end` when it broke. */
export interface AnswerSink {
  /** False: no more until `resume`. */
  write(chunk: Uint8Array): boolean;
  end(): void;
  abort(error: OutriderError): void;
}

/** An answer whose head is here. Its body waits, with backpressure, until it is piped, peeked at or discarded. */
export interface UpstreamAnswer {
  readonly status: number;
  readonly reason: string;
  readonly headers: RawHeaders;
  /** The body if all of it is here. */
  readonly whole: Uint8Array | undefined;
  /**
   * Waits for the body and returns it, or undefined when it is longer than `maxBytes` or breaks. It can still be piped.
   * @param isWanted Is shown the chunks in turn; false: nobody waits for the rest.
   */
  peek(maxBytes: number, isWanted?: (chunk: Uint8Array) => boolean): Promise<Uint8Array | undefined>;
  /** @param idleMs Longest silence within the body; 0: any. */
  pipe(sink: AnswerSink, idleMs: number): void;
  /** After `sink.write` returned false: go on. */
  resume(): void;
  /** Nobody wants the body. */
  discard(): void;
}

/** Beyond this much that nobody has asked for, the source waits. */
const BUFFER_BYTES = 64 * 1024;
const DISCARD_MS = 1_000;
const EMPTY = new Uint8Array(0);

/** The receiving half of an exchange with an upstream: what has arrived and not been asked for yet, and who asks. */
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
  /** The sink takes no more for now. */
  #isBlocked = false;
  /** Others are to have their turn. */
  #isQueued = false;
  /** Longest silence that is borne while somebody reads; 0: any. */
  protected idleMs = 0;

  protected abstract readonly scheduler: ReadScheduler;
  protected abstract pauseSource(): void;
  protected abstract resumeSource(): void;
  /** Whether the request's last byte has gone. */
  protected abstract readonly isSent: boolean;
  /** Silence longer than `idleMs` from now on is a failure; 0: none is. */
  protected abstract expectMore(): void;
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

  /** How long `peek` bears silence, milliseconds. */
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
    // A short rest is read, so that the connection can be used again.
    let restBytes = BUFFER_BYTES;
    const write = (chunk: Uint8Array): boolean => {
      restBytes -= chunk.length;
      if (restBytes < 0) this.abort();
      return true;
    };
    this.pipe({ write, end: () => undefined, abort: () => undefined }, DISCARD_MS);
  }
}
