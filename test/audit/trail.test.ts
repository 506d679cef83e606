import fs from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { AuditRefusal } from '../../src/observe/audit/refusal.ts';
import { isLinux, openBelow } from '../files/place.ts';
import { makeTrail, newKey, openTrail, readTrail, trailPath, verify } from './given.ts';

const refused = (code: AuditRefusal['code']) => ({ instanceOf: AuditRefusal, code });

test('the file and its directory are made for this user alone', async (t) => {
  const path = join(dirname(trailPath(t)), 'new', 'audit.jsonl');
  const { trail } = openTrail(path);
  trail.append('start', {});
  await trail.close();
  t.is(fs.statSync(path).mode & 0o777, 0o600);
  t.is(fs.statSync(dirname(path)).mode & 0o777, 0o700);
});

test('a trail that others may read or replace is refused', async (t) => {
  const path = trailPath(t);
  await makeTrail(path, 3);
  for (const mode of [0o640, 0o604, 0o622]) {
    fs.chmodSync(path, mode);
    const error = t.throws(() => openTrail(path), refused('unsafe_audit'));
    t.regex(error?.help ?? '', /chmod go= /);
  }
  fs.chmodSync(path, 0o600);
  fs.chmodSync(dirname(path), 0o770);
  const error = t.throws(() => openTrail(path), refused('unsafe_audit'));
  t.regex(error?.help ?? '', /chmod go-w /);
  fs.chmodSync(dirname(path), 0o755);
  t.notThrows(() => openTrail(path));
});

test('what is no trail is not written to', async (t) => {
  const path = trailPath(t);
  for (const text of ['hello', 'hello\n', '{"a":1}\n{"b":2}\n', 'a: b\n{"seq":']) {
    fs.writeFileSync(path, text, { mode: 0o600 });
    const error = t.throws(() => openTrail(path), refused('broken_audit'), text);
    t.regex(error?.help ?? '', /outrider audit verify/);
    t.is(fs.readFileSync(path, 'utf8'), text);
  }
  fs.rmSync(path);
  const target = join(dirname(path), 'target');
  fs.writeFileSync(target, '');
  fs.symlinkSync(target, path);
  t.regex(t.throws(() => openTrail(path), refused('unsafe_audit'))?.message ?? '', /symbolic link/);
  fs.rmSync(path);
  fs.mkdirSync(path, { mode: 0o700 });
  t.throws(() => openTrail(path), refused('unusable_audit'));
});

test('a trail of another key is not gone on with', async (t) => {
  const path = trailPath(t);
  const key = newKey();
  await makeTrail(path, 3, key);
  for (const other of [newKey(), undefined]) t.throws(() => openTrail(path, other), refused('audit_other_key'));
  t.notThrows(() => openTrail(path, key));
  const plain = join(dirname(path), 'plain.jsonl');
  await makeTrail(plain, 3);
  t.throws(() => openTrail(plain, key), refused('audit_other_key'));
});

test('a file that was moved away is followed by one that begins with its head', async (t) => {
  const path = trailPath(t);
  const key = newKey();
  const { trail, said } = openTrail(path, key);
  trail.append('start', {});
  trail.look();
  t.deepEqual(said, [], 'it is where it was');
  const { head } = trail;
  fs.renameSync(path, `${path}.1`);
  trail.append('request', { late: true });
  const last = trail.head;
  trail.look();
  trail.append('request', {});
  await trail.close();
  if (isLinux) t.deepEqual(openBelow(process.pid, dirname(path)), [], 'the one before is closed too');
  t.deepEqual(said, ['begun']);
  t.is(fs.statSync(path).mode & 0o777, 0o600);
  t.deepEqual(
    readTrail(path).map(({ seq, event }) => [seq, event]),
    [
      [4, 'begin'],
      [5, 'request'],
    ],
  );
  t.is(readTrail(path)[0]?.prev, last);
  const before = fs.readFileSync(`${path}.1`);
  t.like(await verify(before, { key, head: last }), { isWhole: true, lines: 3, headLine: 3 });
  t.like(await verify(before, { key, head }), { isWhole: true, headLine: 2 });
  t.like(await verify(fs.readFileSync(path), { key, head: last }), { isWhole: true, follows: last, headLine: 0 });
});

test('a file that logrotate made in its place is used, if nobody else may read it', async (t) => {
  const path = trailPath(t);
  const { trail, said } = openTrail(path);
  trail.append('start', {});
  fs.renameSync(path, `${path}.1`);
  fs.writeFileSync(path, '', { mode: 0o644 });
  trail.look();
  trail.append('request', {});
  t.regex(said.join(), /not begun.*open to other users/);
  t.is(readTrail(`${path}.1`).at(-1)?.event, 'request');
  fs.writeFileSync(path, 'something\n');
  fs.chmodSync(path, 0o600);
  trail.look();
  t.regex(said.join(), /is not empty/);
  fs.truncateSync(path);
  trail.look();
  trail.append('request', {});
  await trail.close();
  t.is(said.at(-1), 'begun');
  t.deepEqual(
    readTrail(path).map(({ event }) => event),
    ['begin', 'request'],
  );
});

test('a file that was emptied in its place begins anew with the head before', async (t) => {
  const path = trailPath(t);
  const { trail } = openTrail(path);
  trail.append('start', {});
  const { head } = trail;
  fs.truncateSync(path);
  trail.look();
  trail.append('request', {});
  await trail.close();
  t.like(await verify(fs.readFileSync(path)), { isWhole: true, lines: 2, firstSeq: 3, follows: head });
});
