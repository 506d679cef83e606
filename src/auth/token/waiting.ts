import { OutriderError } from '../../core/errors.ts';
import type { RequestTrace } from '../../core/tracing.ts';

/** A request, or another party, that waits for a token. */
export interface Waiter {
  /** Whether it no longer needs the token. */
  readonly isGone: boolean;
  /** The id of the request, for the log. */
  readonly requestId?: string;
  readonly route?: string | undefined;
  /** Its trace, while tracing is on. */
  readonly trace?: RequestTrace | undefined;
}

/** The requests that wait for a token of one provider. Their number is limited. */
export class Waiting {
  /** Who waits, and for which call. */
  readonly #places = new Map<Waiter, object>();
  readonly #max: number;
  readonly #changed: (change: 1 | -1) => void;

  /** @param changed Told of each one that comes or leaves. */
  constructor(max: number, changed: (change: 1 | -1) => void) {
    this.#max = max;
    this.#changed = changed;
  }

  /**
   * Takes a place. Throws `overloaded` when none is free.
   * @param call The token call that it waits for; others may wait for the same one.
   */
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

  /** Gives the place back. */
  leave(waiter: Waiter): void {
    if (this.#places.delete(waiter)) this.#changed(-1);
  }

  /**
   * Removes waiters that are gone. One place stays taken for each call under way, so that callers that come and go can't start
   * any number of calls.
   */
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
