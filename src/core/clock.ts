/** A pending timer; `cancel` may be called any number of times. */
export interface Timer {
  cancel(): void;
}

/** The only source of time. Tests hand in one that they move themselves. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. */
  now(): number;
  /** Milliseconds that never go back, from an arbitrary origin. */
  monotonic(): number;
  /** Calls `fn` once after `delayMs`; a pending timer doesn't keep the process alive. */
  after(delayMs: number, fn: () => void): Timer;
}

class SystemTimer implements Timer {
  readonly #handle: NodeJS.Timeout;
  constructor(fn: () => void, delayMs: number) {
    this.#handle = setTimeout(fn, delayMs);
    this.#handle.unref();
  }
  cancel(): void {
    clearTimeout(this.#handle);
  }
}

export const systemClock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  after: (delayMs, fn) => new SystemTimer(fn, delayMs),
};
