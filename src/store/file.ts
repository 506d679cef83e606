import { randomUUID } from 'node:crypto';
import { readlinkSync, watch, type FSWatcher } from 'node:fs';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Clock, Timer } from '../core/clock.ts';
import type { Backing, BackingEvents } from './backing.ts';
import { openDirectory } from './directory.ts';
import { Register } from './register.ts';
import { type Codec, tombstone } from './seal.ts';
import { RETAINED_MS, type TokenRecord } from './store.ts';

const RECORD = '.record';
const LOCK = '.lock';
const SWEEP_MS = 3_600_000;
/** A temporary file that is older was left behind. */
const LEFT_BEHIND_MS = 60_000;

/** What a record and its directories take up at most; an empty file can be made on a disk that is full. */
const PROBE = Buffer.alloc(16 * 1024);

/** What a version of a record's register says; `data` is the record as text, undefined once it is removed. */
interface Entry {
  readonly generation: number;
  readonly isRedeemed: boolean;
  readonly expiresAtMs: number;
  readonly data: string | undefined;
}

/** What a version of a lock's register says. */
interface Holding {
  readonly holder: string;
  readonly untilMs: number;
  readonly leaseMs: number;
  readonly pid: number;
  readonly place: string;
}

const NOTHING: Entry = { generation: 0, isRedeemed: false, expiresAtMs: 0, data: undefined };

/** Records in a directory of this machine: for each key a directory with the versions of its record, and one of its lock. */
export class FileBacking implements Backing {
  readonly kind = 'file';
  readonly #root: string;
  readonly #clock: Clock;
  readonly #codec: Codec;
  #watcher: FSWatcher | undefined;
  #sweeping: Timer | undefined;

  constructor(root: string, clock: Clock, codec: Codec) {
    this.#root = root;
    this.#clock = clock;
    this.#codec = codec;
  }

