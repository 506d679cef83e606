import type { Clock, Timer } from '../core/clock.ts';
import type { MaybePromise } from '../core/http.ts';

const SLICES = 5;

export class TooSlow extends Error {
  override readonly name = 'TooSlow';
  readonly code = 'ETIMEDOUT';
}

/**
 * So much time for several answers together. What counts is time in which this process could have noticed them: while it is
 * busy, or stopped, no answer is late. So the time is waited for in slices, each of which begins when the one before is seen to
 * be over.
 */
export class WaitBudget {
  readonly #clock: Clock;
  readonly #sliceMs: number;
  #leftMs: number;

  constructor(ms: number, clock: Clock) {
    this.#clock = clock;
    this.#sliceMs = ms / SLICES;
    this.#leftMs = ms;
  }

  /** The result, or a rejection with {@link TooSlow} when the time is over without one. */
  async of<T>(work: MaybePromise<T>): Promise<T> {
    if (!(work instanceof Promise) || this.#leftMs === Infinity) return work;
    const { promise: late, reject } = Promise.withResolvers<never>();
    let timer: Timer | undefined;
    let began = 0;
    const wait = (): void => {
      began = this.#clock.monotonic();
      timer = this.#clock.after(Math.max(Math.min(this.#sliceMs, this.#leftMs), 0), () => {
        this.#leftMs -= this.#sliceMs;
        if (this.#leftMs > 0) wait();
        // One more turn of the loop reads an answer that is here already.
        else setImmediate(() => reject(new TooSlow()));
      });
    };
    wait();
    try {
      return await Promise.race([work, late]);
    } finally {
      timer?.cancel();
      this.#leftMs -= Math.min(this.#clock.monotonic() - began, this.#sliceMs);
      work.catch(() => undefined);
    }
  }
}
