import type { Clock } from './clock.ts';

/** How long the same message is not repeated. So an outage makes one line in this time, instead of one for each request. */
const QUIET_MS = 10_000;
/** With more keys than this, all are forgotten. */
const MAX_KEYS = 1_000;

/** Returns a function that returns true for a key at most once in `quietMs`, by default ten seconds. */
export function oncePerInterval(clock: Clock, quietMs = QUIET_MS): (key: string) => boolean {
  const toldAtMs = new Map<string, number>();
  return (key) => {
    const now = clock.monotonic();
    if (now - (toldAtMs.get(key) ?? -Infinity) < quietMs) return false;
    if (toldAtMs.size > MAX_KEYS) toldAtMs.clear();
    toldAtMs.set(key, now);
    return true;
  };
}
