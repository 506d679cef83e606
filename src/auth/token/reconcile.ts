import type { Clock } from '../../core/clock.ts';
import type { TokenRecord, TokenStore } from '../../store/store.ts';

/** The number of attempts, in case other replicas write in between. */
const ROUNDS = 8;

/**
 * Settles which token goes on after the store was away. Meanwhile each process may have renewed by itself, and the store may
 * have lost its records.
 * Gives the record to use; in the end it is the same for all processes that share the store. Undefined when other processes
 * wrote in between too often. Rejects when the store is down again.
 */
export async function reconcile(
  store: TokenStore,
  key: string,
  ours: TokenRecord,
  clock: Clock,
): Promise<TokenRecord | undefined> {
  for (let round = 0; round < ROUNDS; round++) {
    const theirs = await store.get(key);
    const next = settle(ours, theirs, clock.now());
    if (next === theirs) return theirs;
    if (await store.compareAndSet(key, theirs?.generation ?? 0, next)) return next;
  }
  return undefined;
}

/**
 * Chooses between our record and that of the store. The later generation wins, unless the store's token has expired. If one
 * generation has two tokens, the store's token wins and gets a new generation, so that no generation stands for two tokens
 * anywhere. A record that is written here loses its refresh token: while the store was away, another process may have used it.
 */
function settle(ours: TokenRecord, theirs: TokenRecord | undefined, nowMs: number): TokenRecord {
  if (!theirs || theirs.generation < ours.generation) return { ...ours, refreshToken: undefined };
  if (theirs.expiresAtMs <= nowMs) return { ...ours, refreshToken: undefined, generation: theirs.generation + 1 };
  if (theirs.generation > ours.generation || theirs.accessToken === ours.accessToken) return theirs;
  return { ...theirs, refreshToken: undefined, generation: theirs.generation + 1 };
}
