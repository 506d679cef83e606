import type { Clock } from '../../core/clock.ts';
import { WaitBudget } from '../../store/wait-budget.ts';
import type { LockAnswer, TokenRecord, TokenStore } from '../../store/store.ts';
import type { ArrivedToken } from './endpoint.ts';
import { TokenFailure } from './failure.ts';
import { toTokenRecord, type KnownTokens } from './record.ts';
import { StallDetector } from './stall-detector.ts';

/** What a renewal works with. */
export interface RenewalDeps extends KnownTokens {
  readonly key: string;
  readonly store: TokenStore;
  readonly clock: Clock;
  /** Whether the profile can use a refresh token. */
  readonly canRefresh: boolean;
  /** The time limit of a token call. */
  readonly callTimeoutMs: number;
  /** Whether a valid record of the store is good enough, so that no token call is made. */
  accepts(stored: TokenRecord): boolean;
  /** Makes the token call. `last` includes its refresh token only if that may be used. */
  call(last: TokenRecord | undefined): Promise<ArrivedToken>;
  /** Resolves after `ms`, or earlier when the store has news. */
  pause(ms: number): Promise<void>;
}

/** The outcome of a renewal. */
export interface Renewed {
  readonly record: TokenRecord;
  /** Whether this process made a token call, even if the record is another process's. */
  readonly hasCalled: boolean;
}

/** How often the store is asked while another process renews. Usually its news arrives first. */
const ASK_AGAIN_MS = 200;
/** How much longer than a lease and a token call together the renewal of another process is waited for. */
const GRACE_MS = 1_000;
/** The limit of attempts for steps that other processes rarely disturb. */
const ROUNDS = 4;

/**
 * Gets a new token. It takes the store's lock and makes a token call, or waits for the process that holds the lock and takes
 * its token from the store. If the store is down, it calls without the lock. Rejects with what `call` rejects with, and with
 * {@link TokenFailure} when the time is over.
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
    // A token may have expired before it is looked at here, if this process stood still.
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

/**
 * Makes the token call and writes its result. Undefined if this process stood still meanwhile, so that everything must start
 * again.
 */
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
    // The call failed because this process stood still, not because of the endpoint.
    if (stall.stalledMs > 0) return undefined;
    throw error;
  } finally {
    stall.stop();
  }
  const unwritten = { record: toTokenRecord(arrived, deps, stored), hasCalled: true };
  const writing = write(arrived, deps, stored);
  void writing.then(release);
  // A caller that waits for the token waits for its writing only as long as the budget allows.
  return waitBudget.of(writing).catch(() => unwritten);
}

/**
 * Whether the refresh token may be used. The store grants each one once: a provider may take a second use for theft, and revoke
 * all tokens that came from it (RFC 6819 §5.2.2.3).
 */
async function canRedeem(
  stored: TokenRecord | undefined,
  { store, key, canRefresh }: RenewalDeps,
  waitBudget: WaitBudget,
): Promise<boolean> {
  if (!canRefresh || stored?.refreshToken === undefined) return false;
  return waitBudget.of(store.redeem(key, stored.generation)).catch(() => false);
}

/**
 * Writes a token to the store. If the store then holds a better record, that one is the result: an answer that comes late
 * changes nothing.
 */
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
    // The token is kept in this process only.
  }
  return { record: next, hasCalled: true };
}
