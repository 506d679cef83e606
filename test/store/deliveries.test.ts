import test from 'ava';
import { Deliveries, type Delivery } from '../../src/store/deliveries.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { fakeClock } from '../helpers/clock.ts';

const down = (): Promise<never> => Promise.reject(new Error('the store is down'));

test('one delivers; another one waits for what comes of it, and learns how often it was delivered', async (t) => {
  const clock = fakeClock();
  const deliveries = new Deliveries(createMemoryStore(clock), clock);
  const first = (await deliveries.begin('payu', 'a', 1_000)) as Delivery;
  t.is(first.timesSeen, 0);
  let second: Delivery | undefined;
  void deliveries.begin('payu', 'a', 5_000).then((delivery) => (second = delivery));
  await clock.advance(2_000);
  t.is(second, undefined);
  t.is((await deliveries.begin('payu', 'b', 1_000))?.timesSeen, 0, 'another callback waits for nobody');
  await first.end(60_000);
  await clock.advance(100);
  t.is((second as Delivery | undefined)?.timesSeen, 1);
});

test('what was not delivered was not seen', async (t) => {
  const clock = fakeClock();
  const deliveries = new Deliveries(createMemoryStore(clock), clock);
  await (await deliveries.begin('payu', 'a', 1_000))?.end(undefined);
  t.is((await deliveries.begin('payu', 'a', 1_000))?.timesSeen, 0);
});

test('who waits in vain gets no right to deliver', async (t) => {
  const clock = fakeClock();
  const deliveries = new Deliveries(createMemoryStore(clock), clock);
  await deliveries.begin('payu', 'a', 1_000);
  const second = deliveries.begin('payu', 'a', 1_000);
  await clock.advance(1_100);
  t.is(await second, undefined);
});

test('while a shared store is down, this process knows its own', async (t) => {
  const clock = fakeClock();
  const broken: Store = {
    ...createMemoryStore(clock),
    isShared: true,
    lock: () => Promise.resolve({ state: 'down' }),
    timesSeen: down,
    markSeen: down,
  };
  const deliveries = new Deliveries(broken, clock);
  await (await deliveries.begin('payu', 'a', 1_000))?.end(60_000);
  const second = await deliveries.begin('payu', 'a', 1_000);
  t.is(second?.timesSeen, 1);
  const third = deliveries.begin('payu', 'a', 500);
  await clock.advance(600);
  t.is(await third, undefined, 'and only one at a time');
  await deliveries.close();
});
