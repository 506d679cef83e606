import test from 'ava';
import { MAX_SEEN, RETAINED_MS } from '../../src/store/store.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { fakeClock } from '../helpers/clock.ts';
import { digest, record, storeContract } from './contract.ts';

storeContract(test, 'memory', async (_t, clock) => {
  const store = createMemoryStore(clock);
  return { ours: store, theirs: store };
});

test('memory: the record itself comes back, not a copy', (t) => {
  const clock = fakeClock();
  const store = createMemoryStore(clock);
  const first = record(clock, 1);
  store.compareAndSet('phonepe', 0, first);
  t.is(store.get('phonepe'), first);
  store.close();
});

test('memory: an hour after it expired a record is gone', async (t) => {
  const clock = fakeClock();
  const store = createMemoryStore(clock);
  store.compareAndSet('phonepe', 0, record(clock, 1, 10_000));
  await clock.advance(10_000 + RETAINED_MS);
  t.is(store.get('phonepe'), undefined);
  t.true(store.compareAndSet('phonepe', 0, record(clock, 1)));
  store.close();
});

test('memory: a closed store is empty', (t) => {
  const clock = fakeClock();
  const store = createMemoryStore(clock);
  store.compareAndSet('phonepe', 0, record(clock, 1));
  store.close();
  t.is(store.get('phonepe'), undefined);
});

test('memory: a callback is forgotten when its window is over, which each mark begins anew', async (t) => {
  const clock = fakeClock();
  const store = createMemoryStore(clock);
  store.markSeen('payu', digest('a'), 1_000);
  await clock.advance(900);
  store.markSeen('payu', digest('a'), 1_000);
  await clock.advance(900);
  t.is(store.timesSeen('payu', digest('a')), 2);
  await clock.advance(100);
  t.is(store.timesSeen('payu', digest('a')), 0);
  store.markSeen('payu', digest('a'), 1_000);
  t.is(store.timesSeen('payu', digest('a')), 1);
  store.close();
});

test('memory: beyond the limit the callbacks that were marked first are forgotten', (t) => {
  const store = createMemoryStore(fakeClock());
  for (let i = 0; i < MAX_SEEN + 10; i++) store.markSeen('payu', `id-${i}`, 60_000);
  t.is(store.timesSeen('payu', 'id-9'), 0);
  t.is(store.timesSeen('payu', 'id-10'), 1);
  t.is(store.timesSeen('payu', `id-${MAX_SEEN + 9}`), 1);
  store.close();
});
