import type { RenewSpec } from '../../config/profile/profile.ts';
import type { Clock } from '../../core/clock.ts';
import type { TokenRecord } from '../../store/store.ts';
import { renewAtMs } from './schedule.ts';

/** A token in use. Its times are monotonic: setting the wall clock must neither end a live token nor keep a dead one. */
export interface ActiveToken {
  readonly record: TokenRecord;
  /** The generation in which this same access token first appeared. */
  readonly since: number;
  readonly arrivedAt: number;
  readonly expiresAt: number;
  /** When to renew it in the background; Infinity for never. */
  readonly renewAt: number;
}

/**
 * Puts a record into use: turns its times into monotonic ones and plans its renewal.
 * @param before The token in use until now, expired or not.
 */
export function activate(
  record: TokenRecord,
  before: ActiveToken | undefined,
  { clock, renew, random }: { readonly clock: Clock; readonly renew: RenewSpec; readonly random: () => number },
): ActiveToken {
  const lifetimeMs = record.expiresAtMs - record.issuedAtMs;
  // If the clock was set back after the record was stored, the token must not live longer than its lifetime.
  const leftMs = Math.min(record.expiresAtMs - clock.now(), lifetimeMs);
  const expiresAt = clock.monotonic() + leftMs;
  const arrivedAt = expiresAt - lifetimeMs;
  return {
    record,
    since: before?.record.accessToken === record.accessToken ? before.since : record.generation,
    arrivedAt,
    expiresAt,
    renewAt: arrivedAt + renewAtMs(record, renew, random) - record.issuedAtMs,
  };
}

/**
 * Whether the token is valid by both clocks. The monotonic clock alone doesn't do: it stands still while the machine sleeps.
 * @param now Monotonic milliseconds.
 */
export const isLive = (active: ActiveToken, clock: Clock, now: number = clock.monotonic()): boolean =>
  now < active.expiresAt && clock.now() < active.record.expiresAtMs;

/** Two expiries of the same token that differ by less than this count as equal: they were measured by different clocks. */
const SAME_MS = 1_000;

/**
 * Whether the record in the store replaces the one in this process. It does with a later generation, with another token of the
 * same generation (ours was not written yet when the other was), or with a later expiry of the same token.
 */
export function isNewer(stored: TokenRecord, ours: TokenRecord): boolean {
  if (stored.generation !== ours.generation) return stored.generation > ours.generation;
  return stored.accessToken !== ours.accessToken || stored.expiresAtMs > ours.expiresAtMs + SAME_MS;
}
