import type { StoreConfig } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import { causeOf } from './backing.ts';
import { createCodec } from './seal.ts';
import { TooSlow } from './wait-budget.ts';

/** What came of asking a Redis once. */
export interface Reached {
  /** `host:port`. */
  readonly address: string;
  /** Why it can't be used, in one word; undefined: it can. */
  readonly cause: string | undefined;
}

/** Connects to the Redis of a store and writes to it, once, as the store does when it opens; no token is looked at. */
export async function reachRedis(
  config: Extract<StoreConfig, { kind: 'redis' }>,
  clock: Clock,
  withinMs: number,
): Promise<Reached> {
  const { RedisBacking } = await import('./redis.ts');
  const backing = new RedisBacking(
    config,
    clock,
    createCodec(undefined, () => undefined),
  );
  const { address } = backing;
  const { promise: reached, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(() => reject(new TooSlow()), withinMs);
  try {
    await backing.open({
      changed: () => undefined,
      lost: reject,
      found: () => void backing.probe().then(resolve, reject),
    });
    await reached;
    return { address, cause: undefined };
  } catch (error) {
    return { address, cause: causeOf(error) };
  } finally {
    clearTimeout(timer);
    await backing.close();
  }
}
