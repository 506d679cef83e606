import type { Budget } from './budget.ts';
import type { RequestBody } from './request-body.ts';

/** A body that is complete: it came together with its head, or was collected. */
export class WholeBody implements RequestBody {
  readonly whole: Uint8Array;
  readonly isRepeatable: boolean;
  readonly notKept = 'body_too_large';
  readonly #budget: Budget;

  /**
   * @param maxBytes Up to this length the body can be sent again.
   * @param budget The budget to which the body's bytes have been charged already. `release` gives them back.
   */
  constructor(whole: Uint8Array, maxBytes: number, budget: Budget) {
    this.whole = whole;
    this.isRepeatable = whole.length <= maxBytes;
    this.#budget = budget;
  }

  get bytesIn(): number {
    return this.whole.length;
  }

  async *read(): AsyncGenerator<Uint8Array> {
    yield this.whole;
  }

  readAhead(): void {}

  /** Gives the bytes back to the budget. It must be called once only. */
  release(): void {
    this.#budget.give(this.whole.length);
  }
}
