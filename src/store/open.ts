import type { StoreConfig } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import type { Events } from '../core/events.ts';
import { createMemoryStore } from './memory.ts';
import type { OnUnreadable } from './seal.ts';
import type { TokenStore } from './store.ts';

export interface StoreDeps {
  readonly clock: Clock;
  readonly events: Events;
  /** How long whoever needs a token may wait for the store; by its kind if it isn't given. */
  readonly patienceMs?: number;
}

/** For a disk that is busy; a request waits so long only when it has no token. */
const FILE_PATIENCE_MS = 2_000;
/** A little less than the 250 ms that a request may wait for it. */
const REDIS_PATIENCE_MS = 240;

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
  const backing =
    config.kind === 'file'
      ? new (await import('./file.ts')).FileBacking(config.path, clock, codec)
      : new (await import('./redis.ts')).RedisBacking(config, clock, codec);
  const patienceMs = deps.patienceMs ?? (config.kind === 'file' ? FILE_PATIENCE_MS : REDIS_PATIENCE_MS);
  const store = new SharedStore(backing, { clock, events, patienceMs, leaseMs: config.leaseMs });
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
