import { hash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../src/core/clock.ts';
import { FileBacking } from '../../src/store/file.ts';
import { StoreRefusal } from '../../src/store/refusal.ts';
import { MAX_SEEN, RETAINED_MS } from '../../src/store/store.ts';
import { fakeClock } from '../helpers/clock.ts';
import { until } from '../helpers/http1.ts';
import { digest, lockOf, record, storeContract } from './contract.ts';
import { createCodec } from '../../src/store/seal.ts';
import { fileConfig, freshPath, KEY, OLD_KEY, open } from './shared-helpers.ts';

for (const [name, encryption] of [
  ['file', undefined],
  ['encrypted file', { key: KEY, oldKeys: [] }],
] as const) {
  storeContract(test, name, async (t, clock) => {
    const config = fileConfig(freshPath(t), { encryption });
    const [ours, theirs] = await Promise.all([open(t, config, clock), open(t, config, clock)]);
    return { ours: ours.store, theirs: theirs.store };
  });
}

const PROCESS = fileURLToPath(new URL('process.ts', import.meta.url));

interface Child {
  readonly lines: string[];
  kill(): Promise<void>;
  readonly exit: Promise<unknown>;
}

function run(t: ExecutionContext, directory: string, work: 'increment' | 'lock', count = 1): Child {
  const child = spawn(process.execPath, [PROCESS, directory, work, String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const lines: string[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
  });
  const exit = once(child, 'close');
  return {
    lines,
    exit,
    async kill() {
      child.kill('SIGKILL');
      await exit;
    },
  };
}

/** Everything below a directory with its mode. */
function modes(directory: string): Map<string, string> {
  const names = ['', ...(fs.readdirSync(directory, { recursive: true }) as string[])];
  return new Map(names.map((name) => [name, (fs.lstatSync(path.join(directory, name)).mode & 0o7777).toString(8)]));
}

test('the directory is for its owner alone, and so is all within it', async (t) => {
  const directory = freshPath(t);
  const clock = fakeClock();
  const { store } = await open(t, fileConfig(directory), clock);
  await store.compareAndSet('pincode@0/a', 0, record(clock, 1));
  lockOf(t, await store.lock('pincode@0/a'));
  const found = modes(directory);
  t.true(found.size >= 5);
  for (const [name, mode] of found) t.is(mode, /(^|\/)\d+$/.test(name) ? '600' : '700', name);
});

for (const [what, loosen] of [
  ['a directory that others may enter', (directory: string) => fs.chmodSync(directory, 0o755)],
  [
    'a record that others may read',
    (directory: string) => fs.chmodSync(path.join(directory, 'pincode.record', '1'), 0o640),
  ],
] as const) {
  test(`${what} is refused, with a remedy`, async (t) => {
    const directory = freshPath(t);
    const clock = fakeClock();
    const { store } = await open(t, fileConfig(directory), clock);
    await store.compareAndSet('pincode', 0, record(clock, 1));
    await store.close();
    loosen(directory);
    const error = await t.throwsAsync(open(t, fileConfig(directory), clock), { instanceOf: StoreRefusal });
    t.is(error.code, 'unsafe_store');
    t.regex(error.message, /mode 0(755|640)/);
    const [, command = '', file = ''] = /`(chmod \S+ \S+) (\S+)`/.exec(error.help) ?? [];
    t.is(command, 'chmod -R go=');
    fs.chmodSync(file, fs.statSync(file).mode & 0o7700);
    await t.notThrowsAsync(open(t, fileConfig(directory), clock), 'the remedy helps');
  });
}

test('a place where no directory can be is refused', async (t) => {
  const directory = freshPath(t);
  fs.writeFileSync(directory, 'a file');
  for (const place of [directory, path.join(directory, 'below')]) {
    // oxlint-disable-next-line no-await-in-loop
    const error = await t.throwsAsync(open(t, fileConfig(place), fakeClock()), { instanceOf: StoreRefusal });
    t.is(error.code, 'unusable_store');
    t.regex(error.message, /ENOTDIR|EEXIST/);
  }
});

test('a lock whose owner stands still is free when the lease is over, and the owner learns that it is', async (t) => {
  const config = fileConfig(freshPath(t));
  const [still, moving] = [fakeClock(), fakeClock()];
  const { store: owner } = await open(t, config, still);
  const { store: other } = await open(t, config, moving);
  const lock = lockOf(t, await owner.lock('pincode'));
  await moving.advance(14_999);
  t.is((await other.lock('pincode')).state, 'taken');
  await moving.advance(1);
  const second = lockOf(t, await other.lock('pincode'));
  await still.advance(5_000);
  await until('the owner knows', () => !lock.isHeld);
  await lock.release();
  t.true(second.isHeld);
  t.is((await owner.lock('pincode')).state, 'taken');
});

test('a lock whose owner lives is extended for as long as it takes', async (t) => {
  const directory = freshPath(t);
  const time = fakeClock();
  let armed = 0;
  const clock = { ...time, after: (ms: number, fn: () => void) => (armed++, time.after(ms, fn)) };
  const { store: owner } = await open(t, fileConfig(directory), clock);
  const { store: other } = await open(t, fileConfig(directory), time);
  const lock = lockOf(t, await owner.lock('pincode'));
  for (let third = 0; third < 9; third++) {
    const before = armed;
    // oxlint-disable-next-line no-await-in-loop
    await time.advance(5_000);
    // oxlint-disable-next-line no-await-in-loop
    await until('the lease is extended, and the next time is set', () => armed > before);
    // oxlint-disable-next-line no-await-in-loop
    t.is((await other.lock('pincode')).state, 'taken');
  }
  t.true(lock.isHeld);
});

test('a lease from before the clock was set back does not last until the clock is there again', async (t) => {
  const config = fileConfig(freshPath(t));
  const { store: before } = await open(t, config, fakeClock());
  lockOf(t, await before.lock('pincode'));
  const { store: after } = await open(t, config, fakeClock(Date.UTC(2026, 0, 1) - 3_600_000));
  t.is((await after.lock('pincode')).state, 'got');
});

test('a lock whose owner was killed is free at once', async (t) => {
  const directory = freshPath(t);
  const { store } = await open(t, fileConfig(directory, { leaseMs: 60_000 }), systemClock);
  const child = run(t, directory, 'lock');
  await until('the other process has the lock', () => child.lines[0] === 'got', 10_000);
  t.is((await store.lock('pincode')).state, 'taken');
  await child.kill();
  t.is((await store.lock('pincode')).state, 'got');
});

test('two processes that count up together miss nothing and count nothing twice', async (t) => {
  const directory = freshPath(t);
  const children = [run(t, directory, 'increment', 40), run(t, directory, 'increment', 40)];
  await Promise.all(children.map(({ exit }) => exit));
  const all = children.flatMap(({ lines }) => lines.map(Number)).toSorted((a, b) => a - b);
  t.deepEqual(
    all,
    Array.from({ length: 80 }, (_, i) => i + 1),
  );
  const { store } = await open(t, fileConfig(directory), systemClock);
  t.is((await store.get('pincode'))?.generation, 80);
});

test('kill -9 at any moment leaves the old record or the new one, whole', async (t) => {
  const directory = freshPath(t);
  const { store, notices } = await open(t, fileConfig(directory), systemClock);
  let latest = 0;
  for (let round = 0; round < 12; round++) {
    const child = run(t, directory, 'increment', 1_000_000);
    // oxlint-disable-next-line no-await-in-loop
    await until('it writes', () => child.lines.length > round % 4, 10_000);
    // oxlint-disable-next-line no-await-in-loop
    await child.kill();
    const said = Number(child.lines.at(-1));
    // oxlint-disable-next-line no-await-in-loop
    const found = await store.get('pincode');
    const generation = found?.generation ?? 0;
    t.true(generation >= said && generation > latest, `${generation} after ${said}`);
    t.is(found?.accessToken, `${generation}:`.padEnd(20_000, String(generation)));
    latest = generation;
  }
  t.deepEqual(notices, []);
});

test('a file that is damaged counts as absent, is told, and gives way to a new record', async (t) => {
  const directory = freshPath(t);
  const clock = fakeClock();
  const { store, notices } = await open(t, fileConfig(directory), clock);
  await store.compareAndSet('pincode', 0, record(clock, 1));
  const file = path.join(directory, 'pincode.record', '1');
  const whole = fs.readFileSync(file, 'utf8');
  fs.writeFileSync(file, whole.replace('token-1', 'token\\n1'));
  t.like(await store.get('pincode'), { generation: 1, accessToken: '', expiresAtMs: 0 });
  t.is(notices[0]?.level, 'warn');
  t.regex(notices[0]?.message ?? '', /counts as absent: it is no token record/);
  t.true(await store.compareAndSet('pincode', 1, record(clock, 2)));
  t.is((await store.get('pincode'))?.accessToken, 'token-2');
  fs.writeFileSync(path.join(directory, 'pincode.record', '2'), whole.slice(0, 20));
  t.is(await store.get('pincode'), undefined);
  t.true(await store.compareAndSet('pincode', 0, record(clock, 3)));
  t.is((await store.get('pincode'))?.generation, 3);
});

test('a record under a key that is not known is not used, and its generation goes on', async (t) => {
  const directory = freshPath(t);
  const clock = fakeClock();
  const before = await open(t, fileConfig(directory, { encryption: { key: OLD_KEY, oldKeys: [] } }), clock);
  await before.store.compareAndSet('pincode', 0, record(clock, 5));
  const { store, notices } = await open(t, fileConfig(directory, { encryption: { key: KEY, oldKeys: [] } }), clock);
  t.like(await store.get('pincode'), { generation: 5, accessToken: '', expiresAtMs: 0 });
  t.regex(notices[0]?.message ?? '', /key that is not known/);
  t.deepEqual(notices[0]?.fields, { store: 'file', key: 'pincode' });
  t.true(await store.compareAndSet('pincode', 5, record(clock, 6)));
  const both = await open(t, fileConfig(directory, { encryption: { key: OLD_KEY, oldKeys: [KEY] } }), clock);
  t.is((await both.store.get('pincode'))?.accessToken, 'token-6');
});

test('what expired long ago is cleared away, and what killed processes left behind', async (t) => {
  const directory = freshPath(t);
  const clock = fakeClock();
  const { store } = await open(t, fileConfig(directory), clock);
  await store.compareAndSet('old', 0, record(clock, 1, 1_000));
  await store.compareAndSet('new', 0, record(clock, 1, 24 * 3_600_000));
  await store.compareAndSet('removed', 0, record(clock, 1));
  await store.delete('removed');
  const left = path.join(directory, 'new.record', '.left-behind');
  fs.writeFileSync(left, 'half a rec', { mode: 0o600 });
  fs.utimesSync(left, 1, 1);
  await clock.advance(RETAINED_MS + 2_000);
  const { store: later } = await open(t, fileConfig(directory), clock);
  await until('it is tidy', () => fs.readdirSync(directory).join() === 'new.record' && !fs.existsSync(left));
  t.is((await later.get('new'))?.generation, 1);
  t.is(await later.get('old'), undefined);
});

test('a directory that goes away costs a warning; when it is back everything goes on', async (t) => {
  const directory = freshPath(t);
  const clock = fakeClock();
  const { store, notices, health } = await open(t, fileConfig(directory), clock);
  await store.compareAndSet('pincode', 0, record(clock, 1));
  const news: string[] = [];
  store.watch('pincode', (what) => news.push(what));
  fs.renameSync(directory, `${directory}.away`);
  fs.writeFileSync(directory, '');
  await t.throwsAsync(async () => store.get('pincode'));
  t.is((await store.lock('pincode')).state, 'down');
  t.like(notices.at(-1), { level: 'warn', fields: { store: 'file', cause: 'ENOTDIR' } });
  fs.rmSync(directory);
  fs.renameSync(`${directory}.away`, directory);
  await until('it is back', () => news.includes('returned'));
  t.is((await store.get('pincode'))?.generation, 1);
  t.deepEqual(
    health.map(({ isUp }) => isUp),
    [true, false, true],
  );
  t.is(notices.at(-1)?.level, 'info');
});

const plain = createCodec(undefined, () => undefined);

test('file: callbacks survive the process, and are forgotten when their window is over', async (t) => {
  const clock = fakeClock();
  const directory = freshPath(t);
  const before = await open(t, fileConfig(directory), clock);
  await before.store.markSeen('payu', digest('a'), 60_000);
  await before.store.close();
  const after = await open(t, fileConfig(directory), clock);
  t.is(await after.store.timesSeen('payu', digest('a')), 1);
  await clock.advance(60_000);
  t.is(await after.store.timesSeen('payu', digest('a')), 0);
});

test('file: of the callbacks in one register the oldest are forgotten', async (t) => {
  const backing = new FileBacking(freshPath(t), fakeClock(), plain);
  await backing.open({ changed: () => undefined, lost: () => undefined, found: () => undefined });
  t.teardown(() => backing.close());
  const most = Math.floor(MAX_SEEN / 256);
  // Ids whose digests begin alike share a register.
  const ids = Array.from({ length: 200_000 }, (_, i) => digest(String(i))).filter((id) => registerOf(id) === '00');
  t.true(ids.length > most + 5);
  for (const id of ids.slice(0, most + 5)) {
    // oxlint-disable-next-line no-await-in-loop
    await backing.markSeen('payu', id, 60_000);
  }
  t.is(await backing.timesSeen('payu', ids[0] as string), 0);
  t.is(await backing.timesSeen('payu', ids[most + 4] as string), 1);
  t.is(await backing.timesSeen('payu', ids[6] as string), 1);
});

const registerOf = (id: string): string => hash('sha256', id).slice(0, 2);

test('file: what is left of callbacks is swept away, and nothing that is still used', async (t) => {
  const clock = fakeClock();
  const directory = freshPath(t);
  const backing = new FileBacking(directory, clock, plain);
  await backing.open({ changed: () => undefined, lost: () => undefined, found: () => undefined });
  t.teardown(() => backing.close());
  await backing.markSeen('payu', digest('over'), 1_000);
  await backing.markSeen('payu', digest('remembered'), 60_000);
  t.true(await backing.take(`callback/payu/${digest('over')}`, 'me', 1_000));
  t.true(await backing.take(`callback/payu/${digest('held')}`, 'me', 60_000));
  t.true(await backing.take('phonepe@1', 'me', 1_000));
  await clock.advance(2_000);
  const anHourAgo = new Date(Date.now() - 3_600_000);
  for (const name of fs.readdirSync(directory)) fs.utimesSync(path.join(directory, name), anHourAgo, anHourAgo);
  await backing.sweep();
  const left = fs.readdirSync(directory).toSorted();
  t.is(left.length, 3, left.join(' '));
  t.is(await backing.timesSeen('payu', digest('remembered')), 1);
  t.false(await backing.take(`callback/payu/${digest('held')}`, 'you', 1_000));
  t.true(left.some((name) => name.startsWith('phonepe')));
});
