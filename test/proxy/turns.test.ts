import test from 'ava';
import { mayReadOn } from '../../src/proxy/turns.ts';
import { Waste } from '../../src/proxy/waste.ts';

const KIB = 1024;
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test.serial(
  'half a mebibyte of bodies goes on in a turn, the rest in the next ones, in the order in which it came',
  async (t) => {
    const went: number[] = [];
    const atOnce = Array.from({ length: 20 }, (_, n) => mayReadOn(64 * KIB, () => went.push(n)));
    t.deepEqual(
      atOnce,
      atOnce.map((_, n) => n < 8),
    );
    t.deepEqual(went, []);
    await nextTurn();
    t.deepEqual(went, [8, 9, 10, 11, 12, 13, 14, 15]);
    t.false(
      mayReadOn(1, () => went.push(20)),
      'nobody overtakes those who wait',
    );
    await nextTurn();
    t.deepEqual(went.slice(8), [16, 17, 18, 19, 20]);
    await nextTurn();
    await nextTurn();
    t.true(mayReadOn(64 * KIB, t.fail));
  },
);

test.serial('the smallest piece has its price, too', async (t) => {
  await nextTurn();
  await nextTurn();
  let count = 0;
  while (mayReadOn(1, () => {}) && count < 10_000) count++;
  t.is(count, 1024);
});

/** Whether somebody may go on within some turns of the event loop. */
async function isSoon(going: Promise<void>): Promise<boolean> {
  let isDone = false;
  void going.then(() => (isDone = true));
  for (let turn = 0; turn < 5; turn++) await nextTurn();
  return isDone;
}

test('a body of which most is chunk sizes waits after each read, an honest one never', async (t) => {
  const honest = new Waste(0);
  const wasteful = new Waste(0);
  for (let read = 1; read <= 4; read++) {
    t.true(await isSoon(honest.took(900 * KIB, read * 1024 * KIB)), `honest, read ${read}`);
    t.false(await isSoon(wasteful.took(160 * KIB, read * 1024 * KIB)), `wasteful, read ${read}`);
  }
});
