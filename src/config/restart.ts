import { Secret } from '../core/secret.ts';
import type { Config } from './config.ts';
import { configSchema } from './schema.ts';
import { restartingKeys } from './schema/section.ts';

/** A text that differs when the part of the config does. It holds digests in place of secrets. */
const fingerprint = (part: unknown): string =>
  JSON.stringify(part, function (this: Record<string, unknown>, key, value: unknown) {
    const raw = this[key];
    return raw instanceof Secret ? raw.digest() : value;
  });

const differ = (a: unknown, b: unknown): boolean => fingerprint(a) !== fingerprint(b);

const valueAt = (config: Config, way: readonly string[]): unknown =>
  way.reduce<unknown>((value, name) => (value as Readonly<Record<string, unknown>>)[name], config);

const RESTARTING = restartingKeys(configSchema);

/** The changes from `current` to `next` that a reload can't make: one sentence for each key. */
export function restartsNeeded(current: Config, next: Config): string[] {
  return RESTARTING.filter(({ way }) => differ(valueAt(current, way), valueAt(next, way))).map(
    ({ written }) => `a changed \`${written}\` takes effect after a restart`,
  );
}
