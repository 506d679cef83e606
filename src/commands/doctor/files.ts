import { constants, type Stats } from 'node:fs';
import { access, mkdtemp, readFile, rmdir, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../../config/config.ts';
import { systemCode } from '../../core/system-code.ts';
import { formatSize } from '../../core/units.ts';
import { SpoolFile } from '../../proxy/body/spool.ts';
import { CaRefusal } from '../../tunnel/refusal.ts';
import { loadCa } from '../../tunnel/state.ts';
import { shellQuote } from '../output.ts';
import { failure, ok, warning, type Finding } from './finding.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const OTHERS_READ = 0o044;
const OTHERS_WRITE = 0o022;
const STICKY = 0o1000;
/** With less than this a directory that holds small files is as good as full. */
export const LEAST_FREE_BYTES = 16 * MIB;

const modeOf = ({ mode }: Stats): string => (mode & 0o7777).toString(8).padStart(4, '0');

/** Whether a file holds certificates, which are public, and no key. */
async function holdsCertificatesAlone(file: string): Promise<boolean> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.includes('-----BEGIN CERTIFICATE-----') && !text.includes('PRIVATE KEY-----');
}

/** Who may do what with the files that hold secrets; one that can't be read is told by the config's diagnostics. */
export async function checkSecretFiles(files: readonly string[]): Promise<readonly Finding[]> {
  const found = await Promise.all(
    files.map(async (file): Promise<Finding | undefined> => {
      const stats = await stat(file).catch(() => undefined);
      if (!stats) return undefined;
      const remedy = `run \`chmod go= ${shellQuote(file)}\``;
      const mode = `(mode ${modeOf(stats)})`;
      if ((stats.mode & OTHERS_WRITE) !== 0) {
        const message = `other users can change the secret in ${file} ${mode}`;
        return failure('secret file', { code: 'secret_file_writable', message, remedy });
      }
      if ((stats.mode & OTHERS_READ) === 0 || (await holdsCertificatesAlone(file))) return undefined;
      const message = `other users can read the secret in ${file} ${mode}`;
      const unless = `${remedy}, unless nobody else is in its group, or on this machine (a container)`;
      return warning('secret file', { code: 'secret_file_readable', message, remedy: unless });
    }),
  );
  const wrong = found.filter((each) => each !== undefined);
  if (wrong.length > 0 || files.length === 0) return wrong;
  const which = files.length === 1 ? "1 secret file is its owner's" : `${files.length} secret files are their owner's`;
  return [ok('secret file', 'secret_files_ok', `${which} alone`)];
}

/** The directory itself, or the nearest one above it that is there. */
async function nearest(directory: string): Promise<string> {
  const isThere = await stat(directory).then(
    () => true,
    () => false,
  );
  return isThere || dirname(directory) === directory ? directory : nearest(dirname(directory));
}

/** Whether this user may make files in a directory. */
export const isWritable = (directory: string): Promise<boolean> =>
  access(directory, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );

/** Whether a directory that is not there could be made by this user: what the modes say isn't all, so another one is made and removed. */
export async function canBeMade(directory: string): Promise<boolean> {
  try {
    await rmdir(await mkdtemp(join(await nearest(dirname(directory)), '.outrider-')));
    return true;
  } catch {
    return false;
  }
}

/** How much this user may still write there. */
export async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

/** Bytes for a person to read, in whole units. */
export function roughly(bytes: number): string {
  const unit = bytes < 10 * GIB ? MIB : GIB;
  return formatSize(Math.floor(bytes / unit) * unit);
}

function owned({ uid }: Stats): string {
  return uid === process.geteuid?.() ? 'owned by this user' : `owned by the user ${uid}`;
}

