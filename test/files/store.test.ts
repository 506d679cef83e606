import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { StoreRefusal } from '../../src/store/refusal.ts';
import { fakeClock } from '../helpers/clock.ts';
import { fileConfig, freshPath, open } from '../store/shared-helpers.ts';
import { record } from '../store/contract.ts';

const KEY = 'pincode';

test('a link as the store directory, to one that others may enter, is refused', async (t) => {
  const directory = freshPath(t);
  const target = `${directory}-target`;
  fs.mkdirSync(target, { mode: 0o755 });
  fs.symlinkSync(target, directory);
  const error = await t.throwsAsync(open(t, fileConfig(directory), fakeClock()), { instanceOf: StoreRefusal });
  t.is(error?.code, 'unsafe_store');
  t.deepEqual(fs.readdirSync(target), []);
});

test('a link as the store directory that leads nowhere is refused, and nothing is made there', async (t) => {
  const directory = freshPath(t);
  fs.symlinkSync(`${directory}-target`, directory);
  const error = await t.throwsAsync(open(t, fileConfig(directory), fakeClock()), { instanceOf: StoreRefusal });
  t.is(error?.code, 'unusable_store');
  t.false(fs.existsSync(`${directory}-target`));
});

for (const [what, at] of [
  ['a record', `${KEY}.record`],
  ['a version of a record', `${KEY}.record/2`],
  ['a lock', `${KEY}.lock`],
] as const) {
  test(`a link in place of ${what} is refused by name, and what it leads to stays`, async (t) => {
    const directory = freshPath(t);
    const clock = fakeClock();
    const first = await open(t, fileConfig(directory), clock);
    await first.store.compareAndSet(KEY, 0, record(clock, 1));
    await first.store.close();
    const victim = `${directory}-victim`;
    fs.mkdirSync(victim, { mode: 0o700 });
    const link = path.join(directory, at);
    fs.rmSync(link, { recursive: true, force: true });
    fs.symlinkSync(victim, link);
    const error = await t.throwsAsync(open(t, fileConfig(directory), fakeClock()), { instanceOf: StoreRefusal });
    t.is(error?.code, 'unsafe_store');
    t.regex(error?.message ?? '', /symbolic link/);
    t.true(error?.message.includes(link));
    t.deepEqual(fs.readdirSync(victim), []);
  });
}
