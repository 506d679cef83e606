import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeAuthority, readAuthority, type Authority } from './certificate.ts';

const YEAR_MS = 365 * 24 * 3_600_000;
/** With less than this left, a new one is made. */
const REST_MS = 14 * 24 * 3_600_000;

/** Where the local CA lies. */
export const caFiles = (stateDir: string): { readonly certificate: string; readonly key: string } => ({
  certificate: join(stateDir, 'ca.pem'),
  key: join(stateDir, 'ca-key.pem'),
});

/** Replaces a file whole; nobody else can ever read it. */
function writePrivately(file: string, text: string): void {
  const next = `${file}.${process.pid}.new`;
  rmSync(next, { force: true });
  writeFileSync(next, text, { mode: 0o600, flag: 'wx' });
  renameSync(next, file);
}

/** Reads the CA of a state directory; undefined when there is none. Throws an Error when others could have read its key. */
export async function loadAuthority(stateDir: string): Promise<Authority | undefined> {
  const files = caFiles(stateDir);
  let texts: readonly [certificate: string, key: string];
  try {
    texts = [readFileSync(files.certificate, 'utf8'), readFileSync(files.key, 'utf8')];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  if ((statSync(files.key).mode & 0o077) !== 0) {
    throw new Error(`others can read ${files.key}: remove it and ${files.certificate}, and stop trusting that CA`);
  }
  return readAuthority(...texts);
}

/**
 * The CA of a state directory, for these hosts. Made anew (`isNew`) when there is none, when it may not vouch for one of
 * them, or when it ends soon: whoever trusted the old one has to trust the new one.
 */
export async function ensureAuthority(
  stateDir: string,
  hosts: ReadonlySet<string>,
  nowMs: number,
): Promise<{ readonly authority: Authority; readonly isNew: boolean }> {
  const known = await loadAuthority(stateDir);
  if (known && known.expiresAtMs > nowMs + REST_MS && [...hosts].every((host) => known.hosts.includes(host))) {
    return { authority: known, isNew: false };
  }
  const authority = await makeAuthority(hosts, { nowMs, lifetimeMs: YEAR_MS });
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  chmodSync(stateDir, 0o700);
  const files = caFiles(stateDir);
  writePrivately(files.key, authority.key.export({ type: 'pkcs8', format: 'pem' }) as string);
  writePrivately(files.certificate, authority.certificate);
  return { authority, isNew: true };
}

/** Removes the CA from its directory. */
export function removeAuthority(stateDir: string): void {
  for (const file of Object.values(caFiles(stateDir))) rmSync(file, { force: true });
}
