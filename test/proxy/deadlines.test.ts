import test from 'ava';
import { Deadlines, type Deadline } from '../../src/proxy/deadlines.ts';
import { fakeClock } from '../helpers/clock.ts';

const SWEEP_MS = 25;

interface Watched extends Deadline {
  expired: number;
}

const within = (deadlines: Deadlines, deadlineMs: number): Watched => {
  const deadline: Watched = {
    deadlineMs,
    place: -1,
    expired: 0,
    expire() {
      this.expired++;
      deadlines.forget(this);
    },
  };
  deadlines.watch(deadline);
  return deadline;
};

test('a deadline never expires early, and at most two sweeps late, once', async (t) => {
  const clock = fakeClock();
  const deadlines = new Deadlines(clock, SWEEP_MS);
  const one = within(deadlines, 1_000);
  await clock.advance(1_000);
  t.is(one.expired, 0);
  await clock.advance(2 * SWEEP_MS);
  t.is(one.expired, 1);
  await clock.advance(1_000);
  t.is(one.expired, 1);
});

test('a deadline may be moved, and forgotten', async (t) => {
  const clock = fakeClock();
  const deadlines = new Deadlines(clock, SWEEP_MS);
  const [moved, forgotten, never] = [100, 100, Infinity].map((ms) => within(deadlines, ms)) as [
    Watched,
    Watched,
    Watched,
  ];
  moved.deadlineMs = 500;
  deadlines.forget(forgotten);
  deadlines.forget(forgotten);
  await clock.advance(400);
  t.deepEqual([moved.expired, forgotten.expired, never.expired], [0, 0, 0]);
  await clock.advance(100 + 2 * SWEEP_MS);
  t.deepEqual([moved.expired, forgotten.expired, never.expired], [1, 0, 0]);
});

test('many that expire at once expire once each, and the others stay watched', async (t) => {
  const clock = fakeClock();
  const deadlines = new Deadlines(clock, SWEEP_MS);
  const all = Array.from({ length: 100 }, (_, i) => within(deadlines, i % 3 === 0 ? 100 : 1_000));
  await clock.advance(100 + 2 * SWEEP_MS);
  t.true(all.every(({ expired }, i) => expired === (i % 3 === 0 ? 1 : 0)));
  await clock.advance(1_000);
  t.true(all.every(({ expired }) => expired === 1));
});

test('after the last is gone no timer runs, and the next one starts it again', async (t) => {
  let timers = 0;
  const clock = fakeClock();
  const counting = {
    ...clock,
    after: (ms: number, fn: () => void) => {
      timers++;
      return clock.after(ms, fn);
    },
  };
  const deadlines = new Deadlines(counting, SWEEP_MS);
  deadlines.forget(within(deadlines, 100));
  await clock.advance(SWEEP_MS);
  const before = timers;
  await clock.advance(1_000);
  t.is(timers, before);
  const next = within(deadlines, clock.monotonic() + 100);
  await clock.advance(100 + 2 * SWEEP_MS);
  t.is(next.expired, 1);
});
