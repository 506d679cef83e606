import fs from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import { httpCall } from '../helpers/outrider.ts';
import { canMount, countOf, freshDirectory, mounted, rejectingFirst, startIn } from './place.ts';

const onTinyDisk = canMount ? test : test.skip;
const BODY = 'spooled '.repeat(128 * 1024);
const TINY_DISK = 'mount -t tmpfs -o size=64k,mode=700 tmpfs "$1"';

onTinyDisk('a full disk below the spool costs replays, one warning and no request', async (t) => {
  const dir = freshDirectory(t);
  const spool = path.join(dir, 'spool');
  fs.mkdirSync(spool);
  const { yaml, upstream } = await rejectingFirst(t, `replay: { memory: 1KiB, dir: "${spool}" }`);
  const proxy = await startIn(t, dir, yaml, { under: mounted(TINY_DISK, spool) });
  const first = await httpCall(proxy.origin, '/api/pay', { body: BODY });
  t.is(first.status, 401);
  t.is((await upstream.request(1)).bodyLength, BODY.length);
  await proxy.says(/could not be kept in `replay.dir` \(ENOSPC\)/);
  await proxy.says(/"message":"token renewed".*"reason":"rejected"/);
  for (let i = 0; i < 5; i++) {
    t.is((await httpCall(proxy.origin, '/api/pay', { body: BODY })).status, 200);
  }
  t.is(countOf(proxy, 'could not be kept'), 1);
  t.is(upstream.requests.length, 6);
  // What was given up is off the disk: what is small enough for it is kept again.
  t.is(fs.readdirSync(`/proc/${proxy.pid}/root${spool}`).length, 0);
});

onTinyDisk('a full disk below the file store costs one warning: the token is used from memory', async (t) => {
  const dir = freshDirectory(t);
  const store = path.join(dir, 'tokens');
  fs.mkdirSync(store, { mode: 0o700 });
  const { yaml, tokens } = await rejectingFirst(t, `store: { kind: file, path: "${store}" }`);
  const filled = `${TINY_DISK}\ndd if=/dev/zero of="$1/ballast" bs=1k count=64 status=none\nchmod 600 "$1/ballast"`;
  const proxy = await startIn(t, dir, yaml, { under: mounted(filled, store) });
  for (let i = 0; i < 5; i++) t.is((await httpCall(proxy.origin, '/api/pay', { body: '{}' })).status, 200);
  t.is(tokens.calls.length, 2);
  await proxy.says(/The token store does not work.*ENOSPC/);
  t.is(countOf(proxy, 'The token store does not work'), 1);
  // Longer than it takes to look whether it works again.
  await setTimeout(1_500);
  t.is(countOf(proxy, /token store/i), 1, proxy.stderr());
  // Once there is room it is used again, by whoever shares it, too.
  fs.rmSync(`/proc/${proxy.pid}/root${store}/ballast`);
  await proxy.says(/token store works again/);
});
