import type { ReplaySkipReason } from '../../core/events.ts';
import type { Budget, Budgets } from './budget.ts';

export interface KeepLimits {
  /** Kept in memory up to here, bytes. */
  readonly memoryBytes: number;
  /** The largest body that is kept at all, bytes. */
  readonly spoolBytes: number;
  readonly dir: string;
}

export interface BodyOptions {
  readonly limits: KeepLimits;
  readonly budgets: Budgets;
  /** From the head: bytes, or -1 when chunked. */
  readonly declaredBytes: number;
}

/** Why a body can't be sent again: it is too large; `replay.spool_total` is used up; the file can't be written. */
export type NotKept = Extract<ReplaySkipReason, 'body_too_large' | 'spool_full' | 'spool_failed'>;

/** A request body that can be sent twice. */
export interface RequestBody {
  /** All of it, when it is here; then `read` isn't needed. */
  readonly whole: Uint8Array | undefined;
  /** Bytes that came from the caller so far. */
  readonly bytesIn: number;
  /** Whether `read` can start from the first byte once more. */
  readonly isRepeatable: boolean;
  /** Why it can't. */
  readonly notKept: NotKept;
  /**
   * The bytes from the first on: what is kept, then what still comes. One reader at a time: a new one takes over.
   * Rejects with `bad_request` when the caller's framing breaks.
   */
  read(): AsyncIterable<Uint8Array>;
  /** Reads what may be kept in memory while nobody sends it yet, so that a caller who goes is noticed. */
  readAhead(): void;
  /** Lets go of memory and file. */
  release(): void;
}

/** One that came together with its head, or was collected. */
export class WholeBody implements RequestBody {
  readonly whole: Uint8Array;
  readonly isRepeatable: boolean;
  readonly notKept = 'body_too_large';
  readonly #budget: Budget;

  /** @param budget What it has been charged to already. */
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

  /** Called once. */
  release(): void {
    this.#budget.give(this.whole.length);
  }
}

/** The body of a request that has none. */
export const NO_BODY: RequestBody = {
  whole: new Uint8Array(0),
  bytesIn: 0,
  isRepeatable: true,
  notKept: 'body_too_large',
  async *read() {},
  readAhead() {},
  release() {},
};
