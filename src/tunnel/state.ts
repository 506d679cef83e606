import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { makeAuthority, readAuthority, type Authority } from './certificate.ts';
import { checkDirectory, makeDirectory, readPrivately, writePrivately } from './private-files.ts';
import { inStateDir } from './refusal.ts';

const YEAR_MS = 365 * 24 * 3_600_000;
/** With less than this left, a new one is made. */
const REST_MS = 14 * 24 * 3_600_000;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/;

/** Where the local CA lies: the certificate for whoever wants it, and the key together with the certificate that it belongs to. */
export const caFiles = (stateDir: string): { readonly certificate: string; readonly key: string } => ({
  certificate: join(stateDir, 'ca.pem'),
  key: join(stateDir, 'ca-key.pem'),
});

const textOf = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');

const isOurs = (name: string): boolean =>
  Object.values(caFiles('')).some((file) => name === basename(file) || name.startsWith(`${basename(file)}.`));

/** The CA in a text that holds both halves; undefined when it holds no such pair. */
async function readPair(text: string): Promise<Authority | undefined> {
  const [certificate] = CERTIFICATE.exec(text) ?? [];
  if (certificate === undefined) return undefined;
  try {
    if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(text))) return undefined;
    return await readAuthority(certificate, text);
  } catch {
    return undefined;
  }
}

interface Found {
  /** The file of the key, as it is; undefined when there is none. */
  readonly key: string | undefined;
  readonly authority: Authority | undefined;
}

async function find(stateDir: string): Promise<Found> {
  const files = caFiles(stateDir);
  const key = inStateDir(stateDir, () => readPrivately(files.key));
  if (key === undefined) return { key, authority: undefined };
  const text = inStateDir(stateDir, () => {
    checkDirectory(stateDir);
    return CERTIFICATE.test(key) ? key : key + textOf(files.certificate);
  });
  return { key, authority: await readPair(text) };
}

/**
 * Reads the CA of a state directory; undefined when there is none, or nothing that can be used. Throws a `CaRefusal` when
 * others could have read its key, or replaced it.
 */
export const loadAuthority = async (stateDir: string): Promise<Authority | undefined> =>
  (await find(stateDir)).authority;

/**
 * The CA of a state directory, for these hosts. Made anew (`isNew`) when there is none, when it may not vouch for one of
 * them, or when it ends soon: whoever trusted the old one has to trust the new one. Throws a `CaRefusal`.
 */
export async function ensureAuthority(
  stateDir: string,
  hosts: ReadonlySet<string>,
  nowMs: number,
): Promise<{ readonly authority: Authority; readonly isNew: boolean }> {
  const files = caFiles(stateDir);
  const found = await find(stateDir);
  const known = found.authority;
  if (known && known.expiresAtMs > nowMs + REST_MS && [...hosts].every((host) => known.hosts.includes(host))) {
    // Who made it may have been stopped before it was all there.
    inStateDir(stateDir, () => {
      if (textOf(files.certificate) !== known.certificate) writePrivately(files.certificate, known.certificate);
    });
    return { authority: known, isNew: false };
  }
  const authority = await makeAuthority(hosts, { nowMs, lifetimeMs: YEAR_MS });
  const key = authority.key.export({ type: 'pkcs8', format: 'pem' }) as string;
  const isPlaced = inStateDir(stateDir, () => {
    makeDirectory(stateDir, isOurs);
    if (readPrivately(files.key) !== found.key) return false;
    // A link that leads nowhere can't be read, and is there.
    const isFirst = lstatSync(files.key, { throwIfNoEntry: false }) === undefined;
    if (!writePrivately(files.key, key + authority.certificate, isFirst)) return false;
    return writePrivately(files.certificate, authority.certificate);
  });
  // Somebody else made one at the same time: both use that.
  return isPlaced ? { authority, isNew: true } : await ensureAuthority(stateDir, hosts, nowMs);
}
