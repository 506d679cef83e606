import test from 'ava';
import { OutriderError } from '../../src/core/errors.ts';
import { checkLoop } from '../../src/proxy/via.ts';

const OURS = 'outrider-abc';

for (const via of [
  '1.1 outrider-abc',
  '1.0 fred, 1.1 outrider-abc',
  '1.1\toutrider-abc (comment)',
  'HTTP/1.1  outrider-abc ,1.1 b',
]) {
  test(`Via names this process: ${JSON.stringify(via)}`, (t) => {
    const error = t.throws(() => checkLoop(via, OURS), { instanceOf: OutriderError });
    t.is(error?.code, 'loop_detected');
  });
}

for (const via of [undefined, '', '1.1 outrider-abcd', '1.1 other', 'outrider-abc', '1.1 b (outrider-abc)']) {
  test(`Via names others alone: ${JSON.stringify(via)}`, (t) => {
    t.notThrows(() => checkLoop(via, OURS));
  });
}
