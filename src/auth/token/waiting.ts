import { OutriderError } from '../../core/errors.ts';

/** Somebody who waits for a token. */
export interface Waiter {
  /** Whether it would no longer know what to do with one. */
  readonly isGone: boolean;
  /** The request that it is, for the log. */
  readonly requestId?: string;
  readonly route?: string | undefined;
}

/** The requests of one provider that wait for a token: so many and no more. */
export class Waiting {
  /** With what they wait for. */
  readonly #places = new Map<Waiter, object>();
  readonly #max: number;
  readonly #changed: (change: 1 | -1) => void;

  /** @param changed Told of each one that comes or leaves. */
  constructor(max: number, changed: (change: 1 | -1) => void) {
    this.#max = max;
    this.#changed = changed;
  }

  /** @param call What others may wait for, too. Throws `overloaded`. */
  enter(waiter: Waiter, call: object): void {
    if (this.#places.size >= this.#max) this.#forgetGone(call);
    if (this.#places.size >= this.#max) {
      throw new OutriderError('overloaded', {
        detail: `${this.#max} requests are waiting for a token already.`,
        headers: ['Retry-After', '1'],
      });
    }
    this.#places.set(waiter, call);
    this.#changed(1);
  }

  leave(waiter: Waiter): void {
    if (this.#places.delete(waiter)) this.#changed(-1);
  }

  /** But for one place of each call under way, so that callers who come and go can't have made any number of them. */
  #forgetGone(entered: object): void {
    const attended = new Set([entered]);
    for (const [waiter, call] of this.#places) if (!waiter.isGone) attended.add(call);
    for (const [waiter, call] of this.#places) {
      if (!waiter.isGone) continue;
      if (attended.has(call)) this.leave(waiter);
      else attended.add(call);
    }
  }
}
