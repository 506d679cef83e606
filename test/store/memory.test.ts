import test from 'ava';
import { RETAINED_MS } from '../../src/store/store.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { fakeClock } from '../helpers/clock.ts';
import { record, storeContract } from './contract.ts';

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
