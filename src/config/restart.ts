import { Secret } from '../core/secret.ts';
import type { Config } from './config.ts';
import { isSameStore } from './store.ts';

/** A part of a config as text that differs when it does; secrets stand in it as digests. */
const fingerprint = (part: unknown): string =>
  JSON.stringify(part, function (this: Record<string, unknown>, key, value: unknown) {
    const raw = this[key];
    return raw instanceof Secret ? raw.digest() : value;
  });

const differ = (a: unknown, b: unknown): boolean => fingerprint(a) !== fingerprint(b);

/** What a reload from `current` to `next` leaves as it is, one sentence each. */
export function restartsNeeded(current: Config, next: Config): string[] {
  const changed: string[] = (['listen', 'admin', 'store'] as const)
    .filter(
      (part) => (part === 'store' && !isSameStore(current.store, next.store)) || differ(current[part], next[part]),
    )
    .map((part) => `\`${part}\``);
  if (differ([current.log, current.replay.spoolTotalBytes], [next.log, next.replay.spoolTotalBytes]))
    changed.push('`log` or `replay.spool_total`');
  return changed.map((what) => `a changed ${what} takes effect after a restart`);
}
