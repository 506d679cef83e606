/** How a provider's token stands. `renewing`: a call is under way; the token before it may be in use meanwhile. */
export type TokenState = 'none' | 'valid' | 'renewing' | 'expired' | 'failed';

/** What may be told of a token: all but the token. Times are epoch milliseconds. */
export interface TokenStanding {
  readonly state: TokenState;
  /** How many tokens there have been; 0: none. */
  readonly generation: number;
  readonly type: string | undefined;
  readonly issuedAtMs: number | undefined;
  readonly expiresAtMs: number | undefined;
  /** When it is renewed behind the requests' backs, or tried again; undefined: not before somebody needs it. */
  readonly nextRenewalAtMs: number | undefined;
  /** Of the last call that brought no token; it stays when a later one does. */
  readonly lastFailure: { readonly detail: string; readonly atMs: number } | undefined;
}
