import { headerValues } from '../core/headers.ts';
import type { MaybePromise } from '../core/http.ts';
import { mayHaveBody } from '../http1/server-request.ts';
import type { Answering } from './downstream.ts';

/** How many bytes of a body come behind the head of an answer. Infinity where the head doesn't tell. */
function bodyBytes(method: string, status: number, headers: readonly string[]): number {
  if (!mayHaveBody(method, status)) return 0;
  const [length] = headerValues(headers, 'content-length');
  return length === undefined ? Infinity : Number(length);
}

/**
 * Hands an answer on, and holds its end back until `before` is done: the last byte of a body of known length, the last chunk, the
 * end of the connection, or a head that stands alone. What comes before the end is handed on at once.
 */
export class HeldAnswer implements Answering {
  readonly #downstream: Answering;
  readonly #before: () => MaybePromise<void>;
  #restBytes = Infinity;
  #isDone = false;
  /** What has to wait for `before`. Undefined while nothing waits. */
  #waiting: (() => void)[] | undefined;

  /** @param before Called once, when all but the end is there. It must not throw or reject. */
  constructor(downstream: Answering, before: () => MaybePromise<void>) {
    this.#downstream = downstream;
    this.#before = before;
  }

  get method(): string {
    return this.#downstream.method;
  }

  get onDrain(): (() => void) | undefined {
    return this.#downstream.onDrain;
  }

  set onDrain(onDrain: (() => void) | undefined) {
    this.#downstream.onDrain = onDrain;
  }

  answer(status: number, reason: string, headers: readonly string[], body: Uint8Array | string): void {
    this.#finish(() => this.#downstream.answer(status, reason, headers, body));
  }

  startAnswer(status: number, reason: string, headers: readonly string[]): void {
    this.#restBytes = bodyBytes(this.method, status, headers);
    const start = (): void => this.#downstream.startAnswer(status, reason, headers);
    if (this.#restBytes === 0) this.#finish(start);
    else start();
  }

  write(piece: Uint8Array): boolean {
    this.#restBytes -= piece.length;
    if (this.#restBytes > 0 && !this.#waiting) return this.#downstream.write(piece);
    let mayGoOn = false;
    this.#finish(() => (mayGoOn = this.#downstream.write(piece)));
    return mayGoOn;
  }

  end(): void {
    this.#finish(() => this.#downstream.end());
  }

  cut(): void {
    this.#waiting = undefined;
    this.#downstream.cut();
  }

  closeAfterAnswer(): void {
    this.#downstream.closeAfterAnswer();
  }

  /** Runs a step that completes the answer, or comes behind such a step, once `before` is done. */
  #finish(step: () => void): void {
    if (this.#waiting) {
      this.#waiting.push(step);
      return;
    }
    const wait = this.#isDone ? undefined : this.#before();
    this.#isDone = true;
    if (!wait) {
      step();
      return;
    }
    this.#waiting = [step];
    void wait.then(() => this.#release());
  }

  #release(): void {
    const steps = this.#waiting ?? [];
    this.#waiting = undefined;
    try {
      for (const step of steps) step();
    } catch {
      // Part of an answer has gone out already.
      this.#downstream.cut();
    }
    this.#downstream.onDrain?.();
  }
}
