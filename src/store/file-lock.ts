import { readlinkSync } from 'node:fs';
import os from 'node:os';
import type { Clock } from '../core/clock.ts';
import { Register } from './register.ts';

/** The content of a lock's register. `pid` means a process at `place`. */
interface Holding {
  readonly holder: string;
  readonly untilMs: number;
  readonly leaseMs: number;
  readonly pid: number;
  readonly place: string;
}

/**
 * A lock among the processes that see a directory. It lapses with its lease, and at once when its process on this machine has
 * died. Methods reject with the system's error.
 */
export class FileLock {
  readonly directory: string;
  readonly #register: Register;
  readonly #clock: Clock;

  constructor(directory: string, clock: Clock) {
    this.directory = directory;
    this.#register = new Register(directory, { isDurable: false });
    this.#clock = clock;
  }

  /** Takes the lock for `holder` if nobody holds it, and tells whether it did. */
  async take(holder: string, leaseMs: number): Promise<boolean> {
    const before = await this.#register.read();
    if (isHeld(before.text, this.#clock.now())) return false;
    return this.#register.write(before, this.#holding(holder, leaseMs));
  }

  /** Begins the lease of `holder` anew. False: it doesn't hold the lock any more. */
  async extend(holder: string, leaseMs: number): Promise<boolean> {
    const before = await this.#register.read();
    return holdingOf(before.text)?.holder === holder && this.#register.write(before, this.#holding(holder, leaseMs));
  }

  /** Gives the lock back if `holder` holds it. */
  async free(holder: string): Promise<void> {
    const before = await this.#register.read();
    if (holdingOf(before.text)?.holder === holder) await this.#register.write(before, '');
  }

  /** Whether somebody holds the lock. */
  async isHeld(): Promise<boolean> {
    return isHeld((await this.#register.read()).text, this.#clock.now());
  }

  /** Tells who holds the lock: `pid` where that is another process of this machine. Undefined when nobody holds it. */
  async holder(): Promise<{ readonly version: number; readonly pid: number | undefined } | undefined> {
    const { text, version } = await this.#register.read();
    const holding = holdingOf(text);
    if (!holding || !isHeld(text, this.#clock.now())) return undefined;
    const { place, pid } = holding;
    return { version, pid: place === PLACE && pid !== process.pid ? pid : undefined };
  }

  #holding(holder: string, leaseMs: number): string {
    const untilMs = this.#clock.now() + leaseMs;
    const holding: Holding = { holder, untilMs, leaseMs, pid: process.pid, place: PLACE };
    return JSON.stringify(holding);
  }
}

/** Parses the JSON of an object. Any other text is an empty object. */
export function parseObject<T extends object>(text: string): Partial<T> {
  try {
    const json: unknown = JSON.parse(text);
    return typeof json === 'object' && json !== null ? json : {};
  } catch {
    return {};
  }
}

/** Parses the content of a lock's register; undefined if the lock is free or the text is damaged. */
function holdingOf(text: string): Holding | undefined {
  const { holder, untilMs, leaseMs, pid, place } = parseObject<Holding>(text);
  const isWhole =
    [untilMs, leaseMs, pid].every(Number.isFinite) && [holder, place].every((part) => typeof part === 'string');
  return isWhole ? ({ holder, untilMs, leaseMs, pid, place } as Holding) : undefined;
}

/**
 * Whether a lock is held. A lease that ends later than a lease can was taken before the clock was set back, so it doesn't
 * count.
 */
function isHeld(text: string, nowMs: number): boolean {
  const holding = holdingOf(text);
  if (!holding || holding.untilMs <= nowMs || holding.untilMs > nowMs + 2 * holding.leaseMs) return false;
  return holding.place !== PLACE || isAlive(holding.pid);
}

/** Identifies the set of process ids that this process shares: that of the machine, or of a container on it. */
const PLACE: string = ((): string => {
  let namespace = '';
  try {
    namespace = readlinkSync('/proc/self/ns/pid');
  } catch {
    // Only Linux has namespaces.
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
