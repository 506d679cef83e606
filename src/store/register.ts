import { randomUUID } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { systemClock } from '../core/clock.ts';

/** A text with the number of the write that made it. Version 0 is the empty text before the first write. */
export interface Version {
  readonly version: number;
  readonly text: string;
  /** When the directory was read, monotonic milliseconds. */
  readonly readAt: number;
}

/** Younger versions are not cleared away. */
const SETTLED_MS = 60_000;
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';
const isTaken = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EEXIST';

/** The versions in a directory, highest first. Empty when there is no directory. */
async function versionsIn(directory: string): Promise<number[]> {
  try {
    const names = await fs.readdir(directory);
    return names
      .filter((name) => /^[1-9]\d*$/.test(name))
      .map(Number)
      .toSorted((a, b) => b - a);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Flushes a directory to the disk, so that its new names outlast a loss of power. */
async function sync(directory: string): Promise<void> {
  const handle = await fs.open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * A text that several processes share, with compare-and-set and without locks.
 * It is a directory. Each version of the text is a file that has the version's number as its name; the highest one is current.
 * A version is created by `link`, which fails if the name exists. So if two processes write the same version, one of them
 * fails. The highest file is never removed, and others only when they are old, so that a process that was stopped in between
 * finds out that it is late. If a process is killed at any moment, the text is either the old or the new one.
 */
export class Register {
  readonly directory: string;
  /** Whether a write must survive a loss of power. */
  readonly #isDurable: boolean;

  constructor(directory: string, { isDurable }: { readonly isDurable: boolean }) {
    this.directory = directory;
    this.#isDurable = isDurable;
  }

  /** Reads the current version. */
  async read(): Promise<Version> {
    for (;;) {
      const readAt = systemClock.monotonic();
      const [version] = await versionsIn(this.directory);
      if (version === undefined) return { version: 0, text: '', readAt };
      try {
        return { version, text: await fs.readFile(this.#file(version), 'utf8'), readAt };
      } catch (error) {
        // A newer version was written meanwhile, and this one was cleared away.
        if (!isMissing(error)) throw error;
      }
    }
  }

  /** Writes `text` as the version after `before`, if `before` is still current; tells whether it did. */
  async write(before: Version, text: string): Promise<boolean> {
    await fs.mkdir(this.directory, { recursive: true, mode: DIRECTORY_MODE });
    const temporary = path.join(this.directory, `.${randomUUID()}`);
    const next = before.version + 1;
    try {
      await fs.writeFile(temporary, text, { mode: FILE_MODE, flag: 'wx', flush: this.#isDurable });
      await fs.link(temporary, this.#file(next));
    } catch (error) {
      if (isTaken(error)) return false;
      throw error;
    } finally {
      await fs.rm(temporary, { force: true });
    }
    const [highest, ...older] = await versionsIn(this.directory);
    // After a long pause of this process, the number may be free because others have used it and cleared it away since.
    const isLate = highest !== next && systemClock.monotonic() - before.readAt > SETTLED_MS / 2;
    if (isLate) await fs.rm(this.#file(next), { force: true });
    else await Promise.all(older.map((old) => this.#clear(old)));
    if (this.#isDurable) await sync(this.directory);
    return !isLate;
  }

  async #clear(old: number): Promise<void> {
    const stats = await fs.stat(this.#file(old)).catch(() => undefined);
    if (stats && Math.abs(systemClock.now() - stats.mtimeMs) > SETTLED_MS)
      await fs.rm(this.#file(old), { force: true });
  }

  #file(version: number): string {
    return path.join(this.directory, String(version));
  }
}
