import type { Clock, Timer } from '../../core/clock.ts';

const BEAT_MS = 1_000;
/** A beat that is this late shows that the process stood still. */
const MISSED_MS = 2 * BEAT_MS;

/**
 * Detects that the process stood still while it waits for an answer: the answer may have arrived earlier than it is noticed.
 */
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
   * The upper limit, in milliseconds, of how long ago the answer may have arrived unnoticed; 0 unless the process stood still
   * (a stopped container, a sleeping machine) just now. After such a pause, the beat may run before or after the answer is
   * read. So the beat before the last one counts too.
   */
  get stalledMs(): number {
    const now = this.#clock.monotonic();
    if (now - this.#latest > MISSED_MS) return now - this.#latest;
    return this.#latest - this.#previous > MISSED_MS ? now - this.#previous : 0;
  }

  /** Ends the beats. */
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
