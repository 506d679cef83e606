import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Secret } from '../core/secret.ts';
import { adminSchema } from './schema.ts';
import { Problems } from './diagnostics/problems.ts';
import { read } from './schema/read.ts';
import { MAX_FILE_BYTES, readDocument } from './yaml/document.ts';
import { cachedReader, decode } from './yaml/files.ts';
import { find, Source } from './yaml/tree.ts';

/**
 * Reads `admin.token` of a config file, whatever is wrong elsewhere in it. Undefined when there is none, when it is wrong itself, and
 * when the file can't be read or is not YAML.
 */
export function readAdminToken(file: string, env: Readonly<Record<string, string | undefined>>): Secret | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    return undefined;
  }
  const text = bytes.length > MAX_FILE_BYTES ? undefined : decode(bytes);
  if (text === undefined) return undefined;
  const source = new Source(file, text.replace(/^\ufeff/, ''));
  const ignored = new Problems(source);
  const root = readDocument(source, { env, directory: dirname(file), readFile: cachedReader() }, ignored);
  if (!root || ignored.isBrokenBelow(find(root, 'admin', 'token'))) return undefined;
  const problems = new Problems(source);
  const admin = read(adminSchema, find(root, 'admin'), root, problems);
  return admin === false || problems.isBrokenBelow(find(root, 'admin', 'token')) ? undefined : admin.token;
}
