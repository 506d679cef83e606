import type { StoreConfig } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import type { Events } from '../core/events.ts';
import { createMemoryStore } from './memory.ts';
import type { Backing } from './backing.ts';
import type { Codec, OnUnreadable } from './seal.ts';
import type { Store } from './store.ts';

/** What a store works with. */
export interface StoreDeps {
  readonly clock: Clock;
  readonly events: Events;
  /** How long a request may wait for the store in total, in milliseconds. The default depends on the kind of store. */
  readonly waitBudgetMs?: number;
}

type SharedKind = Exclude<StoreConfig['kind'], 'memory'>;
type ConfigOf<K extends SharedKind> = Extract<StoreConfig, { readonly kind: K }>;

/** A kind of store that several processes share. Its modules are imported only when it is opened. */
interface Kind<C> {
  /** How long a request may wait for the store in total, in milliseconds. */
  readonly waitBudgetMs: number;
  open(config: C, clock: Clock, codec: Codec): Promise<Backing>;
}

const KINDS: { readonly [K in SharedKind]: Kind<ConfigOf<K>> } = {
  file: {
    // Enough for a busy disk. A request waits for it only when it has no token.
    waitBudgetMs: 2_000,
    async open({ path }, clock, codec) {
      const { FileBacking } = await import('./file.ts');
      return new FileBacking(path, clock, codec);
    },
  },
  redis: {
    // A little less than the 250 ms that a request may wait for Redis.
    waitBudgetMs: 240,
    async open(config, clock, codec) {
      const { RedisBacking } = await import('./redis.ts');
      return new RedisBacking(config, clock, codec);
    },
  },
};

/**
 * Opens the store that the config asks for. Rejects with a `StoreRefusal` when the store can't be used. A Redis that can't be
 * reached is no reason for that: tokens are then kept in this process until it can be.
 */
export async function openStore(config: StoreConfig, deps: StoreDeps): Promise<Store> {
  const { clock, events } = deps;
  if (config.kind === 'memory') return createMemoryStore(clock);
  const [{ SharedStore }, { createCodec }] = await Promise.all([import('./shared.ts'), import('./seal.ts')]);
  const codec = createCodec(
    config.encryption,
    sparing(clock, (key, reason) => {
      const message = `A stored token counts as absent: ${reason}`;
      events.emit('notice', { level: 'warn', message, fields: { store: config.kind, key } });
    }),
  );
  const kind = KINDS[config.kind] as Kind<typeof config>;
  const backing = await kind.open(config, clock, codec);
  const { waitBudgetMs = kind.waitBudgetMs } = deps;
  const store = new SharedStore(backing, { clock, events, waitBudgetMs, leaseMs: config.leaseMs });
  await store.open();
  return store;
}

/** How long a key is not reported again. */
const TELL_AGAIN_MS = 60_000;
const MAX_TOLD = 1_000;

/** Limits reports to one a minute for each key: while a request waits for a token, the key is read again and again. */
function sparing(clock: Clock, tell: OnUnreadable): OnUnreadable {
  const told = new Map<string, number>();
  return (key, reason) => {
    const now = clock.monotonic();
    if (now - (told.get(key) ?? -Infinity) < TELL_AGAIN_MS) return;
    if (told.size >= MAX_TOLD) told.clear();
    told.set(key, now);
    tell(key, reason);
  };
}
