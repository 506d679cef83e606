import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { type Outrider, startOutrider } from '../helpers/outrider.ts';
import { until } from '../helpers/http1.ts';
import { begin, freshDirectory, isLinux, openBelow, rejectingFirst, startIn } from './place.ts';

const onLinux = isLinux ? test : test.skip;
/** More than comes together with a head. */
const BODY = 'spooled '.repeat(128 * 1024);

/** How often it was said that a body could not be kept, and why. */
const warnings = (outrider: Outrider, why: RegExp): number =>
  outrider
    .logText()
    .split('\n')
    .filter((line) => line.includes('could not be kept in `replay.dir`') && why.test(line)).length;

for (const [what, plant, isKept] of [
  ['a directory', (link: string, dir: string) => fs.symlinkSync(path.join(dir, 'victims'), link), true],
  ['a file', (link: string, dir: string) => fs.symlinkSync(path.join(dir, 'victims', 'victim'), link), false],
  [
    'a file that is not there',
    (link: string, dir: string) => fs.symlinkSync(path.join(dir, 'victims', 'new'), link),
    false,
  ],
] as const) {
  test(`a link in place of \`replay.dir\` that leads to ${what} overwrites and makes nothing`, async (t) => {
    const dir = freshDirectory(t);
    fs.mkdirSync(path.join(dir, 'victims'));
    const victim = path.join(dir, 'victims', 'victim');
    fs.writeFileSync(victim, 'mine');
    plant(path.join(dir, 'spool'), dir);
    const { yaml, upstream } = await rejectingFirst(t, `replay: { memory: 1KiB, dir: "${dir}/spool" }`);
    const outrider = await startOutrider(t, yaml);
    const { status } = await outrider.call('/api/pay', { body: BODY });
    t.is(status, isKept ? 200 : 401);
    t.is(upstream.requests.length, isKept ? 2 : 1);
    await outrider.logged(1);
    t.is(warnings(outrider, /\((ENOTDIR|ENOENT)\)/), isKept ? 0 : 1);
    t.is(fs.readFileSync(victim, 'utf8'), 'mine');
    t.deepEqual(fs.readdirSync(path.join(dir, 'victims')), ['victim']);
  });
}

onLinux('what is spooled is gone with the process, even when it is killed', async (t) => {
  const dir = freshDirectory(t);
  const spool = path.join(dir, 'spool');
  fs.mkdirSync(spool);
  const { yaml } = await rejectingFirst(t, `replay: { memory: 1KiB, dir: "${spool}" }`);
  const proxy = await startIn(t, dir, yaml);
  const under = Array.from({ length: 10 }, () => begin(proxy.origin, '/api/pay'));
  for (const { req } of under) req.write(BODY);
  await until(
    'ten spool files without names',
    () => openBelow(proxy.pid, spool).length === 10 && fs.readdirSync(spool).length === 0,
  );
  proxy.kill('SIGKILL');
  await proxy.exit;
  for (const { status } of under) await t.throwsAsync(status);
  t.deepEqual(fs.readdirSync(spool), []);
});

test('a spool directory that goes while the proxy runs costs replays, one warning and no request', async (t) => {
  const dir = freshDirectory(t);
  const spool = path.join(dir, 'spool');
  fs.mkdirSync(spool);
  const { yaml, upstream } = await rejectingFirst(t, `replay: { memory: 1KiB, dir: "${spool}" }`);
  const outrider = await startOutrider(t, yaml);
  t.is((await outrider.call('/api/pay', { body: BODY })).status, 200);
  fs.rmdirSync(spool);
  for (let i = 0; i < 5; i++) {
    t.is((await outrider.call('/api/pay', { body: BODY })).status, 200);
  }
  await outrider.logged(6);
  t.is(warnings(outrider, /\(ENOENT\)/), 1);
  t.is(upstream.requests.length, 7);
});
