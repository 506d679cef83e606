import type { RenewSpec } from '../../config/profile/profile.ts';
import type { TokenRecord } from '../../store/store.ts';

const LONGEST_SHARE_MS = 5 * 60_000;
/** Renewals start somewhere in the first tenth of the time they have, so that replicas don't all call at once. */
const SPREAD = 0.1;

/**
 * When to renew a token behind the requests' backs, epoch milliseconds: in the last part of its lifetime, and not before it
 * is `cooldown` old. Infinity when it doesn't live that long.
 */
export function renewAtMs(
  { issuedAtMs, expiresAtMs }: Pick<TokenRecord, 'issuedAtMs' | 'expiresAtMs'>,
  { ahead, cooldownMs }: Pick<RenewSpec, 'ahead' | 'cooldownMs'>,
  random: () => number,
): number {
  const lifetimeMs = expiresAtMs - issuedAtMs;
  const aheadMs = 'ms' in ahead ? Math.min(ahead.ms, lifetimeMs) : Math.min(ahead.share * lifetimeMs, LONGEST_SHARE_MS);
  const dueMs = Math.ceil(expiresAtMs - aheadMs * (1 - SPREAD * random()));
  const atMs = Math.max(dueMs, issuedAtMs + cooldownMs);
  return atMs < expiresAtMs ? atMs : Infinity;
}
