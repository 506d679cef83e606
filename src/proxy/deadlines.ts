import type { Clock } from '../core/clock.ts';

/** Something that has to happen by some time. */
export interface Deadline {
  /** On the clock's monotonic scale; Infinity: never. May change at any time. */
  deadlineMs: number;
  expire(): void;
}

/**
 * Expires many deadlines with one timer: setting one costs a field, not a timer of its own.
 * One that is due expires at most `sweepMs` late.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #sweepMs: number;
  readonly #pending = new Set<Deadline>();
  #isSweeping = false;

  constructor(clock: Clock, sweepMs = 25) {
    this.#clock = clock;
    this.#sweepMs = sweepMs;
  }

  watch(deadline: Deadline): void {
    this.#pending.add(deadline);
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    this.#clock.after(this.#sweepMs, this.#sweep);
  }

  forget(deadline: Deadline): void {
    this.#pending.delete(deadline);
  }

  readonly #sweep = (): void => {
    const now = this.#clock.monotonic();
    for (const deadline of this.#pending) if (deadline.deadlineMs <= now) deadline.expire();
    this.#isSweeping = this.#pending.size > 0;
    if (this.#isSweeping) this.#clock.after(this.#sweepMs, this.#sweep);
  };
}
