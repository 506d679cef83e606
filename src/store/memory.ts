import NodeCache from 'node-cache';
import type { Clock } from '../core/clock.ts';
import { Listeners } from './listeners.ts';
import {
  type ChangeListener,
  type Lock,
  type LockAnswer,
  MAX_SEEN,
  RETAINED_MS,
  type TokenRecord,
  type Store,
} from './store.ts';

/** The longest time to live of a record in seconds. It exceeds that of any token, and node-cache can compute with it. */
const MAX_TTL_S = 100 * 365 * 86_400;

/** A {@link TokenStore} that answers at once and never fails. */
export interface MemoryStore extends Store {
  get(key: string): TokenRecord | undefined;
  compareAndSet(key: string, expected: number, next: TokenRecord): boolean;
  redeem(key: string, generation: number): boolean;
  lock(key: string): LockAnswer;
  timesSeen(list: string, id: string): number;
  markSeen(list: string, id: string, windowMs: number): void;
  delete(key: string): void;
  close(): void;
}

/** A callback that was delivered. `untilMs` is when it is forgotten, monotonic milliseconds. */
interface Seen {
  readonly count: number;
  readonly untilMs: number;
}

interface Entry {
  readonly record: TokenRecord;
  isRedeemed: boolean;
}

class NodeCacheStore implements MemoryStore {
  readonly isShared = false;
  readonly waitBudgetMs = Infinity;
  readonly leaseMs = 0;
  readonly #clock: Clock;
  readonly #cache = new NodeCache({ useClones: false });
  readonly #locks = new Map<string, Lock>();
  readonly #listeners = new Listeners();
  /** The seen callbacks of each list, the one that was marked last at the end. */
  readonly #seen = new Map<string, Map<string, Seen>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(key: string): TokenRecord | undefined {
    return this.#entry(key)?.record;
  }

  compareAndSet(key: string, expected: number, next: TokenRecord): boolean {
    if ((this.get(key)?.generation ?? 0) !== expected) return false;
    const ttlS = Math.ceil((next.expiresAtMs + RETAINED_MS - this.#clock.now()) / 1000);
    // To node-cache, a time to live of 0 means "for ever".
    if (ttlS > 0) this.#cache.set(named(key), { record: next, isRedeemed: false }, Math.min(ttlS, MAX_TTL_S));
    else this.#cache.del(named(key));
    this.#listeners.changed(key);
    return true;
  }

  redeem(key: string, generation: number): boolean {
    const entry = this.#entry(key);
    if (!entry || entry.record.generation !== generation || entry.isRedeemed) return false;
    entry.isRedeemed = true;
    return true;
  }

  lock(key: string): LockAnswer {
    const record = this.get(key);
    if (this.#locks.has(key)) return { state: 'taken', record };
    const lock: Lock = {
      isHeld: true,
      release: () => {
        if (this.#locks.get(key) === lock) this.#locks.delete(key);
      },
    };
    this.#locks.set(key, lock);
    return { state: 'got', lock, record };
  }

  timesSeen(list: string, id: string): number {
    const seen = this.#seen.get(list)?.get(id);
    return seen && seen.untilMs > this.#clock.monotonic() ? seen.count : 0;
  }

  markSeen(list: string, id: string, windowMs: number): void {
    const all = this.#seen.get(list) ?? new Map<string, Seen>();
    this.#seen.set(list, all);
    const nowMs = this.#clock.monotonic();
    const count = this.timesSeen(list, id) + 1;
    all.delete(id);
    for (const [old, { untilMs }] of all) {
      if (untilMs > nowMs && all.size < MAX_SEEN) break;
      all.delete(old);
    }
    all.set(id, { count, untilMs: nowMs + windowMs });
  }

  delete(key: string): void {
    this.#cache.del(named(key));
  }

  watch(key: string, listener: ChangeListener): () => void {
    return this.#listeners.add(key, listener);
  }

  close(): void {
    this.#listeners.clear();
    this.#locks.clear();
    this.#seen.clear();
    this.#cache.flushAll();
    this.#cache.close();
  }

  // node-cache expires entries by the wall clock. The injected clock decides, so the expiry is checked here too.
  #entry(key: string): Entry | undefined {
    const entry = this.#cache.get<Entry>(named(key));
    return entry && entry.record.expiresAtMs + RETAINED_MS > this.#clock.now() ? entry : undefined;
  }
}

// node-cache keeps its entries in a plain object, so a key `__proto__` would be special without a prefix.
const named = (key: string): string => `token:${key}`;

/** Creates a store in the memory of this process. */
export function createMemoryStore(clock: Clock): MemoryStore {
  return new NodeCacheStore(clock);
}
