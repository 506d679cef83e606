/** Lets so many things pass in a second, and as many at once after a second without any. */
export class TokenBucket {
  #level = Infinity;
  #filledMs = 0;

  /**
   * Takes one token out. Returns 0, or in how many milliseconds there will be one.
   * @param nowMs Monotonic.
   */
  take(perSecond: number, nowMs: number): number {
    const capacity = Math.max(1, perSecond);
    const filled = this.#level + ((nowMs - this.#filledMs) * perSecond) / 1_000;
    this.#level = Math.min(capacity, filled);
    this.#filledMs = nowMs;
    // A fraction that only rounding has lost doesn't count.
    if (this.#level < 1 - 1e-9) return ((1 - this.#level) * 1_000) / perSecond;
    this.#level -= 1;
    return 0;
  }
}
