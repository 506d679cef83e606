import type { MaybePromise } from '../core/http.ts';

/** A token and what is known of it. Records never change; a newer one has a higher generation. */
export interface TokenRecord {
  /** 1 for the first token of a provider and subject, then one more for each. */
  readonly generation: number;
  readonly accessToken: string;
  readonly tokenType: string;
  readonly refreshToken: string | undefined;
  /** When the answer arrived, epoch milliseconds of our own clock. */
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/**
 * How long a record stays after it has expired: for its refresh token, and so that generations go on counting from it, by
 * which an answer that comes late is known as late.
 */
export const RETAINED_MS = 3_600_000;

/** The right to renew one token. It lasts as long as its owner extends it, which it does by itself until released. */
export interface Lock {
  /** Whether the lease still runs, as far as this process can tell by its own clock. */
  readonly isHeld: boolean;
  /** Gives it back; never takes another's away. Never throws or rejects. */
  release(): MaybePromise<void>;
}

/** What came of asking for the lock, with the newest record as it was right after. */
export type LockAnswer =
  | { readonly state: 'got'; readonly lock: Lock; readonly record: TokenRecord | undefined }
  /** Somebody else renews: wait for the news, or ask again. */
  | { readonly state: 'taken'; readonly record: TokenRecord | undefined }
  /** The store doesn't work: everybody is on their own. */
  | { readonly state: 'down' };

/** Told that a key may have another record; `returned`: the store works again after an outage. */
export type ChangeListener = (news: 'changed' | 'returned') => void;

/**
 * Where token records live. Keys are `provider` or `provider/subject-digest`, both with a digest of what the token was
 * asked with, so that a changed provider never finds the old one's token.
 * Memory, file and redis keep the same contract (test/store/contract.ts). While a store is down all but `lock` reject.
 */
export interface TokenStore {
  /** Whether other processes use the same records. If not, every answer is immediate and never a failure. */
  readonly isShared: boolean;
  /** How long somebody who waits for a token may wait for the store, all in all. */
  readonly waitBudgetMs: number;
  /** After so long a lock whose owner has died, or stands still, is free again; 0 where it dies with the process. */
  readonly leaseMs: number;
  /** The newest record, also one that has expired less than {@link RETAINED_MS} ago. */
  get(key: string): MaybePromise<TokenRecord | undefined>;
  /** Stores `next` only if the stored generation is still `expected` (0: there is no record); tells whether it did. */
  compareAndSet(key: string, expected: number, next: TokenRecord): MaybePromise<boolean>;
  /**
   * Hands out the right to use the refresh token of a generation: to one caller once, since a provider may take a second use
   * for theft. False: somebody had it, or the store can't be sure that nobody had.
   */
  redeem(key: string, generation: number): MaybePromise<boolean>;
  lock(key: string): MaybePromise<LockAnswer>;
  /** Forgets the record, if there is one. */
  delete(key: string): MaybePromise<void>;
  /** Listens for news of a key, also of this process's own writes; the returned function stops it. News can get lost. */
  watch(key: string, listener: ChangeListener): () => void;
  /** Releases what is locked. */
  close(): MaybePromise<void>;
}
