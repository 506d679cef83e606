import type { RenewSpec } from '../../config/profile/profile.ts';
import type { Clock } from '../../core/clock.ts';
import type { TokenRecord } from '../../store/store.ts';
import { renewAtMs } from './schedule.ts';

/**
 * A token in use. The times are those of the monotonic clock: whoever sets the wall clock forth or back neither kills a token
 * that lives nor keeps one that is dead.
 */
export interface ActiveToken {
  readonly record: TokenRecord;
  /** The generation from which on the token is this same one. */
  readonly since: number;
  readonly arrivedAt: number;
  readonly expiresAt: number;
  /** When to renew it behind the requests' backs; Infinity: not at all. */
  readonly renewAt: number;
}

export function activate(
  record: TokenRecord,
  before: ActiveToken | undefined,
  { clock, renew, random }: { readonly clock: Clock; readonly renew: RenewSpec; readonly random: () => number },
): ActiveToken {
  const lifetimeMs = record.expiresAtMs - record.issuedAtMs;
  // One that was stored before the clock was set back must not live longer for it.
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

/** By both clocks: the monotonic one stands still while the machine sleeps. `now` is monotonic. */
export const isLive = (active: ActiveToken, clock: Clock, now: number = clock.monotonic()): boolean =>
  now < active.expiresAt && clock.now() < active.record.expiresAtMs;

/** Two that differ by less expire at the same time, by clocks that are not quite one. */
const SAME_MS = 1_000;

/**
 * Whether what the store holds is to be used in place of what this process has: a later generation, another token of the same
 * one (ours was not written yet when theirs was), or the same token with a later end.
 */
export function isNewer(stored: TokenRecord, ours: TokenRecord): boolean {
  if (stored.generation !== ours.generation) return stored.generation > ours.generation;
  return stored.accessToken !== ours.accessToken || stored.expiresAtMs > ours.expiresAtMs + SAME_MS;
}
