import type { RenewSpec } from '../../config/profile/profile.ts';
import type { TokenRecord } from '../../store/store.ts';
import type { ArrivedToken } from './endpoint.ts';

/** What this process knows of the tokens of one subject. */
export interface KnownTokens {
  readonly renew: Pick<RenewSpec, 'cooldownMs'>;
  /** The newest record that this process knows, expired or not. */
  known(): TokenRecord | undefined;
  /** The highest generation that this process knows of. */
  generation(): number;
}

/**
 * A token that is said to have expired already is used for the cooldown all the same, and at least for this long. Otherwise the
 * endpoint would be called again at once.
 */
const SHORTEST_LIFETIME_MS = 1_000;

/**
 * The record for a token that arrived: its generation, and when it expires. Its lifetime was read by `readLifetime`. If it is the
 * newest token once more, it keeps its generation and only its expiry changes.
 */
export function toTokenRecord(arrived: ArrivedToken, deps: KnownTokens, stored: TokenRecord | undefined): TokenRecord {
  const { accessToken, tokenType, refreshToken, arrivedAtMs, lifetimeMs } = arrived;
  const newest = Math.max(deps.generation(), stored?.generation ?? 0);
  const known = [stored, deps.known()].find((record) => record?.accessToken === accessToken);
  return {
    generation: known?.generation === newest ? newest : newest + 1,
    accessToken,
    tokenType,
    refreshToken,
    issuedAtMs: arrivedAtMs,
    expiresAtMs: arrivedAtMs + (lifetimeMs > 0 ? lifetimeMs : Math.max(deps.renew.cooldownMs, SHORTEST_LIFETIME_MS)),
  };
}
