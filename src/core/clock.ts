/** A pending timer. `cancel` may be called more than once. */
export interface Timer {
  cancel(): void;
}

/** The only source of time. Tests pass in a clock that they move by hand. */
export interface Clock {
  /** Returns the wall-clock time, in milliseconds since the epoch. */
  now(): number;
  /** Returns milliseconds from an arbitrary origin. They never go back. */
  monotonic(): number;
  /** Calls `fn` once, after `delayMs` milliseconds. A pending timer doesn't keep the process alive. */
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

/** The clock of the machine. */
export const systemClock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  after: (delayMs, fn) => new SystemTimer(fn, delayMs),
};
