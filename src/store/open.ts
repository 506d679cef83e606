import type { StoreConfig } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import type { Events } from '../core/events.ts';
import { createMemoryStore } from './memory.ts';
import type { Backing } from './backing.ts';
import type { Codec, OnUnreadable } from './seal.ts';
import type { TokenStore } from './store.ts';

export interface StoreDeps {
  readonly clock: Clock;
  readonly events: Events;
  /** How long whoever needs a token may wait for the store; by its kind if it isn't given. */
  readonly waitBudgetMs?: number;
}

type SharedKind = Exclude<StoreConfig['kind'], 'memory'>;
type ConfigOf<K extends SharedKind> = Extract<StoreConfig, { readonly kind: K }>;

/** A kind of store that several processes share; what it needs is imported when it is opened. */
interface Kind<C> {
  /** How long whoever needs a token may wait for it. */
  readonly waitBudgetMs: number;
  open(config: C, clock: Clock, codec: Codec): Promise<Backing>;
}

const KINDS: { readonly [K in SharedKind]: Kind<ConfigOf<K>> } = {
  file: {
    // For a disk that is busy; a request waits so long only when it has no token.
    waitBudgetMs: 2_000,
    async open({ path }, clock, codec) {
      const { FileBacking } = await import('./file.ts');
      return new FileBacking(path, clock, codec);
    },
  },
  redis: {
    // A little less than the 250 ms that a request may wait for it.
    waitBudgetMs: 240,
    async open(config, clock, codec) {
      const { RedisBacking } = await import('./redis.ts');
      return new RedisBacking(config, clock, codec);
    },
  },
};

/**
 * The store that the config asks for, open; what it needs is imported only then. Rejects with a `StoreRefusal` where it can't
 * be used. A Redis that isn't there is no reason: the store then works without it until it comes.
 */
export async function openStore(config: StoreConfig, deps: StoreDeps): Promise<TokenStore> {
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

const TELL_AGAIN_MS = 60_000;
const MAX_TOLD = 1_000;

/** Tells of one key once a minute at most: while somebody waits for a token it is read again and again. */
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
