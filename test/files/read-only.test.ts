import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { CLI } from '../commands/run.ts';
import { httpCall } from '../helpers/outrider.ts';
import { canMount, countOf, freshDirectory, mounted, rejectingFirst, startIn } from './place.ts';

const UID = 1000;
const AS_ANOTHER = ['setpriv', `--reuid=${UID}`, `--regid=${UID}`, '--clear-groups'];
const [setpriv = '', ...toAnother] = AS_ANOTHER;
/** The checkout may lie where only root comes. */
const mayRead = spawnSync(setpriv, [...toAnother, process.execPath, CLI, '--version']).status === 0;
const asAnother = process.getuid?.() === 0 && canMount && mayRead ? test : test.skip;

/** A file system on which only what lies below `$1` can be written to, by a user who isn't root. */
const READ_ONLY = `
mount -t tmpfs -o size=16m,mode=700,uid=${UID},gid=${UID} tmpfs "$1"
for place in "$(df --output=target "$2" | tail -n 1)" /; do mount -o remount,ro,bind "$place"; done
! touch "$2/there" 2>/dev/null`;
const WHERE_NOTHING_IS = ['env', '-u', 'HOME', '-u', 'XDG_STATE_HOME', 'TMPDIR=/nonexistent'];
const BODY = 'spooled '.repeat(128 * 1024);

/** What everything that is no setting is taken from: home, temporary directory, a working directory that can be read. */
const bare = (dir: string): readonly string[] => [
  ...mounted(`${READ_ONLY}\nmkdir -m 0 "$1/closed"\ncd "$1/closed"`, path.join(dir, 'rw'), dir),
  ...AS_ANOTHER,
  ...WHERE_NOTHING_IS,
];

asAnother('not root, on a read-only file system: what is set is used, and nothing else is needed', async (t) => {
  const dir = freshDirectory(t);
  const rw = path.join(dir, 'rw');
  fs.mkdirSync(rw);
  const { yaml, upstream } = await rejectingFirst(
    t,
    `replay: { memory: 1KiB, dir: "${rw}" }\nstore: { kind: file, path: "${rw}/tokens" }\nstate_dir: "${rw}/state"\nforward: { mode: intercept }`,
  );
  const trusted = `${yaml.trimEnd()}\n`.replace(
    /^routes:$/m,
    'routes:\n  - { name: trusted, match: { path: /trusted }, upstream: "https://api.test" }',
  );
  const proxy = await startIn(t, dir, trusted, { under: bare(dir) });
  t.is((await httpCall(proxy.origin, '/api/pay', { body: BODY })).status, 200);
  t.is(upstream.requests.length, 2);
  const seen = `/proc/${proxy.pid}/root${rw}`;
  t.deepEqual(fs.readdirSync(seen).toSorted(), ['closed', 'state', 'tokens']);
  for (const name of ['state', 'state/ca-key.pem', 'tokens']) t.is(fs.statSync(path.join(seen, name)).uid, UID, name);
  t.is(countOf(proxy, /"level":"(warn|error)"(?!.*a new local CA was made)/), 0, proxy.stderr());
});

asAnother('not root, with nowhere to write at all: it serves, sends again from memory, and warns once', async (t) => {
  const dir = freshDirectory(t);
  fs.mkdirSync(path.join(dir, 'rw'));
  const { yaml, upstream, tokens } = await rejectingFirst(t, 'replay: { memory: 64KiB }');
  const proxy = await startIn(t, dir, yaml, { under: bare(dir) });
  t.is((await httpCall(proxy.origin, '/api/pay', { body: BODY.slice(0, 32 * 1024) })).status, 200);
  t.is(upstream.requests.length, 2);
  t.is(tokens.calls.length, 2);
  for (let i = 0; i < 3; i++) t.is((await httpCall(proxy.origin, '/api/pay', { body: BODY })).status, 200);
  await proxy.says(/could not be kept in `replay.dir` \(ENOENT\)/);
  t.is(countOf(proxy, /"level":"(warn|error)"/), 1, proxy.stderr());
});
