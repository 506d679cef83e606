import type { TokenRecord } from './store.ts';

/** What a backing reports on its own. */
export interface BackingEvents {
  /** The record of a key has changed, by this process or another. */
  changed(key: string): void;
  /** The backing can no longer be reached. */
  lost(cause: unknown): void;
  /** The backing can be reached, for the first time or again. */
  found(): void;
}

/**
 * The place where several processes keep their records. Its operations reject when they can't be done, and may take any time.
 * `SharedStore` makes a {@link Store} of it.
 */
export interface Backing {
  readonly kind: 'file' | 'redis';
  /** Starts; calls `found` when the backing can be used. Rejects when it never can be. */
  open(events: BackingEvents): Promise<void>;
  /** The record of a key. A record that can't be read is a tombstone, so that its generation still counts. */
  read(key: string): Promise<TokenRecord | undefined>;
  /** Stores `next` if the stored generation is `expected`, 0 for none; tells whether it did. */
  write(key: string, expected: number, next: TokenRecord): Promise<boolean>;
  /**
   * Whether the refresh token of this generation may be used. True once for each written record; false whenever the backing may
   * have forgotten an earlier use.
   */
  redeem(key: string, generation: number): Promise<boolean>;
  /** How often a callback was marked; see `SeenStore.timesSeen`. */
  timesSeen(list: string, id: string): Promise<number>;
  /** Marks a callback; see `SeenStore.markSeen`. */
  markSeen(list: string, id: string, windowMs: number): Promise<void>;
  /** Removes the record of a key, if there is one. */
  remove(key: string): Promise<void>;
  /** Takes the lock for `leaseMs` if it is free; tells whether it did. `holder` is a value that no other holder uses. */
  take(key: string, holder: string, leaseMs: number): Promise<boolean>;
  /** Extends the lease to `leaseMs` from now. False: this holder no longer has the lock. */
  extend(key: string, holder: string, leaseMs: number): Promise<boolean>;
  /** Frees the lock if this holder has it. */
  free(key: string, holder: string): Promise<void>;
  /** Resolves if the backing can be written to, else rejects with the reason. */
  probe(): Promise<void>;
  /** Drops pending work that hangs, and connects anew. */
  reset(): void;
  close(): Promise<void>;
}

/**
 * The cause of a failure as one word without secrets: a system's code such as `ECONNREFUSED`, the first word of an error of
 * Redis, else the name of the error's class.
 */
export function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === 'string' && code !== '') return code;
  return /^[A-Z][A-Z0-9]+(?= |$)/.exec(error.message)?.[0] ?? error.constructor.name;
}
