import type { RenewSpec } from '../../config/profile/profile.ts';
import type { TokenRecord } from '../../store/store.ts';

/** The longest time ahead of the expiry, for a profile that gives it as a share of the lifetime. */
const LONGEST_SHARE_MS = 5 * 60_000;
/** A renewal starts at a random point in the first tenth of the time before the expiry, so that replicas don't call at once. */
const SPREAD = 0.1;

/**
 * When to renew a token in the background, in epoch milliseconds: ahead of its expiry as the profile says, and not before it is
 * `cooldown` old. Infinity when it expires before that.
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
