import type { Clock, Timer } from '../../core/clock.ts';

const BEAT_MS = 1_000;
/** A beat that comes so much later than it should was missed: the process stood still. */
const MISSED_MS = 2 * BEAT_MS;

/** Tells, while an answer is waited for, how long ago it may have come without this process noticing. */
export class StallDetector {
  readonly #clock: Clock;
  #previous: number;
  #latest: number;
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#previous = clock.monotonic();
    this.#latest = this.#previous;
    this.#beatLater();
  }

  /**
   * Milliseconds: 0 unless the process stood still (a stopped container, a machine that slept) around now. After such a pause the
   * timers and the answer are met in any order, so the beat before it counts.
   */
  get stalledMs(): number {
    const now = this.#clock.monotonic();
    if (now - this.#latest > MISSED_MS) return now - this.#latest;
    return this.#latest - this.#previous > MISSED_MS ? now - this.#previous : 0;
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #beatLater(): void {
    this.#timer = this.#clock.after(BEAT_MS, () => {
      this.#previous = this.#latest;
      this.#latest = this.#clock.monotonic();
      this.#beatLater();
    });
  }
}
