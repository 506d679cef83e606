import test from 'ava';
import { isRupees, isRupeesText } from '../../src/simulator/read.ts';

for (const [amount, isAmount] of [
  [1, true],
  [10.5, true],
  [10.55, true],
  [0.01, true],
  [0, false],
  [-1, false],
  [0.001, false],
  [10.555, false],
  [Infinity, false],
  [Number.NaN, false],
  ['10', false],
] as const) {
  test(`${String(amount)} of type ${typeof amount} is ${isAmount ? 'an' : 'no'} amount in rupees`, (t) => {
    t.is(isRupees(amount), isAmount);
    if (isAmount) t.true(isRupeesText(String(amount)));
  });
}
