/** The state of a provider's token. While it is `renewing`, the token before may still be in use. */
export type TokenState = 'none' | 'valid' | 'renewing' | 'expired' | 'failed';

/** What may be shown of a token: everything but the token. Times are in milliseconds since the epoch. */
export interface TokenStanding {
  readonly state: TokenState;
  /** How many tokens there have been. */
  readonly generation: number;
  readonly type: string | undefined;
  readonly issuedAtMs: number | undefined;
  readonly expiresAtMs: number | undefined;
  /** When it is renewed in the background, or tried again. Undefined when that waits for a request. */
  readonly nextRenewalAtMs: number | undefined;
  /** The last call that brought no token. It stays when a later call brings one. */
  readonly lastFailure: { readonly detail: string; readonly atMs: number } | undefined;
}
