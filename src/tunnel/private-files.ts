import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { CaRefusal } from './refusal.ts';

/** The mode bits that let others (group or everyone) read, write or execute. */
const OTHERS = 0o077;
/** What a file system without hard links says. */
const NO_HARD_LINKS: ReadonlySet<string | undefined> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);
/** The mode bits that let others write. */
const OTHERS_WRITE = 0o022;

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
const shown = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, '0');

/**
 * Reads a file that only its owner may access. Returns undefined when there is no such file. Throws `unsafe_state_dir` when
 * others may access it, else the system's error.
 */
export function readPrivately(file: string): string | undefined {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { mode } = fstatSync(fd);
    if ((mode & OTHERS) !== 0) {
      throw new CaRefusal(
        'unsafe_state_dir',
        `others can read ${file} (mode ${shown(mode)})`,
        'stop trusting that CA (`outrider ca untrust`) and remove its files: a new one is made',
      );
    }
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

/**
 * Writes a file in one step, so that nobody sees a part of it. Its mode is 0600, whatever the umask. Root gives it to the owner
 * of its directory. Throws the system's error.
 * @param isFirst Whether the file must be new. Then the result is false, and nothing is written, if somebody else was quicker.
 */
export function writePrivately(file: string, text: string, isFirst = false): boolean {
  const next = `${file}.${randomUUID()}.new`;
  const fd = openSync(next, 'wx', 0o600);
  try {
    try {
      fchmodSync(fd, 0o600);
      const { uid, gid } = statSync(dirname(file));
      if (process.geteuid?.() === 0 && uid !== 0) fchownSync(fd, uid, gid);
      writeFileSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    if (!isFirst) {
      renameSync(next, file);
      return true;
    }
    try {
      linkSync(next, file);
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      if (!NO_HARD_LINKS.has(codeOf(error))) throw error;
      renameSync(next, file);
      return true;
    }
  } finally {
    rmSync(next, { force: true });
  }
}

const unsafe = (directory: string, mode: number): CaRefusal =>
  new CaRefusal(
    'unsafe_state_dir',
    `others can replace what is in ${directory} (mode ${shown(mode)})`,
    'set `state_dir` to a directory of its own, one below it that is not there yet: it is made, for this user alone',
  );

/**
 * Throws `unsafe_state_dir` when others may write to a directory, and so replace what is in it. One that doesn't exist passes.
 */
export function checkDirectory(directory: string): void {
  const stats = statSync(directory, { throwIfNoEntry: false });
  if (stats && (stats.mode & OTHERS_WRITE) !== 0) throw unsafe(directory, stats.mode);
}

/**
 * Makes a directory with mode 0700. An existing one gets that mode if it belongs to this user and holds only files of ours
 * (`isOurs`). Otherwise other things live there, and its mode stays. Then it throws `unsafe_state_dir` if others may write
 * there.
 */
export function makeDirectory(directory: string, isOurs: (name: string) => boolean): void {
  const isMade = mkdirSync(directory, { recursive: true, mode: 0o700 }) !== undefined;
  const { mode, uid } = statSync(directory);
  // An unusual umask may have removed bits from a new directory's mode.
  if (isMade || (uid === process.geteuid?.() && readdirSync(directory).every(isOurs))) chmodSync(directory, 0o700);
  else if ((mode & OTHERS_WRITE) !== 0) throw unsafe(directory, mode);
}
