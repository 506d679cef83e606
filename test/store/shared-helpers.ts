import path from 'node:path';
import type { ExecutionContext } from 'ava';
import type { StoreConfig } from '../../src/config/config.ts';
import type { Clock } from '../../src/core/clock.ts';
import { createEvents, type NoticeRecord, type StoreHealthRecord } from '../../src/core/events.ts';
import { Secret } from '../../src/core/secret.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

export const KEY = new Secret(Buffer.alloc(32, 1).toString('base64'));
export const OLD_KEY = new Secret(Buffer.alloc(32, 2).toString('base64'));

/** A directory's path where nothing is yet; gone after the test. */
export function freshPath(t: ExecutionContext): string {
  const dir = temporaryDirectory(t);
  return path.join(dir, 'tokens');
}

export const fileConfig = (
  directory: string,
  parts: Partial<Extract<StoreConfig, { kind: 'file' }>> = {},
): StoreConfig => ({ kind: 'file', path: directory, leaseMs: 15_000, encryption: undefined, ...parts });

export const redisConfig = (
  url: string,
  parts: Partial<Extract<StoreConfig, { kind: 'redis' }>> = {},
): StoreConfig => ({
  kind: 'redis',
  url: new Secret(url),
  username: undefined,
  password: undefined,
  prefix: 'outrider:',
  leaseMs: 15_000,
  encryption: undefined,
  ...parts,
});

export interface Opened {
  readonly store: Store;
  readonly notices: NoticeRecord[];
  readonly health: StoreHealthRecord[];
}

/** Longer than any answer takes on a machine that is busy with other tests. */
const WAIT_BUDGET_MS = 20_000;

/** One more process's way to a store, as it were; closed with the test. */
export async function open(
  t: ExecutionContext,
  config: StoreConfig,
  clock: Clock,
  options: { readonly waitBudgetMs?: number } = { waitBudgetMs: WAIT_BUDGET_MS },
): Promise<Opened> {
  const events = createEvents();
  const notices: NoticeRecord[] = [];
  const health: StoreHealthRecord[] = [];
  events.on('notice', (notice) => notices.push(notice));
  events.on('store', (record) => health.push(record));
  const store = await openStore(config, { clock, events, ...options });
  t.teardown(() => store.close());
  return { store, notices, health };
}
