import { createRequire } from 'node:module';
import test from 'ava';
import { systemClock } from '../../src/core/clock.ts';
import { fileConfig, freshPath, open, redisConfig } from './shared-helpers.ts';

const hasClient = (): boolean =>
  Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('/node_modules/@redis/client/'));

test('the Redis client is brought in by the Redis store alone', async (t) => {
  const { store } = await open(t, { kind: 'memory' }, systemClock);
  t.false(store.isShared);
  const { store: file } = await open(t, fileConfig(freshPath(t)), systemClock);
  t.true(file.isShared);
  t.false(hasClient());
  await open(t, redisConfig('redis://127.0.0.1:1'), systemClock);
  t.true(hasClient());
});
