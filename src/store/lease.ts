import type { Clock, Timer } from '../core/clock.ts';
import type { Lock } from './store.ts';

interface LeaseParts {
  /** Extends the lease. False: this holder no longer has the lock. */
  readonly extend: () => Promise<boolean>;
  /** Frees the lock. */
  readonly free: () => Promise<void>;
  /** Called once, when the lease is given back or lost. */
  readonly ended: () => void;
}

/** A lock whose lease is extended after every third of it, until the lock is released or lost. */
export class Lease implements Lock {
  readonly #clock: Clock;
  readonly #leaseMs: number;
  readonly #parts: LeaseParts;
  /** The lease certainly runs until then. Monotonic, and counted from before the store was asked. */
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
      // The lease ends on its own.
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
      // The store is down. The lease ends unless the store is back in time.
    }
    if (!this.#isOver) this.#extendLater();
  }
}
