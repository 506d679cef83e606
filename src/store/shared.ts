import { randomUUID } from 'node:crypto';
import { type Clock, systemClock, type Timer } from '../core/clock.ts';
import type { Events } from '../core/events.ts';
import { type Backing, causeOf } from './backing.ts';
import { Lease } from './lease.ts';
import { Listeners } from './listeners.ts';
import { WaitBudget, TooSlow } from './wait-budget.ts';
import type { ChangeListener, Lock, LockAnswer, Store, TokenRecord } from './store.ts';

/**
 * What a shared store works with. `waitBudgetMs` is how long a request may wait for the store in total; `leaseMs` is the length
 * of a lock's lease.
 */
export interface SharedOptions {
  readonly clock: Clock;
  readonly events: Events;
  readonly waitBudgetMs: number;
  readonly leaseMs: number;
  /**
   * The clock for waiting on the backing; the system's by default, since a test that stops its clock doesn't stop the network.
   */
  readonly waitClock?: Clock;
}

/** How often a store that is down is probed. */
const PROBE_MS = 1_000;
/** After this many failed probes, hanging work is dropped. */
const PROBES_PER_RESET = 5;
/** How long a start or a close waits for the backing. */
const OPEN_MS = 1_000;

/**
 * A {@link Store} on a backing that may be slow or unreachable. No call waits longer than `waitBudgetMs`. After the first
 * failure, all calls fail at once until a probe in the background succeeds; then all listeners are told that the store is back.
 */
export class SharedStore implements Store {
  readonly isShared = true;
  readonly waitBudgetMs: number;
  readonly leaseMs: number;
  readonly #backing: Backing;
  readonly #clock: Clock;
  readonly #waitClock: Clock;
  readonly #events: Events;
  readonly #listeners = new Listeners();
  readonly #leases = new Set<Lease>();
  /** Functions that free locks which may be ours without our knowing it, because the answer was lost. */
  readonly #strays = new Set<() => Promise<void>>();
  #state: 'opening' | 'up' | 'down' | 'closed' = 'opening';
  #opened: () => void = () => undefined;
  /** The latest known reason why the store is down. */
  #cause: unknown;
  #probing: Timer | undefined;

  constructor(backing: Backing, { clock, events, waitBudgetMs, leaseMs, waitClock = systemClock }: SharedOptions) {
    this.#backing = backing;
    this.#clock = clock;
    this.#events = events;
    this.waitBudgetMs = waitBudgetMs;
    this.leaseMs = leaseMs;
    this.#waitClock = waitClock;
  }

