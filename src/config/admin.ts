import fs from 'node:fs';
import path from 'node:path';
import type { ConfigData } from './schema.ts';
import { adminSchema } from './schema.ts';
import { Problems } from './diagnostics/problems.ts';
import { read } from './schema/read.ts';
import { MAX_FILE_BYTES, readDocument } from './yaml/document.ts';
import { cachedReader, decode } from './yaml/files.ts';
import { find, Source } from './yaml/tree.ts';

/**
 * The admin part of a config file alone: whoever asks a running proxy what is wrong with its config needs it, whatever is wrong.
 * Undefined: the file can't be read, is not YAML, or is wrong there.
 */
export function readAdminPart(
  file: string,
  env: Readonly<Record<string, string | undefined>>,
): ConfigData['admin'] | undefined {
  let bytes: Buffer;
  try {
    bytes = fs.readFileSync(file);
  } catch {
    return undefined;
  }
  const text = bytes.length > MAX_FILE_BYTES ? undefined : decode(bytes);
  if (text === undefined) return undefined;
  const source = new Source(file, text.replace(/^\ufeff/, ''));
  const directory = path.dirname(file);
  const ignored = new Problems(source);
  const root = readDocument(source, { env, directory, readFile: cachedReader() }, ignored);
  if (!root) return undefined;
  const node = find(root, 'admin');
  const problems = new Problems(source);
  const admin = read(adminSchema, node, root, problems);
  if (problems.errors > 0 || ignored.isBrokenBelow(node)) return undefined;
  if (admin === false || !('path' in admin.address)) return admin;
  return { ...admin, address: { path: path.resolve(directory, admin.address.path) } };
}
