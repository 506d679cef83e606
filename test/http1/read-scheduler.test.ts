import test from 'ava';
import { ReadScheduler } from '../../src/http1/read-scheduler.ts';

const KIB = 1024;
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a quarter of a mebibyte of bodies goes on in a turn, the rest in the next ones, in the order in which it came', async (t) => {
  const scheduler = new ReadScheduler();
  const went: number[] = [];
  const atOnce = Array.from({ length: 20 }, (_, n) => scheduler.mayReadOn(64 * KIB, () => went.push(n)));
  t.deepEqual(
    atOnce,
    atOnce.map((_, n) => n < 4),
  );
  t.deepEqual(went, []);
  await nextTurn();
  t.deepEqual(went, [4, 5, 6, 7]);
  t.false(
    scheduler.mayReadOn(1, () => went.push(20)),
    'nobody overtakes those who wait',
  );
  for (let turn = 0; turn < 4; turn++) await nextTurn();
  t.deepEqual(
    went,
    Array.from({ length: 17 }, (_, n) => n + 4),
  );
  await nextTurn();
  await nextTurn();
  t.true(scheduler.mayReadOn(64 * KIB, t.fail));
});

test('the smallest piece has its price, too', (t) => {
  const scheduler = new ReadScheduler();
  let count = 0;
  while (scheduler.mayReadOn(1, () => {}) && count < 10_000) count++;
  t.is(count, 512);
});

test('what chunks cost beyond what they carry counts four times', (t) => {
  const scheduler = new ReadScheduler();
  t.true(scheduler.mayReadOn(10 * KIB, t.fail, 54 * KIB));
  t.true(scheduler.mayReadOn(10 * KIB, t.fail, 54 * KIB));
  t.false(scheduler.mayReadOn(1, () => {}));
});

test('two proxies in one process do not share their turns', (t) => {
  const [one, other] = [new ReadScheduler(), new ReadScheduler()];
  while (one.mayReadOn(64 * KIB, () => {}));
  t.true(other.mayReadOn(64 * KIB, t.fail));
});
