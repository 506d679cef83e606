import NodeCache from 'node-cache';
import type { Clock } from '../core/clock.ts';
import type { TokenRecord, TokenStore } from './store.ts';

/** Far beyond any token, and still a sane number of seconds for node-cache. */
const MAX_TTL_S = 100 * 365 * 86_400;

/** A {@link TokenStore} whose every answer is immediate. */
export interface MemoryStore extends TokenStore {
  get(key: string): TokenRecord | undefined;
  compareAndSet(key: string, expected: number, next: TokenRecord): boolean;
  delete(key: string): void;
  close(): void;
}

class NodeCacheStore implements MemoryStore {
  readonly #clock: Clock;
  readonly #cache = new NodeCache({ useClones: false });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  // node-cache looks at the wall clock itself; what counts is the clock that was handed in.
  get(key: string): TokenRecord | undefined {
    const record = this.#cache.get<TokenRecord>(entry(key));
    return record !== undefined && record.expiresAtMs > this.#clock.now() ? record : undefined;
  }

  compareAndSet(key: string, expected: number, next: TokenRecord): boolean {
    if ((this.get(key)?.generation ?? 0) !== expected) return false;
    const ttlS = Math.ceil((next.expiresAtMs - this.#clock.now()) / 1000);
    // A ttl of 0 would mean "for ever".
    if (ttlS > 0) this.#cache.set(entry(key), next, Math.min(ttlS, MAX_TTL_S));
    else this.#cache.del(entry(key));
    return true;
  }

  delete(key: string): void {
    this.#cache.del(entry(key));
  }

  close(): void {
    this.#cache.flushAll();
    this.#cache.close();
  }
}

// node-cache keeps its entries in a plain object, where `__proto__` is no key like any other.
const entry = (key: string): string => `token:${key}`;

/** A store in this process alone, on node-cache. */
export function createMemoryStore(clock: Clock): MemoryStore {
  return new NodeCacheStore(clock);
}
