import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { makeCa, readCa, type LocalCa } from './certificate.ts';
import { checkDirectory, makeDirectory, readPrivately, writePrivately } from './private-files.ts';
import { inStateDir } from './refusal.ts';

const YEAR_MS = 365 * 24 * 3_600_000;
/** A CA that expires sooner than this is replaced. */
const REST_MS = 14 * 24 * 3_600_000;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/;

/**
 * Returns the paths of the local CA's files. The file `certificate` is for clients. The file `key` holds the private key
 * together with its certificate.
 */
export const caFiles = (stateDir: string): { readonly certificate: string; readonly key: string } => ({
  certificate: join(stateDir, 'ca.pem'),
  key: join(stateDir, 'ca-key.pem'),
});

const textOf = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');

const isOurs = (name: string): boolean =>
  Object.values(caFiles('')).some((file) => name === basename(file) || name.startsWith(`${basename(file)}.`));

/** Reads a CA from a text that holds its key and its certificate. Returns undefined when the two are missing or don't match. */
async function readPair(text: string): Promise<LocalCa | undefined> {
  const [certificate] = CERTIFICATE.exec(text) ?? [];
  if (certificate === undefined) return undefined;
  try {
    if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(text))) return undefined;
    return await readCa(certificate, text);
  } catch {
    return undefined;
  }
}

interface Found {
  /** The text of the key's file; undefined when there is none. */
  readonly key: string | undefined;
  readonly ca: LocalCa | undefined;
}

async function find(stateDir: string): Promise<Found> {
  const files = caFiles(stateDir);
  const key = inStateDir(stateDir, () => readPrivately(files.key));
  if (key === undefined) return { key, ca: undefined };
  const text = inStateDir(stateDir, () => {
    checkDirectory(stateDir);
    return CERTIFICATE.test(key) ? key : key + textOf(files.certificate);
  });
  return { key, ca: await readPair(text) };
}

/**
 * Reads the CA of a state directory. Resolves with undefined when there is none, or none that can be used. Rejects with a
 * `CaRefusal` when others could have read its key or replaced it (`unsafe_state_dir`), or it can't be read
 * (`unusable_state_dir`).
 */
export const loadCa = async (stateDir: string): Promise<LocalCa | undefined> => (await find(stateDir)).ca;

/**
 * Reads the CA of a state directory, or makes a new one (`isNew`). A new one is made when there is none, when it may not issue
 * certificates for all `hosts`, or when it expires within 14 days. Clients must then trust the new one. Rejects with a
 * `CaRefusal`.
 */
export async function ensureCa(
  stateDir: string,
  hosts: ReadonlySet<string>,
  nowMs: number,
): Promise<{ readonly ca: LocalCa; readonly isNew: boolean }> {
  const files = caFiles(stateDir);
  const found = await find(stateDir);
  const known = found.ca;
  if (known && known.expiresAtMs > nowMs + REST_MS && [...hosts].every((host) => known.hosts.includes(host))) {
    // The process that made the CA may have been stopped before it wrote the second file.
    inStateDir(stateDir, () => {
      if (textOf(files.certificate) !== known.certificate) writePrivately(files.certificate, known.certificate);
    });
    return { ca: known, isNew: false };
  }
  const ca = await makeCa(hosts, { nowMs, lifetimeMs: YEAR_MS });
  const key = ca.key.export({ type: 'pkcs8', format: 'pem' }) as string;
  const isPlaced = inStateDir(stateDir, () => {
    makeDirectory(stateDir, isOurs);
    if (readPrivately(files.key) !== found.key) return false;
    // A dangling symbolic link can't be read, but its name is taken.
    const isFirst = lstatSync(files.key, { throwIfNoEntry: false }) === undefined;
    if (!writePrivately(files.key, key + ca.certificate, isFirst)) return false;
    return writePrivately(files.certificate, ca.certificate);
  });
  // Another process made a CA at the same time. Both use that one.
  return isPlaced ? { ca, isNew: true } : await ensureCa(stateDir, hosts, nowMs);
}
