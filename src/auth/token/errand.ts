import type { RenewSpec } from '../../config/profile/profile.ts';
import type { Clock } from '../../core/clock.ts';
import { Patience } from '../../store/patience.ts';
import type { LockAnswer, TokenRecord, TokenStore } from '../../store/store.ts';
import type { ArrivedToken } from './caller.ts';
import { TokenFailure } from './failure.ts';
import { Pulse } from './pulse.ts';

/** What somebody who goes for a token takes along. */
export interface Errand {
  readonly key: string;
  readonly store: TokenStore;
  readonly clock: Clock;
  readonly renew: Pick<RenewSpec, 'cooldownMs'>;
  /** Whether a refresh token is of any use. */
  readonly canRefresh: boolean;
  /** A token call takes no longer. */
  readonly callTimeoutMs: number;
  /** The newest record that this process knows, expired or not. */
  known(): TokenRecord | undefined;
  /** The highest generation heard of. */
  generation(): number;
  /** Whether a live record of the store will do, so that no token call is needed. */
  accepts(stored: TokenRecord): boolean;
  /** `last` has its refresh token only if that may be used. */
  call(last: TokenRecord | undefined): Promise<ArrivedToken>;
  /** Resolves after so long, or earlier when the store has news. */
  pause(ms: number): Promise<void>;
}

export interface Fetched {
  readonly record: TokenRecord;
  /** Whether it took a token call of ours, even if another's result was better. */
  readonly hasCalled: boolean;
}

/** While another process renews, the store is asked this often; its news usually come first. */
const ASK_AGAIN_MS = 200;
/** How much longer than a lease and a whole token call another process's renewal is waited for. */
const GRACE_MS = 1_000;
/** How often something is begun anew that is upset by others at most now and then. */
const ROUNDS = 4;

/**
 * Gets a token: another process's from the store, or by a token call under the store's lock; where the store is down, by a call
 * without it. Rejects with what `call` rejects with, and with {@link TokenFailure}.
 */
export async function fetchToken(errand: Errand): Promise<Fetched> {
  const { store, clock, key } = errand;
  const giveUpAt = clock.monotonic() + store.leaseMs + errand.callTimeoutMs + GRACE_MS;
  for (let round = 0; round < ROUNDS;) {
    const patience = new Patience(store.patienceMs, clock);
    const answer = await lockWithin(patience, store, key);
    const record = answer.state === 'down' ? undefined : answer.record;
    if (record && isUsable(record, errand)) {
      if (answer.state === 'got') void answer.lock.release();
      return { record, hasCalled: false };
    }
    if (answer.state === 'taken') {
      if (clock.monotonic() >= giveUpAt) break;
      await errand.pause(ASK_AGAIN_MS);
      continue;
    }
    round++;
    const fetched = await callUnder(answer, errand, patience);
    // It may have expired before it was read, if this process stood still.
    if (fetched && fetched.record.expiresAtMs > clock.now()) return fetched;
  }
  throw new TokenFailure(
    'timeout',
    'No token could be had in time, neither by this process nor by those that share its store.',
  );
}

const isUsable = (record: TokenRecord, errand: Errand): boolean =>
  record.expiresAtMs > errand.clock.now() && errand.accepts(record);

async function lockWithin(patience: Patience, store: TokenStore, key: string): Promise<LockAnswer> {
  const asked = store.lock(key);
  try {
    return await patience.of(asked);
  } catch {
    void Promise.resolve(asked).then((late) => late.state === 'got' && late.lock.release());
    return { state: 'down' };
  }
}

/** Makes the call and writes what it brings; undefined when this process stood still meanwhile, and all is to be begun anew. */
async function callUnder(
  attempt: Exclude<LockAnswer, { readonly state: 'taken' }>,
  errand: Errand,
  patience: Patience,
): Promise<Fetched | undefined> {
  const stored = attempt.state === 'got' ? attempt.record : undefined;
  const release = async (): Promise<void> => {
    if (attempt.state === 'got') await attempt.lock.release();
  };
  let arrived: ArrivedToken;
  const pulse = new Pulse(errand.clock);
  try {
    const mayRefresh = await canRedeem(stored, errand, patience);
    if (attempt.state === 'got' && !attempt.lock.isHeld) {
      void release();
      return undefined;
    }
    const last = stored ?? errand.known();
    const answer = await errand.call(mayRefresh ? stored : last && { ...last, refreshToken: undefined });
    arrived = { ...answer, arrivedAtMs: answer.arrivedAtMs - Math.ceil(pulse.missedMs) };
  } catch (error) {
    void release();
    // Then it was not the endpoint that took so long.
    if (pulse.missedMs > 0) return undefined;
    throw error;
  } finally {
    pulse.stop();
  }
  const unwritten = { record: numbered(arrived, errand, stored), hasCalled: true };
  const writing = write(arrived, errand, stored);
  void writing.then(release);
  // Whoever waits for the token doesn't wait for it to be written.
  return patience.of(writing).catch(() => unwritten);
}

/**
 * A refresh token is used once, by whom the store lets: a second use may be taken for theft, and end all tokens that came of it.
 */
async function canRedeem(
  stored: TokenRecord | undefined,
  { store, key, canRefresh }: Errand,
  patience: Patience,
): Promise<boolean> {
  if (!canRefresh || stored?.refreshToken === undefined) return false;
  return patience.of(store.redeem(key, stored.generation)).catch(() => false);
}

/** Writes what arrived. What counts is what the store holds afterwards: an answer that comes late changes nothing. */
async function write(arrived: ArrivedToken, errand: Errand, stored: TokenRecord | undefined): Promise<Fetched> {
  const { store, key } = errand;
  let before = stored;
  let next = numbered(arrived, errand, before);
  try {
    for (let round = 0; round < ROUNDS; round++) {
      if (await store.compareAndSet(key, before?.generation ?? 0, next)) break;
      before = await store.get(key);
      if (before && isUsable(before, errand)) return { record: before, hasCalled: true };
      next = numbered(arrived, errand, before);
    }
  } catch {
    // It stays in this process.
  }
  return { record: next, hasCalled: true };
}

/** A token whose lifetime is over already is believed to live for the cooldown, so that the endpoint isn't stormed. */
const SHORTEST_LIFETIME_MS = 1_000;

/** The record of what arrived. The same token again is no new generation, only a new expiry. */
function numbered(arrived: ArrivedToken, errand: Errand, stored: TokenRecord | undefined): TokenRecord {
  const { accessToken, tokenType, refreshToken, arrivedAtMs, lifetimeMs } = arrived;
  const newest = Math.max(errand.generation(), stored?.generation ?? 0);
  const known = [stored, errand.known()].find((record) => record?.accessToken === accessToken);
  return {
    generation: known?.generation === newest ? newest : newest + 1,
    accessToken,
    tokenType,
    refreshToken,
    issuedAtMs: arrivedAtMs,
    expiresAtMs: arrivedAtMs + (lifetimeMs > 0 ? lifetimeMs : Math.max(errand.renew.cooldownMs, SHORTEST_LIFETIME_MS)),
  };
}
