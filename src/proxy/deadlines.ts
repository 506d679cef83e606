import type { Clock } from '../core/clock.ts';

/** Something that must happen by a certain time. */
export interface Deadline {
  /** The time, in monotonic milliseconds; Infinity: none. It may change at any time. */
  deadlineMs: number;
  /** The index among the deadlines that are watched; -1: it is not watched. {@link Deadlines} alone sets it. */
  place: number;
  /** Called when the time has passed, at each sweep until the deadline changes or is forgotten. */
  expire(): void;
}

/**
 * Watches many deadlines with one timer, so that setting one costs a field instead of a timer. A deadline expires at the second
 * sweep that finds it passed, at most twice `sweepMs` late. So after the process has stood still, what came in the meantime is
 * read first.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #sweepMs: number;
  // An array, because a Set that grows leaves its former tables in V8's old generation. They keep their entries alive until a
  // full collection.
  readonly #watched: Deadline[] = [];
  #isSweeping = false;
  /** The time of the last sweep, in monotonic milliseconds. */
  #sweptMs = -Infinity;

  constructor(clock: Clock, sweepMs = 25) {
    this.#clock = clock;
    this.#sweepMs = sweepMs;
  }

  watch(deadline: Deadline): void {
    deadline.place = this.#watched.push(deadline) - 1;
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    this.#clock.after(this.#sweepMs, this.#sweep);
  }

  forget(deadline: Deadline): void {
    const { place } = deadline;
    if (place < 0) return;
    deadline.place = -1;
    const last = this.#watched.pop() as Deadline;
    if (last === deadline) return;
    last.place = place;
    this.#watched[place] = last;
  }

  readonly #sweep = (): void => {
    const dueMs = this.#sweptMs;
    this.#sweptMs = this.#clock.monotonic();
    // Backwards, because a deadline that expires is forgotten, and the last one takes its place.
    for (let i = this.#watched.length - 1; i >= 0; i--) {
      const deadline = this.#watched[i];
      if (deadline && deadline.deadlineMs <= dueMs) deadline.expire();
    }
    this.#isSweeping = this.#watched.length > 0;
    if (this.#isSweeping) this.#clock.after(this.#sweepMs, this.#sweep);
  };
}
