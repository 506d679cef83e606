import { randomBytes } from 'node:crypto';
import type { Clock } from '../core/clock.ts';

const MAX_TOKENS = 20_000;

/** What a provider knows of an access token. */
export type TokenState = 'valid' | 'unknown' | 'expired' | 'revoked';

/** An issued token. Times are epoch milliseconds. */
export interface Token {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly scope: readonly string[];
  /** The user that it stands for; empty if it stands for the merchant. */
  readonly subject: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

interface Entry extends Token {
  /** Shared by all tokens that came from one another by refresh. */
  readonly family: string;
  isRevoked: boolean;
  isSpent: boolean;
  canRefresh: boolean;
}

/** What a new token is made from. */
export interface Issue {
  /** Makes the text of the access token. */
  readonly make: () => string;
  readonly lifetimeMs: number;
  readonly scope?: readonly string[];
  readonly subject?: string;
}

/** `bytes` random bytes in hex. */
export const randomHex = (bytes: number): string => randomBytes(bytes).toString('hex');

/** The tokens that one provider has issued. */
export class TokenBook {
  readonly #clock: Clock;
  readonly #byAccess = new Map<string, Entry>();
  readonly #byRefresh = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Issues a new token. */
  issue(issue: Issue): Token {
    return this.#issue(issue, randomHex(8));
  }

  /** The state of an access token. An expired one is `expired` even if it was revoked. */
  state(accessToken: string): TokenState {
    const entry = this.#byAccess.get(accessToken);
    if (!entry) return 'unknown';
    if (this.#clock.now() >= entry.expiresAtMs) return 'expired';
    return entry.isRevoked ? 'revoked' : 'valid';
  }

  /** The token, whatever its state; undefined if it is unknown. */
  find(accessToken: string): Token | undefined {
    return this.#byAccess.get(accessToken);
  }

  /**
   * Exchanges a refresh token for a new token with a new refresh token. Each can be used once; a second use ends all tokens of
   * its family (RFC 9700 §4.14.2). Undefined if it is refused. A wrong old access token is refused without spending the refresh
   * token. The old access token stays valid until it expires.
   */
  refresh(refreshToken: string, oldAccessToken: string, issue: Issue): Token | undefined {
    const entry = this.#byRefresh.get(refreshToken);
    if (!entry?.canRefresh) return undefined;
    if (entry.isSpent) {
      for (const other of this.#byAccess.values()) if (other.family === entry.family) end(other);
      return undefined;
    }
    if (entry.accessToken !== oldAccessToken) return undefined;
    entry.isSpent = true;
    return this.#issue({ ...issue, scope: entry.scope, subject: entry.subject }, entry.family);
  }

  /** Revokes all access tokens and, with `refreshToo`, all refresh tokens. Returns how many access tokens were still valid. */
  revokeAll(refreshToo: boolean): number {
    let count = 0;
    for (const entry of this.#byAccess.values()) {
      if (this.state(entry.accessToken) === 'valid') count++;
      entry.isRevoked = true;
      if (refreshToo) entry.canRefresh = false;
    }
    return count;
  }

  #issue({ make, lifetimeMs, scope = [], subject = '' }: Issue, family: string): Token {
    const issuedAtMs = this.#clock.now();
    const entry: Entry = {
      accessToken: make(),
      refreshToken: randomHex(32),
      scope,
      subject,
      issuedAtMs,
      expiresAtMs: issuedAtMs + lifetimeMs,
      family,
      isRevoked: false,
      isSpent: false,
      canRefresh: true,
    };
    this.#byAccess.set(entry.accessToken, entry);
    this.#byRefresh.set(entry.refreshToken, entry);
    if (this.#byAccess.size > MAX_TOKENS) this.#forgetOldest();
    return entry;
  }

  #forgetOldest(): void {
    for (const [accessToken, { refreshToken }] of this.#byAccess) {
      this.#byAccess.delete(accessToken);
      this.#byRefresh.delete(refreshToken);
      return;
    }
  }
}

function end(entry: Entry): void {
  entry.isRevoked = true;
  entry.canRefresh = false;
}
