import type { Clock } from '../core/clock.ts';

/** Something that has to happen by some time. */
export interface Deadline {
  /** On the clock's monotonic scale; Infinity: never. May change at any time. */
  deadlineMs: number;
  /** Where it stands among those that are watched; -1: nowhere. Kept by {@link Deadlines}. */
  place: number;
  expire(): void;
}

/**
 * Expires many deadlines with one timer: setting one costs a field, not a timer of its own. One that is due expires at the
 * second sweep that finds it so, at most twice `sweepMs` late: after this process has stood still, what came meanwhile is read first.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #sweepMs: number;
  // Not a Set: the tables that it outgrows stay in the old generation, and keep alive what was in them until a full collection.
  readonly #watched: Deadline[] = [];
  #isSweeping = false;
  /** Monotonic time of the sweep before. */
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
    // From behind: one that expires is forgotten, and the last takes its place.
    for (let i = this.#watched.length - 1; i >= 0; i--) {
      const deadline = this.#watched[i];
      if (deadline && deadline.deadlineMs <= dueMs) deadline.expire();
    }
    this.#isSweeping = this.#watched.length > 0;
    if (this.#isSweeping) this.#clock.after(this.#sweepMs, this.#sweep);
  };
}
