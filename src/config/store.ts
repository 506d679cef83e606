import type { StoreConfig } from './config.ts';
import type { Problems } from './problems.ts';
import type { ConfigData } from './schema.ts';
import { ChildPlace, find, nearest, type MapNode } from './tree.ts';

type StoreData = ConfigData['store'];
type Key = Exclude<keyof StoreData, 'kind'>;

const SHARED: readonly Key[] = ['lease', 'encryption_key', 'old_encryption_keys'];

/** For each kind what it can't do without, and all that means something to it. */
const KINDS: Readonly<Record<StoreData['kind'], { readonly needed: Key | undefined; readonly used: readonly Key[] }>> =
  {
    memory: { needed: undefined, used: [] },
    file: { needed: 'path', used: ['path', ...SHARED] },
    redis: { needed: 'url', used: ['url', 'username', 'password', 'prefix', ...SHARED] },
  };

const LEASE_MS = 15_000;
const PREFIX = 'outrider:';

/** Reports `missing_key`, and `unused_key` for what belongs to another kind. */
export function checkStore(root: MapNode, store: StoreData, problems: Problems): void {
  const { needed, used } = KINDS[store.kind];
  if (needed !== undefined && store[needed] === undefined && !problems.isBroken(find(root, 'store', needed))) {
    const place = new ChildPlace(nearest(root, 'store'), needed);
    problems.error('missing_key', place, `\`kind: ${store.kind}\` needs \`${needed}\``, `add \`${needed}:\``);
  }
  for (const key of Object.keys(store) as (keyof StoreData)[]) {
    const node = find(root, 'store', key);
    const isGiven = node?.kind === 'list' ? node.items.length > 0 : node?.kind === 'scalar' && !node.isEmpty;
    if (key === 'kind' || used.includes(key) || !isGiven || problems.isBrokenBelow(node)) continue;
    const message = `\`kind: ${store.kind}\` makes no use of \`${key}\``;
    problems.warning('unused_key', nearest(root, 'store', key), message, 'leave it out, or choose another `kind`');
  }
  if ((store.old_encryption_keys ?? []).length > 0 && used.includes('encryption_key') && !store.encryption_key) {
    if (problems.isBrokenBelow(find(root, 'store', 'encryption_key'))) return;
    const place = new ChildPlace(nearest(root, 'store'), 'encryption_key');
    const message = 'there are old encryption keys and no new one: nothing would be encrypted any more';
    problems.error('missing_key', place, message, 'add `encryption_key:`; make one with `openssl rand -base64 32`');
  }
}

/** `resolve` makes a path absolute. What is missing has been reported. */
export function storeOf(store: StoreData, resolve: (file: string) => string): StoreConfig {
  const { kind, encryption_key: key, old_encryption_keys: oldKeys = [], lease: leaseMs = LEASE_MS } = store;
  const encryption = key && { key, oldKeys };
  if (kind === 'file' && store.path !== undefined) return { kind, path: resolve(store.path), leaseMs, encryption };
  if (kind === 'redis' && store.url !== undefined) {
    const { url, username, password, prefix = PREFIX } = store;
    return { kind, url, username, password, prefix, leaseMs, encryption };
  }
  return { kind: 'memory' };
}

/** What of a store must never be seen. */
export function* storeSecrets(store: StoreConfig): Generator<string> {
  if (store.kind === 'memory') return;
  if (store.encryption) for (const key of [store.encryption.key, ...store.encryption.oldKeys]) yield key.reveal();
  if (store.kind !== 'redis') return;
  const { password } = new URL(store.url.reveal());
  if (password !== '') yield* [password, decodeURIComponent(password)];
  if (store.password) yield store.password.reveal();
}

/** Whether two are the same, secrets included. */
export function isSameStore(a: StoreConfig, b: StoreConfig): boolean {
  const whole = (store: StoreConfig): string =>
    JSON.stringify([store, store.kind === 'redis' && store.url.reveal(), ...storeSecrets(store)]);
  return whole(a) === whole(b);
}
