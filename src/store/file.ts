import { hash, randomUUID } from 'node:crypto';
import { watch, type FSWatcher } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Clock, Timer } from '../core/clock.ts';
import type { Backing, BackingEvents } from './backing.ts';
import { openDirectory } from './directory.ts';
import { FileLock, parseObject } from './file-lock.ts';
import { Register } from './register.ts';
import { type Codec, tombstone } from './seal.ts';
import { MAX_SEEN, RETAINED_MS, type TokenRecord } from './store.ts';

const RECORD = '.record';
const LOCK = '.lock';
const SEEN = '.seen';
/** The beginning of the lock of a callback. No token has such a key. */
const CALLBACK = encodeURIComponent('callback/');
/** Among how many registers the seen callbacks of a list are divided: as many as two hex digits tell apart. */
const SEEN_REGISTERS = 256;
const SWEEP_MS = 3_600_000;
/** An older temporary file was left behind by a process that died. */
const LEFT_BEHIND_MS = 60_000;

/**
 * The most that a record and its directories take up. An empty file would not do as a probe: it can be created on a full disk.
 */
const PROBE = Buffer.alloc(16 * 1024);

/** The content of a record's register. `data` is the record as text, undefined once it is removed. */
interface Entry {
  readonly generation: number;
  readonly isRedeemed: boolean;
  readonly expiresAtMs: number;
  readonly data: string | undefined;
}

const NOTHING: Entry = { generation: 0, isRedeemed: false, expiresAtMs: 0, data: undefined };

