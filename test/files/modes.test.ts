import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { until } from '../helpers/http1.ts';
import { begin, freshDirectory, isLinux, openBelow, shell, startIn, wrongModes } from './place.ts';

const onLinux = isLinux ? test : test.skip;

for (const umask of ['000', '077']) {
  onLinux(`under umask ${umask} everything that is written is for its owner alone`, async (t) => {
    const dir = freshDirectory(t);
    const spool = path.join(dir, 'spool');
    fs.mkdirSync(spool);
    const proxy = await startIn(
      t,
      dir,
      `
listen: { address: "unix:${dir}/proxy.sock" }
admin: { address: "unix:${dir}/admin.sock" }
store: { kind: file, path: "${dir}/made/tokens" }
state_dir: "${dir}/state"
audit: { path: "${dir}/trail/audit.jsonl" }
forward: { mode: intercept }
replay: { memory: 1KiB, dir: "${spool}" }
providers: { phonepe: { profile: phonepe, environment: simulator } }
routes:
  - { name: pay, match: { path: /pay }, provider: phonepe }
  - { name: trusted, match: { path: /trusted }, provider: null, upstream: "https://api.test" }
`,
      { under: shell(`umask ${umask}`) },
    );
    // Of a request that carries a token: no other is ever sent again.
    const kept = begin(proxy.origin, '/pay');
    kept.req.write(Buffer.alloc(64 * 1024));
    // In this order: the file has a name for a moment before it is open and has none.
    await until(
      'a spool file without a name',
      () => openBelow(proxy.pid, spool).length === 1 && fs.readdirSync(spool).length === 0,
    );
    const [file = ''] = openBelow(proxy.pid, spool);
    const { mode, nlink } = fs.statSync(file);
    t.is(mode & 0o777, 0o600);
    t.is(nlink, 0);
    kept.req.end();
    t.is(await kept.status, 404, "the simulator's answer");

    const paid = begin(proxy.origin, '/pay/checkout/v2/pay');
    paid.req.end('{}');
    await paid.status;
    await until('a record', () => fs.readdirSync(`${dir}/made/tokens`).some((name) => name.endsWith('.record')));
    t.true(fs.existsSync(`${dir}/state/ca-key.pem`));
    t.true(fs.existsSync(`${dir}/trail/audit.jsonl`));
    t.true(fs.lstatSync(`${dir}/admin.sock`).isSocket() && fs.lstatSync(`${dir}/proxy.sock`).isSocket());
    // What the test itself made goes.
    fs.rmdirSync(spool);
    fs.rmSync(`${dir}/proxy.config.yaml`);
    fs.chmodSync(dir, 0o700);
    t.deepEqual(wrongModes(dir), []);
  });
}
