import type { Clock } from '../../core/clock.ts';
import type { TokenRecord, TokenStore } from '../../store/store.ts';

/** Enough for all replicas to come in between. */
const ROUNDS = 8;

/**
 * Brings a token of ours and what the store holds together after the store was away, when each process may have renewed by
 * itself and the store may have forgotten. Gives the record to go on with: the same in the end for all who share the store.
 * Rejects when the store is down again.
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
 * The later generation wins; of two tokens with one number theirs does, under a number of its own, so that in no process a number
 * stands for two tokens. What the store is given here comes without a refresh token: while nobody kept the books another
 * process may have used it.
 */
function settle(ours: TokenRecord, theirs: TokenRecord | undefined, nowMs: number): TokenRecord {
  if (!theirs || theirs.generation < ours.generation) return { ...ours, refreshToken: undefined };
  if (theirs.expiresAtMs <= nowMs) return { ...ours, refreshToken: undefined, generation: theirs.generation + 1 };
  if (theirs.generation > ours.generation || theirs.accessToken === ours.accessToken) return theirs;
  return { ...theirs, refreshToken: undefined, generation: theirs.generation + 1 };
}