/**
 * A {@link Backing} in a directory of this machine. For each key there is one {@link Register} with its record and one with its
 * lock.
 */
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

  async timesSeen(list: string, id: string): Promise<number> {
    const { text } = await this.#seenRegister(list, id).read();
    const [count = 0, untilMs = 0] = seenIn(text)[id] ?? [];
    return untilMs > this.#clock.now() ? count : 0;
  }

  async markSeen(list: string, id: string, windowMs: number): Promise<void> {
    const register = this.#seenRegister(list, id);
    for (;;) {
      const before = await register.read();
      const nowMs = this.#clock.now();
      const { [id]: known, ...others } = seenIn(before.text);
      const [count = 0, untilMs = 0] = known ?? [];
      const kept = Object.entries(others)
        .filter(([, [, til]]) => til > nowMs)
        .slice(1 - MAX_SEEN / SEEN_REGISTERS);
      const next = [...kept, [id, [untilMs > nowMs ? count + 1 : 1, nowMs + windowMs]]];
      if (await register.write(before, JSON.stringify(Object.fromEntries(next)))) return;
    }
  }

  async remove(key: string): Promise<void> {
    const register = this.#record(key);
    for (;;) {
      const before = await register.read();
      // Removal writes a new, empty version. Its number makes the compare-and-set of a concurrent writer fail.
      if (entryOf(before.text).data === undefined || (await register.write(before, ''))) return;
    }
  }

  take(key: string, holder: string, leaseMs: number): Promise<boolean> {
    return this.#lock(key).take(holder, leaseMs);
  }

  extend(key: string, holder: string, leaseMs: number): Promise<boolean> {
    return this.#lock(key).extend(holder, leaseMs);
  }

  free(key: string, holder: string): Promise<void> {
    return this.#lock(key).free(holder);
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
    // There is no connection to reset.
  }

  async close(): Promise<void> {
    this.#watcher?.close();
    this.#sweeping?.cancel();
  }

  #record(key: string): Register {
    return new Register(path.join(this.#root, nameOf(key) + RECORD), { isDurable: true });
  }

  #lock(key: string): FileLock {
    return new FileLock(path.join(this.#root, nameOf(key) + LOCK), this.#clock);
  }

  /** The register that holds a seen callback. A list has several, so that a mark writes little. */
  #seenRegister(list: string, id: string): Register {
    const part = hash('sha256', id).slice(0, 2);
    return new Register(path.join(this.#root, `${nameOf(list)}.${part}${SEEN}`), { isDurable: true });
  }

  async #replace(key: string, generation: number, change: (entry: Entry) => Entry | undefined): Promise<boolean> {
    const register = this.#record(key);
    const before = await register.read();
    const entry = entryOf(before.text);
    const next = entry.generation === generation ? change(entry) : undefined;
    if (!next || !(await register.write(before, JSON.stringify(next)))) return false;
    // A watcher of the root doesn't see what happens inside its directories. It does see a new time of such a directory.
    const now = new Date();
    await fs.utimes(register.directory, now, now);
    return true;
  }

  /**
   * Watches for changes by other processes. This is optional: if the system can't watch, other processes read the store before
   * they renew.
   */
  #watch(events: BackingEvents): void {
    try {
      this.#watcher = watch(this.#root, { persistent: false }, (_event, name) => {
        if (name?.endsWith(RECORD)) events.changed(keyOf(name.slice(0, -RECORD.length)));
      });
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // The system limits how much can be watched.
    }
  }

  #sweepRegularly(): void {
    this.#sweeping = this.#clock.after(SWEEP_MS, () => this.#sweepRegularly());
    // A file that the sweep finds may be gone a moment later.
    this.sweep().catch(() => undefined);
  }

  /** Removes records that expired long ago, and files that killed processes left behind. */
  async sweep(): Promise<void> {
    const nowMs = this.#clock.now();
    for (const name of await fs.readdir(this.#root)) {
      const file = path.join(this.#root, name);
      if (name.startsWith('.')) await this.#removeOld(file);
      if (name.endsWith(SEEN) || name.endsWith(LOCK)) await this.#sweepRegister(file, nowMs);
      if (!name.endsWith(RECORD)) continue;
      const { version, text } = await new Register(file, { isDurable: true }).read();
      for (const left of await fs.readdir(file)) if (left.startsWith('.')) await this.#removeOld(path.join(file, left));
      const lock = new FileLock(file.slice(0, -RECORD.length) + LOCK, this.#clock);
      const isDead = version > 0 && entryOf(text).expiresAtMs + RETAINED_MS < nowMs;
      if (!isDead || (await lock.isHeld())) continue;
      await Promise.all([file, lock.directory].map((old) => fs.rm(old, { recursive: true, force: true })));
    }
  }

  /** Removes a register of seen callbacks whose windows are over, and the lock of a callback that nobody delivers. */
  async #sweepRegister(file: string, nowMs: number): Promise<void> {
    const isLock = file.endsWith(LOCK);
    // The lock of a token goes with its record.
    if (isLock && !path.basename(file).startsWith(CALLBACK)) return;
    const stats = await fs.stat(file).catch(() => undefined);
    if (!stats || Math.abs(Date.now() - stats.mtimeMs) < LEFT_BEHIND_MS) return;
    const isUsed = isLock
      ? await new FileLock(file, this.#clock).isHeld()
      : Object.values(seenIn((await new Register(file, { isDurable: false }).read()).text)).some(
          ([, untilMs]) => untilMs > nowMs,
        );
    if (!isUsed) await fs.rm(file, { recursive: true, force: true });
  }

  async #removeOld(file: string): Promise<void> {
    const stats = await fs.stat(file).catch(() => undefined);
    if (stats?.isFile() && Date.now() - stats.mtimeMs > LEFT_BEHIND_MS) await fs.rm(file, { force: true });
  }
}

// Provider names and digests need hardly any escapes. Escaping keeps every other key inside the directory.
const nameOf = (key: string): string => encodeURIComponent(key).replaceAll('.', '%2E');
const keyOf = (name: string): string => decodeURIComponent(name);

/** Parses the content of a register of seen callbacks: the count and the end of the window of each, by its id. */
function seenIn(text: string): Readonly<Record<string, readonly [count: number, untilMs: number]>> {
  const isSound = (value: unknown): boolean =>
    Array.isArray(value) && value.length === 2 && value.every(Number.isFinite);
  const entries = Object.entries(parseObject<Record<string, readonly [number, number]>>(text));
  return Object.fromEntries(entries.flatMap(([id, value]) => (isSound(value) && value ? [[id, value]] : [])));
}

/** Parses an entry; any other text counts as no record. */
function entryOf(text: string): Entry {
  const { generation, isRedeemed, expiresAtMs, data } = parseObject<Entry>(text);
  if (!Number.isSafeInteger(generation) || typeof data !== 'string') return NOTHING;
  return {
    generation: generation as number,
    isRedeemed: isRedeemed !== false,
    expiresAtMs: typeof expiresAtMs === 'number' ? expiresAtMs : 0,
    data,
  };
}
