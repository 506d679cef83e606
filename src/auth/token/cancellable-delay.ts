import type { Clock } from '../../core/clock.ts';

/** A pause that can be cut short. */
export class CancellableDelay {
  readonly #clock: Clock;
  #finish: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(ms, resolve);
      this.#finish = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  cancel(): void {
    this.#finish();
  }
}
