import fs from 'node:fs';
import { ConfigError } from '../diagnostics/config-error.ts';

const MAX_SECRET_BYTES = 64 * 1024;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'it is not there',
  EACCES: 'no permission',
  EISDIR: 'it is a directory',
};

/** Why a file could not be read, in a few words. `error` is an error of the system. */
export const reasonOf = (error: unknown): string => {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  return REASONS[code] ?? code;
};

/** Decodes UTF-8 and drops a byte order mark. Undefined when the bytes are not UTF-8. */
export function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The text of a secret file, without one line break at its end. Throws a {@link ConfigError} (`unreadable_file`). */
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

/** Makes a {@link readSecretFile} that reads each file once and repeats its text or its error. */
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
