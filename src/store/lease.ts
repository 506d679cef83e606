import type { Clock, Timer } from '../core/clock.ts';
import type { Lock } from './store.ts';

interface LeaseParts {
  /** False: the lock is somebody else's by now. */
  readonly extend: () => Promise<boolean>;
  readonly free: () => Promise<void>;
  readonly ended: () => void;
}

/** A lock that extends itself every third of its lease. */
export class Lease implements Lock {
  readonly #clock: Clock;
  readonly #leaseMs: number;
  readonly #parts: LeaseParts;
  /** Monotonic: the lease surely runs until then. Counted from before it was asked for. */
  #until: number;
  #timer: Timer | undefined;
  #isOver = false;

  constructor(clock: Clock, leaseMs: number, takenAt: number, parts: LeaseParts) {
    this.#clock = clock;
    this.#leaseMs = leaseMs;
    this.#parts = parts;
    this.#until = takenAt + leaseMs;
    this.#extendLater();
  }

  get isHeld(): boolean {
    return !this.#isOver && this.#clock.monotonic() < this.#until;
  }

  async release(): Promise<void> {
    if (this.#isOver) return;
    this.#end();
    try {
      await this.#parts.free();
    } catch {
      // It ends by itself.
    }
  }

  #end(): void {
    this.#isOver = true;
    this.#timer?.cancel();
    this.#parts.ended();
  }

  #extendLater(): void {
    this.#timer = this.#clock.after(this.#leaseMs / 3, () => void this.#extend());
  }

  async #extend(): Promise<void> {
    const askedAt = this.#clock.monotonic();
    try {
      const isOurs = await this.#parts.extend();
      if (this.#isOver) return;
      if (!isOurs) {
        this.#end();
        return;
      }
      this.#until = askedAt + this.#leaseMs;
    } catch {
      // The store is down: the lease ends unless it is back in time.
    }
    if (!this.#isOver) this.#extendLater();
  }
}
