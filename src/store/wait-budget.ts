import type { Clock, Timer } from '../core/clock.ts';
import type { MaybePromise } from '../core/http.ts';

/** A budget is waited for in this many slices. */
const SLICES = 5;

/** The rejection of a wait whose budget is used up. */
export class TooSlow extends Error {
  override readonly name = 'TooSlow';
  readonly code = 'ETIMEDOUT';
}

/**
 * A time limit for several answers together.
 * It counts only time in which this process could have noticed an answer: while the process is busy or stopped, no answer is
 * late. To that end, the time is waited for in slices. Each slice begins when the end of the one before is noticed.
 */
export class WaitBudget {
  readonly #clock: Clock;
  readonly #sliceMs: number;
  #leftMs: number;

  /** @param ms The budget in milliseconds; Infinity for no limit. */
  constructor(ms: number, clock: Clock) {
    this.#clock = clock;
    this.#sliceMs = ms / SLICES;
    this.#leftMs = ms;
  }

  /** Gives the result of `work`. Rejects with {@link TooSlow} when the budget is used up first. */
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
        // An answer that is here already is read in one more turn of the event loop.
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
