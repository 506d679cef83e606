import { randomBytes } from 'node:crypto';
import type { Clock } from '../core/clock.ts';

const MAX_TOKENS = 20_000;

export type TokenState = 'valid' | 'unknown' | 'expired' | 'revoked';

export interface Token {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly scope: readonly string[];
  /** Whom it stands for, where that is not the merchant. */
  readonly subject: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

interface Entry extends Token {
  /** Tokens that were refreshed out of one another. */
  readonly family: string;
  isRevoked: boolean;
  isSpent: boolean;
  canRefresh: boolean;
}

export interface Issue {
  /** Makes the access token's text. */
  readonly make: () => string;
  readonly lifetimeMs: number;
  readonly scope?: readonly string[];
  readonly subject?: string;
}

/** Random text, `bytes` of it, in hex. */
export const randomHex = (bytes: number): string => randomBytes(bytes).toString('hex');

/** Every token that one provider has issued. */
export class TokenBook {
  readonly #clock: Clock;
  readonly #byAccess = new Map<string, Entry>();
  readonly #byRefresh = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  issue(issue: Issue): Token {
    return this.#issue(issue, randomHex(8));
  }

  /** A token's state; once expired it is that, revoked or not. */
  state(accessToken: string): TokenState {
    const entry = this.#byAccess.get(accessToken);
    if (!entry) return 'unknown';
    if (this.#clock.now() >= entry.expiresAtMs) return 'expired';
    return entry.isRevoked ? 'revoked' : 'valid';
  }

  find(accessToken: string): Token | undefined {
    return this.#byAccess.get(accessToken);
  }

  /**
   * Exchanges a refresh token, once: it is replaced by the new token's. Used a second time it takes all of its
   * family with it (RFC 9700 §4.14.2). Undefined: refused; a wrong old access token spends nothing. The old access
   * token stays valid until it expires.
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

  /** Revokes every access token (and, if asked, every refresh token); returns how many were still valid. */
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
