import { randomUUID } from 'node:crypto';
import fs from 'node:fs/promises';
import path from 'node:path';
import { systemClock } from '../core/clock.ts';

/** A text and which write made it; version 0 is the state before the first. */
export interface Version {
  readonly version: number;
  readonly text: string;
  /** When it was looked at; monotonic. */
  readonly readAt: number;
}

/** Versions that are younger are not cleared away. */
const SETTLED_MS = 60_000;
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';
const isTaken = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EEXIST';

/** The versions that lie in a directory, highest first. */
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

async function sync(directory: string): Promise<void> {
  const handle = await fs.open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * One text that several processes share, with compare-and-set and without locks: a directory in which each version is a file
 * with its number for a name, the highest being the current one. A version comes about by `link`, which is a `rename` that
 * refuses to replace: of two processes that write the same version one fails. The highest file is never removed, and others only
 * when they are old, so that a process that was stopped in between finds that it is late. A process killed at any moment leaves
 * the old text or the new one.
 */
export class Register {
  readonly directory: string;
  /** Whether it must outlast a loss of power, too. */
  readonly #isDurable: boolean;

  constructor(directory: string, { isDurable }: { readonly isDurable: boolean }) {
    this.directory = directory;
    this.#isDurable = isDurable;
  }

  async read(): Promise<Version> {
    for (;;) {
      const readAt = systemClock.monotonic();
      const [version] = await versionsIn(this.directory);
      if (version === undefined) return { version: 0, text: '', readAt };
      try {
        return { version, text: await fs.readFile(this.#file(version), 'utf8'), readAt };
      } catch (error) {
        // A newer one has come since, and this one was cleared away.
        if (!isMissing(error)) throw error;
      }
    }
  }

  /** Makes `text` the version after `before`, if that is still the current one; tells whether it did. */
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
    // Whoever stood still may have found a number free that others have used and cleared away since.
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
