import type { ReplaySkipReason } from '../../core/events.ts';
import type { Budgets } from './budget.ts';

/** How much of a request body is kept, to be sent again. */
export interface KeepLimits {
  /** How much of one body is kept in memory, in bytes. The rest goes into a file. */
  readonly memoryBytes: number;
  /** The longest body that is kept at all, in bytes. */
  readonly spoolBytes: number;
  /** The directory for the file. */
  readonly dir: string;
}

/** How the body of one request is opened. */
export interface BodyOptions {
  readonly limits: KeepLimits;
  readonly budgets: Budgets;
  /** The length that the head gives, in bytes; -1 when chunked. */
  readonly declaredBytes: number;
}

/** Why a body can't be sent again: it is too long, `replay.spool_total` is used up, or the file can't be written. */
export type NotKept = Extract<ReplaySkipReason, 'body_too_large' | 'spool_full' | 'spool_failed'>;

/** A request body that can be sent more than once, within its limits. */
export interface RequestBody {
  /** The complete body, if it is in memory as a whole. Then `read` isn't needed. */
  readonly whole: Uint8Array | undefined;
  /** How many bytes have come from the caller so far. */
  readonly bytesIn: number;
  /** Whether `read` can start from the first byte again. */
  readonly isRepeatable: boolean;
  /** Why it can't. It has no meaning while `isRepeatable`. */
  readonly notKept: NotKept;
  /**
   * Yields the body from its first byte: what is kept, then what still comes. There is one reader at a time: a new one makes
   * the one before fail. Rejects with `bad_request` when the caller's framing breaks.
   */
  read(): AsyncIterable<Uint8Array>;
  /** Begins to read what may be kept in memory, before anybody sends it. Reading is how a caller that has gone is noticed. */
  readAhead(): void;
  /** Frees the memory and the file. */
  release(): void;
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
