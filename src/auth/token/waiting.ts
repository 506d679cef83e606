import { OutriderError } from '../../core/errors.ts';

/** Somebody who waits for a token. */
export interface Waiter {
  /** Whether it would no longer know what to do with one. */
  readonly isGone: boolean;
}

/** The requests of one provider that wait for a token: so many and no more. */
export class Waiting {
  readonly #waiters = new Set<Waiter>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** Throws `overloaded`. */
  enter(waiter: Waiter): void {
    if (this.#waiters.size >= this.#max) this.#forgetGone();
    if (this.#waiters.size >= this.#max) {
      throw new OutriderError('overloaded', {
        detail: `${this.#max} requests are waiting for a token already.`,
        headers: ['Retry-After', '1'],
      });
    }
    this.#waiters.add(waiter);
  }

  leave(waiter: Waiter): void {
    this.#waiters.delete(waiter);
  }

  #forgetGone(): void {
    for (const waiter of this.#waiters) if (waiter.isGone) this.#waiters.delete(waiter);
  }
}
