import type { KeyObject } from 'node:crypto';
import { closeSync, fdatasync, fdatasyncSync, ftruncateSync, statSync, writeSync } from 'node:fs';
import { systemCode } from '../../core/system-code.ts';
import { atTrail, brokenTrail, idOf, openTrail, readEnd, type TrailFile } from './file.ts';
import { digestOf, isSigned, NO_LINE, readLine, writeLine, type Told } from './line.ts';
import { AuditRefusal } from './refusal.ts';

/** What a trail works with. */
export interface TrailOptions {
  readonly path: string;
  readonly key: KeyObject | undefined;
  /** Gives the time of a line, as RFC 3339 in UTC. */
  readonly time: () => string;
  readonly reports: TrailReports;
}

/** Is told what happens to a trail. */
export interface TrailReports {
  /** A line could not be written. `why` is the system's code. */
  lost(why: string): void;
  /** The trail goes on after so many lines were lost. */
  mended(lines: number): void;
  /** The end of the file was a part of a line. */
  torn(): void;
  /** The file was moved away, and another one was begun. */
  begun(): void;
  /** The file was moved away, and no other one can be begun: the one before is written on. */
  notBegun(error: unknown): void;
  /** What was written could not be forced onto the disk. */
  notSynced(error: unknown): void;
}

/** Where a chain goes on. */
interface Position {
  readonly seq: number;
  readonly head: string;
  /** A part of a line at the end of the file. */
  readonly fragment: Buffer | undefined;
}

/** A line of a trail that has no HMAC, and one that has another's, can't be gone on with: one key would not verify the file. */
const otherKey = (path: string): AuditRefusal =>
  new AuditRefusal(
    'audit_other_key',
    `the last line of ${path} was not written with this \`audit.key\``,
    'give back the key that it was written with, or move the file away: a new trail is begun',
  );

/** Finds where the chain of an open file goes on. Throws an {@link AuditRefusal}. */
function positionOf(path: string, file: TrailFile, key: KeyObject | undefined): Position {
  const { line: bytes, rest } = readEnd(path, file);
  const fragment = rest.length > 0 ? rest : undefined;
  if (bytes === undefined) {
    if (fragment && !fragment.toString('latin1').startsWith('{"seq":'))
      throw brokenTrail(path, 'it holds something else');
    return { seq: 0, head: NO_LINE, fragment };
  }
  const line = readLine(bytes);
  if (!line) throw brokenTrail(path, 'its last line is none of a trail');
  if (key ? !isSigned(bytes, line, key) : line.hmac !== undefined) throw otherKey(path);
  return { seq: line.seq, head: digestOf(bytes), fragment };
}

/** Looks whether a trail that is there can be gone on with, and writes nothing. Throws an {@link AuditRefusal}. */
export function checkTrail(path: string, key: KeyObject | undefined): void {
  const file = openTrail(path);
  try {
    atTrail(path, () => positionOf(path, file, key));
  } finally {
    closeSync(file.fd);
  }
}

/** A file of lines that are chained by their digests. There must be one writer. A line is given to the system as one write. */
export class Trail {
  readonly #options: TrailOptions;
  #file: TrailFile;
  #sizeBytes: number;
  #seq: number;
  #head: string;
  #fragment: Buffer | undefined;
  /** How many lines have been lost since the last one that was written. */
  #missing = 0;
  #gaps = 0;
  /** Whether lines were written since the last sync began. */
  #isDirty = false;
  #syncing: Promise<void> | undefined;
  #nextSync: Promise<void> | undefined;

