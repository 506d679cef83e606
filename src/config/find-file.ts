import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/** Where `outrider` looks when nothing else is said: in the directory, then for the whole machine. */
export const DEFAULT_FILES = ['proxy.config.yaml', '/etc/outrider/proxy.config.yaml'];

/**
 * The config file to use, absolute: `flag`, else `$OUTRIDER_CONFIG`, else the first of {@link DEFAULT_FILES} that is there.
 * A file that was named is returned whether it is there or not; undefined: none was named and none is there.
 */
export function findConfigFile(
  flag: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): string | undefined {
  const named = flag ?? (env['OUTRIDER_CONFIG'] || undefined);
  if (named !== undefined) return resolve(cwd, named);
  return DEFAULT_FILES.map((file) => resolve(cwd, file)).find((file) => existsSync(file));
}
