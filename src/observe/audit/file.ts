import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
  type Stats,
} from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from '../../core/system-code.ts';
import { AuditRefusal } from './refusal.ts';

/** The mode bits that let others read, write or execute. */
const OTHERS = 0o077;
/** The mode bits that let others write. */
const OTHERS_WRITE = 0o022;
const READ_BYTES = 64 * 1024;
/** The longest line that is looked for. Ours are much shorter. */
const MAX_LINE_BYTES = 1024 * 1024;

const ELSEWHERE = 'or set `audit.path` to a file in a directory that is not there yet: it is made, for this user alone';

/** An open trail. */
export interface TrailFile {
  readonly fd: number;
  /** Tells this file from another one of its name. */
  readonly id: string;
  readonly sizeBytes: number;
}

/** What tells a file from another one of its name. */
export const idOf = ({ dev, ino }: Stats): string => `${dev}:${ino}`;

const modeText = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, '0');

/** Throws `unsafe_audit` when another user could read or replace what is at `path`. */
function checkOwner(path: string, { mode, uid }: Stats, bits: number, isSystem: boolean): void {
  const us = process.geteuid?.();
  if (us !== undefined && uid !== us && !(isSystem && uid === 0)) {
    throw new AuditRefusal(
      'unsafe_audit',
      `${path} belongs to another user`,
      `run \`chown ${us} ${path}\`, ${ELSEWHERE}`,
    );
  }
  if ((mode & bits) !== 0) {
    const letters = bits === OTHERS ? 'go=' : 'go-w';
    const message = `${path} is open to other users (mode ${modeText(mode)})`;
    throw new AuditRefusal('unsafe_audit', message, `run \`chmod ${letters} ${path}\`, ${ELSEWHERE}`);
  }
}

/**
 * Throws `unsafe_audit` when another user could read the trail, or replace it in its directory. What is not there passes. Else it
 * throws the system's errors.
 */
export function checkPrivate(path: string): void {
  const directory = statSync(dirname(path), { throwIfNoEntry: false });
  if (directory) checkOwner(dirname(path), directory, OTHERS_WRITE, true);
  const file = lstatSync(path, { throwIfNoEntry: false });
  if (file?.isSymbolicLink()) {
    const message = `${path} is a symbolic link: what is written to the trail would go where it leads`;
    throw new AuditRefusal('unsafe_audit', message, 'set `audit.path` to the file itself');
  }
  if (file) checkOwner(path, file, OTHERS, false);
}

/** Runs `use` and returns its result. An error of the system becomes `unusable_audit`. */
export function atTrail<T>(path: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw asRefusal(path, error);
  }
}

/** Makes `unusable_audit` of an error of the system. Any other error stays as it is. */
export function asRefusal(path: string, error: unknown): unknown {
  const code = systemCode(error);
  if (error instanceof AuditRefusal || code === '') return error;
  const why = code === 'ELOOP' ? 'it is a symbolic link' : code;
  return new AuditRefusal(
    'unusable_audit',
    `the audit trail ${path} can't be written: ${why}`,
    'set `audit.path` to a file in a directory that this user may make or write to',
  );
}

/** Writes a directory to the disk, so that its new names outlast a loss of power. */
function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Opens a trail to append to it, and makes it and its directory if they are not there. Throws an {@link AuditRefusal}. */
export function openTrail(path: string): TrailFile {
  return atTrail(path, () => {
    const directory = dirname(path);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    checkPrivate(path);
    const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
    const fd = openSync(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600);
    try {
      const stats = fstatSync(fd);
      if (!stats.isFile()) {
        const help = 'set `audit.path` to a file that is not there yet: it is made';
        throw new AuditRefusal('unusable_audit', `${path} is no regular file`, help);
      }
      checkOwner(path, stats, OTHERS, false);
      if (stats.size === 0) syncDirectory(directory);
      return { fd, id: idOf(stats), sizeBytes: stats.size };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  });
}

/** The end of a trail. */
export interface TrailEnd {
  /** The last line that has a line break; undefined when there is none. */
  readonly line: Buffer | undefined;
  /** What stands behind it: a part of a line that was torn. */
  readonly rest: Buffer;
}

/** Reads the end of a trail. Throws `broken_audit` when it has longer lines than a trail has, or the system's error. */
export function readEnd(path: string, { fd, sizeBytes }: TrailFile): TrailEnd {
  let bytes: Buffer = Buffer.alloc(0);
  for (let from = sizeBytes; from > 0;) {
    const count = Math.min(READ_BYTES, from);
    from -= count;
    const block = Buffer.alloc(count);
    const read = readSync(fd, block, 0, count, from);
    bytes = Buffer.concat([block.subarray(0, read), bytes]);
    const last = bytes.lastIndexOf(0x0a);
    const before = last > 0 ? bytes.lastIndexOf(0x0a, last - 1) : -1;
    if (before >= 0) return { line: bytes.subarray(before + 1, last), rest: bytes.subarray(last + 1) };
    if (bytes.length > MAX_LINE_BYTES) throw brokenTrail(path, 'its last line is too long');
  }
  const end = bytes.indexOf(0x0a);
  return end < 0 ? { line: undefined, rest: bytes } : { line: bytes.subarray(0, end), rest: bytes.subarray(end + 1) };
}

/** The error for a file that can't be gone on with. */
export const brokenTrail = (path: string, why: string): AuditRefusal =>
  new AuditRefusal(
    'broken_audit',
    `${path} can't be gone on with as an audit trail: ${why}`,
    `look at it with \`outrider audit verify ${path}\`, and move it away: a new trail is begun`,
  );
