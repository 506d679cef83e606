import type { Clock } from '../../core/clock.ts';
import type { MaybePromise } from '../../core/http.ts';

/** So much time for several answers together. */
export class Patience {
  #leftMs: number;
  readonly #clock: Clock;

  constructor(ms: number, clock: Clock) {
    this.#leftMs = ms;
    this.#clock = clock;
  }

  /** The result, or a rejection when what is left of the time has passed without one. */
  async of<T>(work: MaybePromise<T>): Promise<T> {
    if (!(work instanceof Promise) || this.#leftMs === Infinity) return work;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const began = this.#clock.monotonic();
    // One more turn of the loop reads an answer that is here already.
    const timer = this.#clock.after(Math.max(this.#leftMs, 0), () => setImmediate(() => reject(new Error('too late'))));
    try {
      return await Promise.race([work, late]);
    } finally {
      timer.cancel();
      work.catch(() => undefined);
      this.#leftMs -= this.#clock.monotonic() - began;
    }
  }
}
