import path from 'node:path';
import test from 'ava';
import type { Config, StoreConfig } from '../../src/config/config.ts';
import { restartsNeeded } from '../../src/config/restart.ts';
import { parse, problems } from '../config/helpers.ts';

const KEY = Buffer.alloc(32, 3).toString('base64');
const OLD_KEY = Buffer.alloc(32, 4).toString('base64');
const ROUTES = 'routes: [{ match: { path: /p }, upstream: "http://127.0.0.1:1" }]\n';

const load = (store: string): ReturnType<typeof parse> => parse(`store: ${store}\n${ROUTES}`);

function configOf(store: string): Config {
  const loaded = load(store);
  if (!loaded.config) throw new Error(problems(loaded).join());
  return loaded.config;
}

const storeOf = (store: string): StoreConfig => configOf(store).store;

test('a file store has its directory beside the config, and a lease', (t) => {
  t.deepEqual(storeOf('{ kind: file, path: tokens }'), {
    kind: 'file',
    path: path.resolve('tokens'),
    leaseMs: 15_000,
    encryption: undefined,
  });
});

test('a Redis store has a prefix and a lease; its secrets are kept from sight', (t) => {
  const loaded = load(
    `{ kind: redis, url: "rediss://me:in%40url@redis.example:6380/2", password: beside, username: you, encryption_key: "${KEY}", old_encryption_keys: ["${OLD_KEY}"], lease: 5s }`,
  );
  const store = loaded.config?.store;
  t.like(store, { kind: 'redis', username: 'you', prefix: 'outrider:', leaseMs: 5_000 });
  t.notRegex(JSON.stringify(store), /in%40url|beside|AwMD|BAQE/);
  const secrets = [...(loaded.config?.secretTexts() ?? [])];
  for (const secret of ['in%40url', 'in@url', 'beside', KEY, OLD_KEY]) t.true(secrets.includes(secret), secret);
});

for (const [store, found] of [
  ['{ kind: file }', ['missing_key store.path']],
  ['{ kind: redis }', ['missing_key store.url']],
  ['{ kind: redis, url: "http://127.0.0.1" }', ['invalid_value store.url']],
  ['{ kind: redis, url: "redis://127.0.0.1/tokens" }', ['invalid_value store.url']],
  ['{ kind: redis, url: "redis://me:100%@127.0.0.1" }', ['invalid_value store.url']],
  ['{ kind: file, path: t, encryption_key: abc }', ['invalid_value store.encryption_key']],
  [`{ kind: file, path: t, old_encryption_keys: ["${KEY}"] }`, ['missing_key store.encryption_key']],
  ['{ kind: file, path: t, lease: 10ms }', ['invalid_value store.lease']],
  ['{ kind: file, path: t, url: "redis://h", prefix: x }', ['unused_key store.url', 'unused_key store.prefix']],
  ['{ kind: redis, url: "redis://h", path: t }', ['unused_key store.path']],
  ['{ path: t }', ['unused_key store.path']],
] as const) {
  test(`${store} is told as ${found.join(' and ')}`, (t) => {
    const loaded = load(store);
    t.deepEqual(problems(loaded), [...found]);
    t.is(
      loaded.config !== undefined,
      found.every((problem) => problem.startsWith('unused_key')),
    );
  });
}

test('a store is another when a secret of it is, and takes a restart', (t) => {
  const one = (parts: string): Config => configOf(`{ kind: redis, ${parts} }`);
  const base = one(`url: "redis://a:b@h", encryption_key: "${KEY}"`);
  t.deepEqual(restartsNeeded(base, one(`url: "redis://a:b@h", encryption_key: "${KEY}"`)), []);
  for (const other of [
    one(`url: "redis://a:c@h", encryption_key: "${KEY}"`),
    one(`url: "redis://a:b@i", encryption_key: "${KEY}"`),
    one(`url: "redis://a:b@h", encryption_key: "${OLD_KEY}"`),
    one(`url: "redis://a:b@h", encryption_key: "${KEY}", password: c`),
    one(`url: "redis://a:b@h", encryption_key: "${KEY}", old_encryption_keys: ["${OLD_KEY}"]`),
    one('url: "redis://a:b@h"'),
    configOf('{ kind: memory }'),
  ]) {
    t.deepEqual(restartsNeeded(base, other), ['a changed `store` takes effect after a restart']);
  }
});
