import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { macKey } from '../../src/observe/audit/line.ts';
import { Secret } from '../../src/core/secret.ts';
import { configFile, run } from '../commands/run.ts';
import { keepSecret } from '../helpers/canary.ts';
import { linesOf, makeTrail, readTrail, trailPath } from './given.ts';

const KEY = randomBytes(32).toString('base64');
const ENV = { OUTRIDER_AUDIT_KEY: KEY };
keepSecret('the key of the trail', KEY);

test('a whole trail is told as such, with its head', async (t) => {
  const path = trailPath(t);
  await makeTrail(path, 4);
  const { code, stdout, stderr } = await run(t, ['audit', 'verify', path]);
  t.deepEqual([code, stderr], [0, '']);
  t.regex(stdout, /is whole: 4 lines\n/);
  t.regex(stdout, /^hmac +none: whoever may write the file could have written it anew$/m);
  const [, head = ''] = /^head +([0-9a-f]{64})$/m.exec(stdout) ?? [];
  const asked = await run(t, ['audit', 'verify', path, '--head', head.toUpperCase(), '--json']);
  t.like(JSON.parse(asked.stdout), { file: path, lines: 4, first: 1, last: 4, head, asked_line: 4, follows: null });
});

test('a broken trail is told by the number of its line, and the exit code is 1', async (t) => {
  const path = trailPath(t);
  await makeTrail(path, 5);
  fs.writeFileSync(path, linesOf(path).toSpliced(2, 1).join('\n') + '\n');
  const { code, stdout, stderr } = await run(t, ['audit', 'verify', path, '--json']);
  t.is(code, 1);
  t.like(JSON.parse(stdout), { line: 3, error: { code: 'broken_audit' } });
  t.regex(stderr, /^error\[broken_audit\]: .*: line 3 has the number 4 in place of 3: 1 line is missing before it/);
});

test('a cut end is told against a head', async (t) => {
  const path = trailPath(t);
  await makeTrail(path, 5);
  const head = readTrail(path)[4]?.prev ?? '';
  fs.writeFileSync(path, linesOf(path).slice(0, 3).join('\n') + '\n');
  t.is((await run(t, ['audit', 'verify', path])).code, 0);
  const { code, stderr } = await run(t, ['audit', 'verify', path, '--head', head]);
  t.is(code, 1);
  t.regex(stderr, /line 4 is missing: no line has that head/);
});

test('the key comes from the environment or the config, and without one its lack is told', async (t) => {
  const path = trailPath(t);
  await makeTrail(path, 4, macKey(new Secret(KEY)));
  const keyFile = join(dirname(path), 'key');
  fs.writeFileSync(keyFile, `${KEY}\n`, { mode: 0o600 });
  const { file } = configFile(t, `audit: { path: "${path}", key: "\${file:${keyFile}}" }\nroutes: []\n`);
  for (const [args, options] of [
    [['--config', file], {}],
    [[], { env: ENV }],
  ] as const) {
    const { code, stdout } = await run(t, ['audit', 'verify', path, ...args], options);
    t.is(code, 0);
    t.regex(stdout, /^hmac +each line has been written with this key$/m);
  }
  const without = await run(t, ['audit', 'verify', path]);
  t.is(without.code, 0);
  t.regex(without.stderr, /^warning: the HMACs were not checked\n/);
  const other = await run(t, ['audit', 'verify', path], {
    env: { OUTRIDER_AUDIT_KEY: randomBytes(32).toString('base64') },
  });
  t.is(other.code, 1);
  t.regex(other.stderr, /line 1 was changed or inserted, or written with another key/);
});

test('what is wrong with the call is told', async (t) => {
  const path = trailPath(t);
  const missing = await run(t, ['audit', 'verify', path]);
  t.is(missing.code, 1);
  t.regex(missing.stderr, /^error\[unreadable_audit\]: .* can't be read: ENOENT/);
  t.regex((await run(t, ['audit', 'verify', dirname(path)])).stderr, /^error\[unreadable_audit\]: .*EISDIR/);
  const short = await run(t, ['audit', 'verify', path], { env: { OUTRIDER_AUDIT_KEY: 'too-short-a-key' } });
  t.is(short.code, 1);
  t.regex(short.stderr, /^error\[bad_audit_key\]: /);
  const head = await run(t, ['audit', 'verify', path, '--head', 'abc']);
  t.is(head.code, 2);
  t.regex(head.stderr, /It is 64 hex digits/);
});