  async open(events: BackingEvents): Promise<void> {
    await openDirectory(this.#root);
    this.#watch(events);
    this.#sweepRegularly();
    events.found();
  }

  async read(key: string): Promise<TokenRecord | undefined> {
    const { text } = await this.#record(key).read();
    const { generation, data } = entryOf(text);
    if (data === undefined) return undefined;
    const record = this.#codec.read(key, data);
    return record?.generation === generation ? record : tombstone(generation);
  }

  async write(key: string, expected: number, next: TokenRecord): Promise<boolean> {
    const { generation, expiresAtMs } = next;
    const entry: Entry = { generation, isRedeemed: false, expiresAtMs, data: this.#codec.write(key, next) };
    return this.#replace(key, expected, () => entry);
  }

  async redeem(key: string, generation: number): Promise<boolean> {
    return this.#replace(key, generation, (entry) =>
      entry.data === undefined || entry.isRedeemed ? undefined : { ...entry, isRedeemed: true },
    );
  }

  async remove(key: string): Promise<void> {
    const register = this.#record(key);
    for (;;) {
      const before = await register.read();
      // What is removed leaves its number behind, for whoever is about to write the next one.
      if (entryOf(before.text).data === undefined || (await register.write(before, ''))) return;
    }
  }

  async take(key: string, holder: string, leaseMs: number): Promise<boolean> {
    const register = this.#lock(key);
    const before = await register.read();
    if (isHeld(before.text, this.#clock.now())) return false;
    return register.write(before, this.#holding(holder, leaseMs));
  }

  async extend(key: string, holder: string, leaseMs: number): Promise<boolean> {
    const register = this.#lock(key);
    const before = await register.read();
    return holdingOf(before.text)?.holder === holder && register.write(before, this.#holding(holder, leaseMs));
  }

  async free(key: string, holder: string): Promise<void> {
    const register = this.#lock(key);
    const before = await register.read();
    if (holdingOf(before.text)?.holder === holder) await register.write(before, '');
  }

  async probe(): Promise<void> {
    const file = path.join(this.#root, `.${randomUUID()}`);
    try {
      await fs.writeFile(file, PROBE, { mode: 0o600, flag: 'wx', flush: true });
    } finally {
      await fs.rm(file, { force: true });
    }
  }

  reset(): void {
    // There is no connection.
  }

  async close(): Promise<void> {
    this.#watcher?.close();
    this.#sweeping?.cancel();
  }

  #record(key: string): Register {
    return new Register(path.join(this.#root, nameOf(key) + RECORD), { isDurable: true });
  }

  #lock(key: string): Register {
    return new Register(path.join(this.#root, nameOf(key) + LOCK), { isDurable: false });
  }

  async #replace(key: string, generation: number, change: (entry: Entry) => Entry | undefined): Promise<boolean> {
    const register = this.#record(key);
    const before = await register.read();
    const entry = entryOf(before.text);
    const next = entry.generation === generation ? change(entry) : undefined;
    if (!next || !(await register.write(before, JSON.stringify(next)))) return false;
    // What happens below a directory isn't seen by those who watch it; a new time of the directory itself is.
    const now = new Date();
    await fs.utimes(register.directory, now, now);
    return true;
  }

  #holding(holder: string, leaseMs: number): string {
    const untilMs = this.#clock.now() + leaseMs;
    const holding: Holding = { holder, untilMs, leaseMs, pid: process.pid, place: PLACE };
    return JSON.stringify(holding);
  }

  /** News are a convenience: where the system can't watch, others look before they renew. */
  #watch(events: BackingEvents): void {
    try {
      this.#watcher = watch(this.#root, { persistent: false }, (_event, name) => {
        if (name?.endsWith(RECORD)) events.changed(keyOf(name.slice(0, -RECORD.length)));
      });
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // There are limits to how much may be watched.
    }
  }

  #sweepRegularly(): void {
    this.#sweeping = this.#clock.after(SWEEP_MS, () => this.#sweepRegularly());
    // What it meets may be gone a moment later.
    this.sweep().catch(() => undefined);
  }

  /** Clears away what expired long ago, and what killed processes left behind. */
  async sweep(): Promise<void> {
    const nowMs = this.#clock.now();
    for (const name of await fs.readdir(this.#root)) {
      const file = path.join(this.#root, name);
      if (name.startsWith('.')) await this.#removeOld(file);
      if (!name.endsWith(RECORD)) continue;
      const { version, text } = await new Register(file, { isDurable: true }).read();
      for (const left of await fs.readdir(file)) if (left.startsWith('.')) await this.#removeOld(path.join(file, left));
      const lock = new Register(file.slice(0, -RECORD.length) + LOCK, { isDurable: false });
      const isDead = version > 0 && entryOf(text).expiresAtMs + RETAINED_MS < nowMs;
      if (!isDead || isHeld((await lock.read()).text, nowMs)) continue;
      await Promise.all([file, lock.directory].map((old) => fs.rm(old, { recursive: true, force: true })));
    }
  }

  async #removeOld(file: string): Promise<void> {
    const stats = await fs.stat(file).catch(() => undefined);
    if (stats?.isFile() && Date.now() - stats.mtimeMs > LEFT_BEHIND_MS) await fs.rm(file, { force: true });
  }
}

// Provider names and digests need hardly any of it; what is left can't leave the directory.
const nameOf = (key: string): string => encodeURIComponent(key).replaceAll('.', '%2E');
const keyOf = (name: string): string => decodeURIComponent(name);

function parse<T extends object>(text: string): Partial<T> {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null ? json : {};
  } catch {
    return {};
  }
}

/** A text that is no entry counts as none. */
function entryOf(text: string): Entry {
  const { generation, isRedeemed, expiresAtMs, data } = parse<Entry>(text);
  if (!Number.isSafeInteger(generation) || typeof data !== 'string') return NOTHING;
  return {
    generation: generation as number,
    isRedeemed: isRedeemed !== false,
    expiresAtMs: typeof expiresAtMs === 'number' ? expiresAtMs : 0,
    data,
  };
}

function holdingOf(text: string): Holding | undefined {
  const { holder, untilMs, leaseMs, pid, place } = parse<Holding>(text);
  const isWhole =
    [untilMs, leaseMs, pid].every(Number.isFinite) && [holder, place].every((part) => typeof part === 'string');
  return isWhole ? ({ holder, untilMs, leaseMs, pid, place } as Holding) : undefined;
}

/** A lease that ends later than a lease can comes from before the clock was set back. */
function isHeld(text: string, nowMs: number): boolean {
  const holding = holdingOf(text);
  if (!holding || holding.untilMs <= nowMs || holding.untilMs > nowMs + 2 * holding.leaseMs) return false;
  return holding.place !== PLACE || isAlive(holding.pid);
}

/** Where process ids mean the same processes: this machine, or this container on it. */
const PLACE: string = ((): string => {
  let namespace = '';
  try {
    namespace = readlinkSync('/proc/self/ns/pid');
  } catch {
    // Only Linux has them.
  }
  return `${os.hostname()} ${namespace}`;
})();

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
