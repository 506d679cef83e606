import type { Clock } from './clock.ts';

/** The same trouble is told once in this time: an outage is one line, not one for each request. */
const QUIET_MS = 10_000;
const MAX_KEYS = 1_000;

/** Tells of each key whether it was not told lately. */
export function oncePerInterval(clock: Clock): (key: string) => boolean {
  const toldAtMs = new Map<string, number>();
  return (key) => {
    const now = clock.monotonic();
    if (now - (toldAtMs.get(key) ?? -Infinity) < QUIET_MS) return false;
    if (toldAtMs.size > MAX_KEYS) toldAtMs.clear();
    toldAtMs.set(key, now);
    return true;
  };
}