/** Where bodies are kept that may have to be sent again: a file is made there as the proxy makes it. */
export async function checkSpool({ replay: { dir, spoolTotalBytes } }: Config): Promise<readonly Finding[]> {
  const another = 'set `replay.dir` to another directory';
  const stats = await stat(dir).catch(() => undefined);
  if (!stats?.isDirectory()) {
    const message = stats ? `${dir}, the spool directory, is a file` : `the spool directory ${dir} is not there`;
    const remedy = stats ? another : `make it (\`mkdir -p -m 700 ${shellQuote(dir)}\`), or ${another}`;
    return [failure('spool', { code: 'spool_dir_missing', message, remedy })];
  }
  try {
    const file = await SpoolFile.create(dir);
    try {
      await file.append(Buffer.alloc(1024));
    } finally {
      await file.close();
    }
  } catch (error) {
    const message = `no body can be kept in the spool directory ${dir} (${systemCode(error)}; mode ${modeOf(stats)}, ${owned(stats)})`;
    const remedy = `let this user write there, or ${another}`;
    return [failure('spool', { code: 'spool_dir_unwritable', message, remedy })];
  }
  const free = await freeBytes(dir);
  const findings: Finding[] = [];
  if ((stats.mode & OTHERS_WRITE) !== 0 && (stats.mode & STICKY) === 0) {
    const message = `other users can write to the spool directory ${dir} (mode ${modeOf(stats)})`;
    findings.push(
      warning('spool', { code: 'spool_dir_open', message, remedy: `run \`chmod go= ${shellQuote(dir)}\`` }),
    );
  }
  if (free < spoolTotalBytes) {
    const message = `${dir} has ${roughly(free)} left, and \`replay.spool_total\` is ${formatSize(spoolTotalBytes)}`;
    const remedy = `make room there, lower \`replay.spool_total\`, or ${another}`;
    findings.push(warning('spool', { code: 'spool_space', message, remedy }));
  }
  if (findings.length > 0) return findings;
  return [ok('spool', 'spool_ok', `${dir} (mode ${modeOf(stats)}, ${owned(stats)}) has ${roughly(free)} left`)];
}

/** Where the local CA lies, which interception needs. */
export async function checkState({ stateDir, forward: { mode } }: Config): Promise<readonly Finding[]> {
  const stats = await stat(stateDir).catch(() => undefined);
  const isNeeded = mode === 'intercept';
  if (!isNeeded) {
    const message = `not needed without \`forward.mode: intercept\` (${stateDir}${stats ? '' : ' is not there'})`;
    return [ok('state', 'state_unneeded', message)];
  }
  const another = 'set `state_dir` to a directory that this user may make or write to';
  if (!stats) {
    if (!(await canBeMade(stateDir))) {
      const message = `the state directory ${stateDir} is not there, and this user can't make it`;
      return [failure('state', { code: 'state_dir_unwritable', message, remedy: another })];
    }
    const message = `the state directory ${stateDir} is not there: the CA will be a new one, which no client trusts yet`;
    const remedy = 'run `outrider ca trust`, which makes both';
    return [warning('state', { code: 'state_dir_missing', message, remedy })];
  }
  try {
    const ca = await loadCa(stateDir);
    if (!(await isWritable(stateDir))) {
      const message = `this user can't write to the state directory ${stateDir} (mode ${modeOf(stats)}, ${owned(stats)})`;
      return [failure('state', { code: 'state_dir_unwritable', message, remedy: another })];
    }
    const free = await freeBytes(stateDir);
    if (free < LEAST_FREE_BYTES) {
      const message = `the state directory ${stateDir} has ${roughly(free)} left`;
      return [warning('state', { code: 'state_space', message, remedy: 'make room there' })];
    }
    if (!ca) {
      const message = `there is no CA in ${stateDir} yet: it will be a new one, which no client trusts`;
      return [warning('state', { code: 'no_ca', message, remedy: 'run `outrider ca trust`, which makes it' })];
    }
    const until = new Date(ca.expiresAtMs).toISOString().slice(0, 10);
    return [ok('state', 'state_ok', `${stateDir} (mode ${modeOf(stats)}, ${owned(stats)}) has a CA until ${until}`)];
  } catch (error) {
    if (!(error instanceof CaRefusal)) throw error;
    return [failure('state', { code: error.code, message: error.message, remedy: error.help })];
  }
}
