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
 * Where token records live. Keys are `provider` or `provider/subject-digest`, both with a digest of what the token was
 * asked with, so that a changed provider never finds the old one's token.
 * Memory, file and redis keep the same contract (test/store/contract.ts).
 */
export interface TokenStore {
  /** The record, or undefined when there is none or it has expired. */
  get(key: string): TokenRecord | undefined | Promise<TokenRecord | undefined>;
  /**
   * Stores `next` only if the stored generation is still `expected` (0: none, or expired); tells whether it did.
   * A `next` that has expired already is not kept: the key is empty then.
   */
  compareAndSet(key: string, expected: number, next: TokenRecord): boolean | Promise<boolean>;
  /** Forgets the record, if there is one. */
  delete(key: string): void | Promise<void>;
  close(): void | Promise<void>;
}
