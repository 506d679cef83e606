import type { RenewSpec } from '../../config/profile/profile.ts';
import type { Clock } from '../../core/clock.ts';
import { WaitBudget } from '../../store/wait-budget.ts';
import type { LockAnswer, TokenRecord, TokenStore } from '../../store/store.ts';
import type { ArrivedToken } from './endpoint.ts';
import { TokenFailure } from './failure.ts';
import { StallDetector } from './stall-detector.ts';

/** What somebody who goes for a token takes along. */
export interface RenewalDeps {
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

export interface Renewed {
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
export async function renewUnderLock(deps: RenewalDeps): Promise<Renewed> {
  const { store, clock, key } = deps;
  const giveUpAt = clock.monotonic() + store.leaseMs + deps.callTimeoutMs + GRACE_MS;
  for (let round = 0; round < ROUNDS;) {
    const waitBudget = new WaitBudget(store.waitBudgetMs, clock);
    const answer = await lockWithin(waitBudget, store, key);
    const record = answer.state === 'down' ? undefined : answer.record;
    if (record && isUsable(record, deps)) {
      if (answer.state === 'got') void answer.lock.release();
      return { record, hasCalled: false };
    }
    if (answer.state === 'taken') {
      if (clock.monotonic() >= giveUpAt) break;
      await deps.pause(ASK_AGAIN_MS);
      continue;
    }
    round++;
    const renewed = await callUnderLock(answer, deps, waitBudget);
    // It may have expired before it was read, if this process stood still.
    if (renewed && renewed.record.expiresAtMs > clock.now()) return renewed;
  }
  throw new TokenFailure(
    'timeout',
    'No token could be had in time, neither by this process nor by those that share its store.',
  );
}

const isUsable = (record: TokenRecord, deps: RenewalDeps): boolean =>
  record.expiresAtMs > deps.clock.now() && deps.accepts(record);

async function lockWithin(waitBudget: WaitBudget, store: TokenStore, key: string): Promise<LockAnswer> {
  const asked = store.lock(key);
  try {
    return await waitBudget.of(asked);
  } catch {
    void Promise.resolve(asked).then((late) => late.state === 'got' && late.lock.release());
    return { state: 'down' };
  }
}

/** Makes the call and writes what it brings; undefined when this process stood still meanwhile, and all is to be begun anew. */
async function callUnderLock(
  attempt: Exclude<LockAnswer, { readonly state: 'taken' }>,
  deps: RenewalDeps,
  waitBudget: WaitBudget,
): Promise<Renewed | undefined> {
  const stored = attempt.state === 'got' ? attempt.record : undefined;
  const release = async (): Promise<void> => {
    if (attempt.state === 'got') await attempt.lock.release();
  };
  let arrived: ArrivedToken;
  const stall = new StallDetector(deps.clock);
  try {
    const mayRefresh = await canRedeem(stored, deps, waitBudget);
    if (attempt.state === 'got' && !attempt.lock.isHeld) {
      void release();
      return undefined;
    }
    const last = stored ?? deps.known();
    const answer = await deps.call(mayRefresh ? stored : last && { ...last, refreshToken: undefined });
    arrived = { ...answer, arrivedAtMs: answer.arrivedAtMs - Math.ceil(stall.stalledMs) };
  } catch (error) {
    void release();
    // Then it was not the endpoint that took so long.
    if (stall.stalledMs > 0) return undefined;
    throw error;
  } finally {
    stall.stop();
  }
  const unwritten = { record: toTokenRecord(arrived, deps, stored), hasCalled: true };
  const writing = write(arrived, deps, stored);
  void writing.then(release);
  // Whoever waits for the token doesn't wait for it to be written.
  return waitBudget.of(writing).catch(() => unwritten);
}

/**
 * A refresh token is used once, by whom the store lets: a second use may be taken for theft, and end all tokens that came of it.
 */
async function canRedeem(
  stored: TokenRecord | undefined,
  { store, key, canRefresh }: RenewalDeps,
  waitBudget: WaitBudget,
): Promise<boolean> {
  if (!canRefresh || stored?.refreshToken === undefined) return false;
  return waitBudget.of(store.redeem(key, stored.generation)).catch(() => false);
}

/** Writes what arrived. What counts is what the store holds afterwards: an answer that comes late changes nothing. */
async function write(arrived: ArrivedToken, deps: RenewalDeps, stored: TokenRecord | undefined): Promise<Renewed> {
  const { store, key } = deps;
  let before = stored;
  let next = toTokenRecord(arrived, deps, before);
  try {
    for (let round = 0; round < ROUNDS; round++) {
      if (await store.compareAndSet(key, before?.generation ?? 0, next)) break;
      before = await store.get(key);
      if (before && isUsable(before, deps)) return { record: before, hasCalled: true };
      next = toTokenRecord(arrived, deps, before);
    }
  } catch {
    // It stays in this process.
  }
  return { record: next, hasCalled: true };
}

/** A token whose lifetime is over already is believed to live for the cooldown, so that the endpoint isn't stormed. */
const SHORTEST_LIFETIME_MS = 1_000;

/** The record of what arrived. The same token again is no new generation, only a new expiry. */
function toTokenRecord(arrived: ArrivedToken, deps: RenewalDeps, stored: TokenRecord | undefined): TokenRecord {
  const { accessToken, tokenType, refreshToken, arrivedAtMs, lifetimeMs } = arrived;
  const newest = Math.max(deps.generation(), stored?.generation ?? 0);
  const known = [stored, deps.known()].find((record) => record?.accessToken === accessToken);
  return {
    generation: known?.generation === newest ? newest : newest + 1,
    accessToken,
    tokenType,
    refreshToken,
    issuedAtMs: arrivedAtMs,
    expiresAtMs: arrivedAtMs + (lifetimeMs > 0 ? lifetimeMs : Math.max(deps.renew.cooldownMs, SHORTEST_LIFETIME_MS)),
  };
}
