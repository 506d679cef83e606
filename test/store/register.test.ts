import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { Register } from '../../src/store/register.ts';
import { freshPath } from './shared-helpers.ts';

const DURABLE = { isDurable: true };

test('a version follows the one that was read, and of two that follow the same one is refused', async (t) => {
  const register = new Register(freshPath(t), DURABLE);
  const empty = await register.read();
  t.like(empty, { version: 0, text: '' });
  t.true(await register.write(empty, 'first'));
  t.false(await register.write(empty, 'also first'));
  const first = await register.read();
  t.like(first, { version: 1, text: 'first' });
  const written = await Promise.all(['a', 'b', 'c', 'd'].map((text) => register.write(first, text)));
  t.is(written.filter(Boolean).length, 1);
  t.is((await register.read()).text, 'abcd'.charAt(written.indexOf(true)));
});

test('who stood still until others had cleared its number away is late, and changes nothing', async (t) => {
  const directory = freshPath(t);
  const register = new Register(directory, DURABLE);
  const before = { ...(await register.read()), readAt: performance.now() - 120_000 };
  for (const text of ['1', '2', '3', '4']) t.true(await register.write(await register.read(), text));
  const longAgo = Date.now() / 1000 - 90;
  for (const version of ['1', '2', '3']) fs.utimesSync(path.join(directory, version), longAgo, longAgo);
  t.true(await register.write(await register.read(), '5'));
  t.deepEqual(fs.readdirSync(directory).toSorted(), ['4', '5'], 'the number 1 is free again');
  t.false(await register.write(before, 'late'));
  t.like(await register.read(), { version: 5, text: '5' });
  t.deepEqual(fs.readdirSync(directory).toSorted(), ['4', '5']);
});

test('a version that was never finished is not one', async (t) => {
  const directory = freshPath(t);
  const register = new Register(directory, DURABLE);
  await register.write(await register.read(), 'whole');
  fs.writeFileSync(path.join(directory, '.5d1b2f30-left-behind'), 'ha');
  fs.writeFileSync(path.join(directory, '02'), 'no version');
  t.like(await register.read(), { version: 1, text: 'whole' });
});
