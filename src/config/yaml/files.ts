import fs from 'node:fs';
import { ConfigError } from '../diagnostics/config-error.ts';

const MAX_SECRET_BYTES = 64 * 1024;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it is not there',
  EACCES: 'no permission',
  EISDIR: 'it is a directory',
};

/** Why something could not be read, in a few words. */
export const reasonOf = (error: unknown): string => {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  return REASONS[code] ?? code;
};

/** The text of UTF-8 bytes without a byte order mark; undefined when they are something else. */
export function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The text of a secret file, one trailing newline cut. Throws a {@link ConfigError} (`unreadable_file`). */
export function readSecretFile(file: string): string {
  let bytes: Buffer;
  try {
    bytes = fs.readFileSync(file);
  } catch (error) {
    throw new ConfigError(
      'unreadable_file',
      `${file} can't be read: ${reasonOf(error)}`,
      'check the path and who may read it',
    );
  }
  if (bytes.length > MAX_SECRET_BYTES)
    throw new ConfigError('unreadable_file', `${file} is longer than 64KiB`, 'name the right file');
  const text = decode(bytes);
  if (text === undefined)
    throw new ConfigError('unreadable_file', `${file} is not UTF-8 text`, 'store the secret as text');
  return text.replace(/\r?\n$/, '');
}

/** The same, each file read once. */
export function cachedReader(): (file: string) => string {
  const cache = new Map<string, string | ConfigError>();
  return (file) => {
    let found = cache.get(file);
    if (found === undefined) {
      try {
        found = readSecretFile(file);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        found = error;
      }
      cache.set(file, found);
    }
    if (found instanceof ConfigError) throw found;
    return found;
  };
}
