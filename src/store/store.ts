import type { MaybePromise } from '../core/http.ts';

/** A token with its times. Records are immutable; a newer one has a higher generation. */
export interface TokenRecord {
  /**
   * Counts the tokens of a provider and subject upwards. A first token has 1, or a higher number after its subject was
   * forgotten.
   */
  readonly generation: number;
  readonly accessToken: string;
  readonly tokenType: string;
  readonly refreshToken: string | undefined;
  /** When the answer arrived: epoch milliseconds of our own clock. */
  readonly issuedAtMs: number;
  /** When the token expires: epoch milliseconds of our own clock. */
  readonly expiresAtMs: number;
}

/**
 * How long an expired record is kept. Its refresh token is still useful. Its generation lets counting go on, by which a late
 * answer is recognised as late.
 */
export const RETAINED_MS = 3_600_000;

/**
 * The right to renew one token. Its lease is extended automatically until it is released, as long as its owner runs and the
 * store works.
 */
export interface Lock {
  /** Whether the lease still runs, as far as this process can tell from its own clock. */
  readonly isHeld: boolean;
  /** Releases the lock, unless somebody else has it by now. Never throws or rejects. */
  release(): MaybePromise<void>;
}

/** The answer to a request for the lock, with the record as it was right afterwards. */
export type LockAnswer =
  | { readonly state: 'got'; readonly lock: Lock; readonly record: TokenRecord | undefined }
  /** Another owner is renewing: wait for news of the key, or ask again. */
  | { readonly state: 'taken'; readonly record: TokenRecord | undefined }
  /** The store doesn't work, so each process renews for itself. */
  | { readonly state: 'down' };

/** How many delivered callbacks of one name are remembered. */
export const MAX_SEEN = 100_000;

/** Called when the record of a key may have changed, or when the store has `returned` from an outage. */
export type ChangeListener = (news: 'changed' | 'returned') => void;

/**
 * The place where token records are kept.
 * A key is `provider` or `provider/subject-digest`. Its provider part contains a digest of what the token is requested with, so
 * that a changed provider never finds its old token. All kinds of store keep the same contract (test/store/contract.ts). While
 * a store is down, every method but `lock` rejects.
 */
export interface TokenStore {
  /** Whether other processes use the same records. If not, every method answers at once and never fails. */
  readonly isShared: boolean;
  /** How long a request that waits for a token may wait for the store in total, in milliseconds. */
  readonly waitBudgetMs: number;
  /** How long the lock of an owner that died or stands still stays taken, in milliseconds; 0 if it ends with the process. */
  readonly leaseMs: number;
  /** The newest record, including one that expired less than {@link RETAINED_MS} ago. */
  get(key: string): MaybePromise<TokenRecord | undefined>;
  /** Stores `next` if the stored generation is still `expected`, where 0 means no record; tells whether it did. */
  compareAndSet(key: string, expected: number, next: TokenRecord): MaybePromise<boolean>;
  /**
   * Grants the use of a generation's refresh token, once: a provider may take a second use for theft. False: the use was
   * granted before, or the store can't be sure that it wasn't.
   */
  redeem(key: string, generation: number): MaybePromise<boolean>;
  /** Tries to take the lock of a key. Answers {@link LockAnswer} and never waits for another owner. */
  lock(key: string): MaybePromise<LockAnswer>;
  /** Removes the record, if there is one. */
  delete(key: string): MaybePromise<void>;
  /** Listens for news of a key, including this process's own writes; the returned function stops it. News can be lost. */
  watch(key: string, listener: ChangeListener): () => void;
  /** Releases all locks and stops. */
  close(): MaybePromise<void>;
}

/** The place where it is remembered which callbacks were delivered. While it is down, both methods reject. */
export interface SeenStore {
  /** How often the callback `id` of a list was marked, if that was within the window of its last mark; else 0. */
  timesSeen(list: string, id: string): MaybePromise<number>;
  /**
   * Remembers for `windowMs` that a callback was delivered once more. Of each list {@link MAX_SEEN} ids are kept, a few more or
   * less; the oldest go first.
   * @param id A digest in base64url.
   */
  markSeen(list: string, id: string, windowMs: number): MaybePromise<void>;
}

/** A store of both kinds, as it is opened. */
export interface Store extends TokenStore, SeenStore {}
