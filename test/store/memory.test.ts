import test from 'ava';
import { createMemoryStore } from '../../src/store/memory.ts';
import { fakeClock } from '../helpers/clock.ts';
import { record, storeContract } from './contract.ts';

storeContract(test, 'memory', createMemoryStore);

test('memory: the record itself comes back, not a copy', (t) => {
  const clock = fakeClock();
  const store = createMemoryStore(clock);
  const first = record(clock, 1);
  store.compareAndSet('phonepe', 0, first);
  t.is(store.get('phonepe'), first);
  store.close();
});

test('memory: a closed store is empty', (t) => {
  const clock = fakeClock();
  const store = createMemoryStore(clock);
  store.compareAndSet('phonepe', 0, record(clock, 1));
  store.close();
  t.is(store.get('phonepe'), undefined);
});
