import type { Clock } from '../../core/clock.ts';

/** A pause that can be ended early. */
export class CancellableDelay {
  readonly #clock: Clock;
  #finish: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves after `ms`, or when {@link cancel} is called. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(ms, resolve);
      this.#finish = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  /** Ends the pause at once; does nothing when there is none. */
  cancel(): void {
    this.#finish();
  }
}
