import { Secret } from '../../core/secret.ts';
import type { z } from 'zod';
import { ConfigError } from '../diagnostics/config-error.ts';
import { choice, described, duration, scalar, listOf, text, withDefault, type Scalar } from './scalar.ts';
import type { Problems } from '../diagnostics/problems.ts';
import { section } from './section.ts';
import { base64Key } from './values.ts';
import { ChildLocation, find, nearest, type MapNode } from '../yaml/tree.ts';

/** The URL may hold a password. So no message repeats it. */
const redisUrl: Scalar<Secret> = scalar({
  expects: 'a redis URL',
  json: { type: 'string' },
  seen: 'never',
  read: (node) => {
    if (
      !/^rediss?:\/\/(?:(?:[^/?#@%\s]|%[0-9a-f]{2})*@)?[^/?#@\s]+(?:\/\d{0,5})?$/i.test(node.text) ||
      !URL.canParse(node.text)
    ) {
      throw new ConfigError(
        'invalid_value',
        'the value is not a redis URL',
        'write redis://host:6379/0, or rediss:// for TLS',
      );
    }
    return new Secret(node.text);
  },
});

const password: Scalar<Secret> = scalar({
  expects: 'a secret text',
  json: { type: ['string', 'number'] },
  seen: 'never',
  read: (node) => new Secret(node.text),
});

const KIND_NAMES = ['memory', 'file', 'redis'] as const;

/** The keys of all kinds of stores. {@link KINDS} says which kind uses which. */
export const storeSection = section({
  kind: described('Where tokens are kept.', withDefault(choice(KIND_NAMES), 'memory', 'memory')),
  path: described('file: a directory for this user alone; it is made if it is not there.', text.optional()),
  url: described('redis: redis://host:6379/0, or rediss:// for TLS.', redisUrl.optional()),
  username: described('redis: goes before the one of the URL.', text.optional()),
  password: described('redis: goes before the one of the URL.', password.optional()),
  prefix: described('redis: begins every key and the channel.', withDefault(text, 'outrider:', 'outrider:')),
  lease: described(
    'After so long a renewal whose process has died is taken over.',
    withDefault(duration(1000), 15_000, '15s'),
  ),
  encryption_key: described('Records are encrypted with it (AES-256-GCM).', base64Key.optional()),
  old_encryption_keys: described('Still read, no longer written with.', listOf(base64Key)),
});

type StoreData = z.output<typeof storeSection>;

/** Keys for records at rest, each 32 bytes in base64. New records use `key`. Records of the old keys can still be read. */
export interface Encryption {
  readonly key: Secret;
  readonly oldKeys: readonly Secret[];
}

/** The settings of all stores that outlive a process. */
const shared = ({ leaseMs, encryptionKey: key, oldEncryptionKeys: oldKeys }: StoreData) => ({
  leaseMs,
  encryption: key && ({ key, oldKeys } as Encryption),
});

const SHARED = ['lease', 'encryption_key', 'old_encryption_keys'];

/**
 * One row for each kind of store. `needed` is the key that it requires, and `used` are all keys that it uses. `of` makes the
 * store's settings of the section. It yields undefined when the required key is missing: {@link checkStore} reports that.
 */
const KINDS = {
  memory: { needed: undefined, used: [], of: () => ({ kind: 'memory' as const }) },
  file: {
    needed: 'path',
    used: ['path', ...SHARED],
    of: (data: StoreData, resolve: (file: string) => string) =>
      data.path === undefined
        ? undefined
        : /** `path` is absolute. */ { kind: 'file' as const, path: resolve(data.path), ...shared(data) },
  },
  redis: {
    needed: 'url',
    used: ['url', 'username', 'password', 'prefix', ...SHARED],
    of(data: StoreData) {
      const { url, username, password: own, prefix } = data;
      return url && { kind: 'redis' as const, url, username, password: own, prefix, ...shared(data) };
    },
  },
} satisfies Record<(typeof KIND_NAMES)[number], object>;

/** The settings of the store that keeps the tokens, by its kind. */
export type StoreConfig = NonNullable<ReturnType<(typeof KINDS)[keyof typeof KINDS]['of']>>;

/** Reports a missing key (`missing_key`), and keys that belong to another kind of store (`unused_key`, a warning). */
export function checkStore(root: MapNode, store: StoreData, problems: Problems): void {
  const { needed, used }: { readonly needed: string | undefined; readonly used: readonly string[] } = KINDS[store.kind];
  const isMissing = needed !== undefined && KINDS[store.kind].of(store, (file) => file) === undefined;
  if (isMissing && !problems.isReported(find(root, 'store', needed))) {
    const place = new ChildLocation(nearest(root, 'store'), needed);
    problems.error('missing_key', place, `\`kind: ${store.kind}\` needs \`${needed}\``, `add \`${needed}:\``);
  }
  const written = find(root, 'store');
  for (const key of written?.kind === 'map' ? written.entries.keys() : []) {
    const node = find(root, 'store', key);
    const isGiven = node?.kind === 'list' ? node.items.length > 0 : node?.kind === 'scalar' && !node.isEmpty;
    const isKnown = Object.values(KINDS).some((kind) => (kind.used as readonly string[]).includes(key));
    if (!isKnown || used.includes(key) || !isGiven || problems.isBrokenBelow(node)) continue;
    const message = `\`kind: ${store.kind}\` makes no use of \`${key}\``;
    problems.warning('unused_key', nearest(root, 'store', key), message, 'leave it out, or choose another `kind`');
  }
  if (store.oldEncryptionKeys.length > 0 && used.includes('encryption_key') && !store.encryptionKey) {
    if (problems.isBrokenBelow(find(root, 'store', 'encryption_key'))) return;
    const place = new ChildLocation(nearest(root, 'store'), 'encryption_key');
    const message = 'there are old encryption keys and no new one: nothing would be encrypted any more';
    problems.error('missing_key', place, message, 'add `encryption_key:`; make one with `openssl rand -base64 32`');
  }
}

/** The settings of the store. `resolve` makes a path absolute. A store that misses its required key becomes a memory store. */
export const storeOf = (store: StoreData, resolve: (file: string) => string): StoreConfig =>
  KINDS[store.kind].of(store, resolve) ?? { kind: 'memory' };

/** The texts of a store that must never be seen: the password, also that of the URL, and the encryption keys. */
export function* storeSecrets(store: StoreConfig): Generator<string> {
  for (const [name, value] of Object.entries(store) as [string, unknown][]) {
    if (value instanceof Secret) yield* name === 'url' ? passwordIn(value.reveal()) : [value.reveal()];
  }
  if (!('encryption' in store) || !store.encryption) return;
  for (const key of [store.encryption.key, ...store.encryption.oldKeys]) yield key.reveal();
}

/** The password in a URL, as it is written there and percent-decoded. */
function passwordIn(url: string): readonly string[] {
  const { password: found } = new URL(url);
  return found === '' ? [] : [found, decodeURIComponent(found)];
}
