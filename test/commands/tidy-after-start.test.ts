import test from 'ava';
import { tidyAfterStart } from '../../src/commands/tidy-after-start.ts';
import { createEvents } from '../../src/core/events.ts';
import { shrinkHeap } from '../../src/core/garbage.ts';
import { fakeClock } from '../helpers/clock.ts';

test('what the start left is tidied up once, after the first half second without a request', async (t) => {
  const events = createEvents();
  const clock = fakeClock();
  let count = 0;
  tidyAfterStart(events, { clock, tidy: () => count++ });
  for (let step = 0; step < 3; step++) {
    await clock.advance(499);
    events.emit('started');
    await clock.advance(1);
    t.is(count, 0, `step ${step}`);
  }
  await clock.advance(500);
  t.is(count, 1);
  t.is(events.listenerCount('started') + events.listenerCount('exchange'), 0, 'later requests cost nothing');
  await clock.advance(10_000);
  t.is(count, 1);
});

test('memory that is not in use goes back to the system', (t) => {
  let kept: object[] | undefined = Array.from({ length: 500_000 }, (_, n) => ({ n }));
  const before = process.memoryUsage().heapTotal;
  t.is(kept.length, 500_000);
  kept = undefined;
  shrinkHeap();
  t.true(process.memoryUsage().heapTotal < before - 10 * 1024 * 1024);
});