  /** Opens a trail, or begins one. Throws an {@link AuditRefusal}. */
  constructor(options: TrailOptions) {
    const { path, key, reports } = options;
    this.#options = options;
    this.#file = openTrail(path);
    try {
      const { seq, head, fragment } = atTrail(path, () => positionOf(path, this.#file, key));
      this.#seq = seq;
      this.#head = head;
      this.#fragment = fragment;
    } catch (error) {
      closeSync(this.#file.fd);
      throw error;
    }
    this.#sizeBytes = this.#file.sizeBytes;
    if (this.#fragment) reports.torn();
  }

  /** The SHA-256 of the newest line, in hex. */
  get head(): string {
    return this.#head;
  }

  /** The number of the newest line. */
  get lines(): number {
    return this.#seq;
  }

  /** How many lines could not be written since the trail was opened. */
  get gaps(): number {
    return this.#gaps;
  }

  /** Appends a line. False: it could not be written. */
  append(event: string, told: Told): boolean {
    try {
      this.#goOn();
      this.#write(event, told);
      return true;
    } catch (error) {
      this.#missing++;
      this.#gaps++;
      this.#options.reports.lost(systemCode(error) || String(error));
      return false;
    }
  }

  /** Resolves when all lines are on the disk. Calls that come while a sync runs share the next one. It never rejects. */
  durable(): Promise<void> {
    if (!this.#isDirty) return this.#syncing ?? Promise.resolve();
    return (this.#nextSync ??= (this.#syncing ?? Promise.resolve()).then(() => {
      this.#nextSync = undefined;
      this.#isDirty = false;
      this.#syncing = this.#sync().finally(() => (this.#syncing = undefined));
      return this.#syncing;
    }));
  }

  /**
   * Begins another file when this one was moved away or emptied: its first line goes on with the chain. Afterwards it writes what
   * is owed: that first line, and the one about a gap.
   */
  look(): void {
    try {
      this.#follow();
    } catch (error) {
      this.#options.reports.notBegun(error);
    }
    if (this.#missing === 0 && !this.#fragment && this.#sizeBytes > 0) return;
    try {
      this.#goOn();
    } catch {
      // There is no room yet.
    }
  }

  /** Syncs and closes the file. */
  async close(): Promise<void> {
    await this.durable();
    closeSync(this.#file.fd);
  }

  /** Writes what has to come before the next line. Throws the system's error. */
  #goOn(): void {
    if (this.#fragment) {
      const fragment = this.#fragment;
      const told = { bytes: fragment.length, after: this.#head };
      this.#write('torn', told, { prev: digestOf(fragment), before: '\n' });
      this.#fragment = undefined;
    } else if (this.#sizeBytes === 0) this.#write('begin', {});
    if (this.#missing > 0) {
      const lines = this.#missing;
      this.#write('gap', { lines });
      this.#missing = 0;
      this.#options.reports.mended(lines);
    }
  }

  /** Writes one line as a whole, or throws the system's error. */
  #write(event: string, told: Told, { prev = this.#head, before = '' } = {}): void {
    const { key, time } = this.#options;
    const text = writeLine({ seq: this.#seq + 1, prev }, time(), event, told, key);
    const bytes = Buffer.from(`${before}${text}\n`);
    let written = 0;
    try {
      // A second call tells why the first one wrote a part only.
      while (written < bytes.length) written += writeSync(this.#file.fd, bytes, written);
    } catch (error) {
      if (written > 0) this.#takeBack(bytes.subarray(0, written));
      throw error;
    }
    this.#sizeBytes += bytes.length;
    this.#seq++;
    this.#head = digestOf(text);
    this.#isDirty = true;
  }

  /** Takes back a part of a line. Where that is not allowed, it stays as a torn line. */
  #takeBack(part: Buffer): void {
    try {
      ftruncateSync(this.#file.fd, this.#sizeBytes);
    } catch {
      this.#sizeBytes += part.length;
      this.#fragment = Buffer.concat([this.#fragment ?? Buffer.alloc(0), part]);
    }
  }

  #follow(): void {
    const { path, reports } = this.#options;
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats && idOf(stats) === this.#file.id) {
      if (stats.size > 0 || this.#sizeBytes === 0) return;
    } else {
      const next = openTrail(path);
      if (next.sizeBytes > 0) {
        closeSync(next.fd);
        throw new Error('the file that is there now is not empty');
      }
      this.#leave();
      this.#file = next;
    }
    this.#sizeBytes = 0;
    this.#fragment = undefined;
    reports.begun();
  }

  /** Syncs the file that was moved away, and closes it when nothing uses it any more. */
  #leave(): void {
    const { fd } = this.#file;
    try {
      fdatasyncSync(fd);
    } catch (error) {
      this.#options.reports.notSynced(error);
    }
    void (this.#syncing ?? Promise.resolve()).then(() => closeSync(fd));
  }

  #sync(): Promise<void> {
    return new Promise((resolve) => {
      fdatasync(this.#file.fd, (error) => {
        if (error) this.#options.reports.notSynced(error);
        resolve();
      });
    });
  }
}