  /**
   * Resolves when the store works, or after a second without success; it then keeps trying. Rejects when the store can never
   * work.
   */
  async open(): Promise<void> {
    const { promise: opened, resolve } = Promise.withResolvers<void>();
    this.#opened = resolve;
    await this.#backing.open({
      changed: (key) => this.#listeners.changed(key),
      lost: (cause) => this.#fail(cause),
      found: () => void this.#probe(0),
    });
    // This timer keeps the process alive while it only waits for the backing.
    const isAwaited = setInterval(() => undefined, OPEN_MS);
    await this.#within(OPEN_MS, opened).catch(() => this.#giveUp(new TooSlow()));
    clearInterval(isAwaited);
  }

  get(key: string): Promise<TokenRecord | undefined> {
    return this.#do(() => this.#backing.read(key));
  }

  compareAndSet(key: string, expected: number, next: TokenRecord): Promise<boolean> {
    return this.#do(() => this.#backing.write(key, expected, next));
  }

  redeem(key: string, generation: number): Promise<boolean> {
    return this.#do(() => this.#backing.redeem(key, generation));
  }

  timesSeen(list: string, id: string): Promise<number> {
    return this.#do(() => this.#backing.timesSeen(list, id));
  }

  markSeen(list: string, id: string, windowMs: number): Promise<void> {
    return this.#do(() => this.#backing.markSeen(list, id, windowMs));
  }

  delete(key: string): Promise<void> {
    return this.#do(() => this.#backing.remove(key));
  }

  async lock(key: string): Promise<LockAnswer> {
    if (this.#state !== 'up') return { state: 'down' };
    const holder = randomUUID();
    const takenAt = this.#clock.monotonic();
    let lock: Lock | undefined;
    try {
      const isTaken = await this.#do(() => this.#backing.take(key, holder, this.leaseMs));
      if (isTaken) lock = this.#lease(key, holder, takenAt);
      const record = await this.get(key);
      return lock ? { state: 'got', lock, record } : { state: 'taken', record };
    } catch {
      // The lock may be ours all the same: perhaps only the answer was lost.
      this.#strays.add(() => this.#backing.free(key, holder));
      await lock?.release();
      return { state: 'down' };
    }
  }

  watch(key: string, listener: ChangeListener): () => void {
    return this.#listeners.add(key, listener);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    await Promise.all([...this.#leases].map((lease) => lease.release()));
    this.#state = 'closed';
    this.#probing?.cancel();
    await this.#within(OPEN_MS, this.#backing.close()).catch(() => undefined);
  }

  #lease(key: string, holder: string, takenAt: number): Lease {
    const lease: Lease = new Lease(this.#clock, this.leaseMs, takenAt, {
      extend: () => this.#do(() => this.#backing.extend(key, holder, this.leaseMs)),
      free: () => this.#do(() => this.#backing.free(key, holder)),
      ended: () => void this.#leases.delete(lease),
    });
    this.#leases.add(lease);
    return lease;
  }

  async #do<T>(work: () => Promise<T>): Promise<T> {
    if (this.#state !== 'up') throw new Error(`the token store is ${this.#state}`);
    try {
      return await this.#within(this.waitBudgetMs, work());
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  #within<T>(ms: number, work: Promise<T>): Promise<T> {
    return new WaitBudget(ms, this.#waitClock).of(work);
  }

  #fail(cause: unknown): void {
    this.#cause = cause;
    if (this.#state === 'up') this.#giveUp(cause);
  }

  #giveUp(latest: unknown): void {
    if (this.#state === 'down' || this.#state === 'closed') return;
    const cause = this.#cause ?? latest;
    this.#state = 'down';
    this.#events.emit('notice', {
      level: 'warn',
      message: 'The token store does not work: until it does, tokens are kept in this process only',
      fields: { store: this.#backing.kind, cause: causeOf(cause) },
    });
    this.#events.emit('store', { kind: this.#backing.kind, isUp: false });
    if (cause instanceof TooSlow) this.#backing.reset();
    this.#probeLater(1);
  }

  #probeLater(failed: number): void {
    this.#probing?.cancel();
    this.#probing = this.#waitClock.after(PROBE_MS, () => void this.#probe(failed));
  }

  async #probe(failed: number): Promise<void> {
    if (this.#isSettled()) return;
    try {
      await this.#within(this.waitBudgetMs, this.#backing.probe());
    } catch (error) {
      this.#cause = error;
      if (this.#isSettled()) return;
      if (failed % PROBES_PER_RESET === PROBES_PER_RESET - 1) this.#backing.reset();
      this.#probeLater(failed + 1);
      return;
    }
    if (!this.#isSettled()) this.#come();
  }

  #isSettled(): boolean {
    return this.#state === 'up' || this.#state === 'closed';
  }

  #come(): void {
    const before = this.#state;
    this.#state = 'up';
    this.#cause = undefined;
    this.#probing?.cancel();
    this.#opened();
    this.#events.emit('store', { kind: this.#backing.kind, isUp: true });
    for (const free of this.#strays) void this.#do(free).catch(() => undefined);
    this.#strays.clear();
    if (before === 'opening') return;
    this.#events.emit('notice', {
      level: 'info',
      message: 'The token store works again',
      fields: { store: this.#backing.kind },
    });
    void this.#listeners.returned();
  }
}
