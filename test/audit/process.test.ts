import { spawnSync } from 'node:child_process';
import { createSecretKey, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { launch, run, startProxy } from '../commands/run.ts';
import { until } from '../helpers/http1.ts';
import { httpCall } from '../helpers/outrider.ts';
import { randomFrom } from '../helpers/random.ts';
import { eventsOf, readTrail, trailPath, verify } from './given.ts';

const KEY = randomBytes(32).toString('base64');

/** A provider with a fixed key: each request carries a credential, and no token call is needed. */
async function startProvider(t: ExecutionContext): Promise<string> {
  const body = Buffer.alloc(3_000, 'x');
  const server = http.createServer((_req, res) => {
    // Some answers come whole, some in pieces.
    if (Math.random() < 0.5) res.setHeader('Content-Length', body.length);
    res.write(body.subarray(0, 1_000));
    setImmediate(() => res.end(body.subarray(1_000)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.closeAllConnections() ?? server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const yamlFor = (path: string, upstream: string, more = ''): string => `
version: 1
listen: { address: "127.0.0.1:0" }
admin: { address: "127.0.0.1:0" }
log: { format: json }
timeouts: { lame_duck: 0ms }
audit: { path: "${path}", key: "${KEY}"${more} }
providers: { acme: { profile: bearer, credentials: { token: key-of-the-acme-provider } } }
routes: [{ name: api, match: { path: /api }, provider: acme, upstream: "${upstream}" }]
`;

const key = { key: createSecretKey(KEY, 'base64') };

/** Sends requests, several at a time, until nobody answers. Returns the ids of those whose answer came as a whole. */
async function load(origin: string, prefix: string): Promise<string[]> {
  const agent = new http.Agent({ keepAlive: true });
  const done: string[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (;;) {
      const id = `${prefix}-${next++}`;
      try {
        const { status } = await httpCall(origin, '/api/pay', { agent, headers: ['X-Request-Id', id] });
        if (status === 200) done.push(id);
      } catch {
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  agent.destroy();
  return done;
}

test.serial(
  'killed at any moment, each request whose answer a caller got is in the trail, and it verifies',
  async (t) => {
    t.timeout(120_000);
    const path = trailPath(t);
    const upstream = await startProvider(t);
    const random = randomFrom(Date.now());
    const started = Date.now();
    let answered = 0;
    let torn = 0;
    for (let round = 0; round < 3 || Date.now() - started < 10_000; round++) {
      const proxy = await startProxy(t, yamlFor(path, upstream, `, sync: ${round % 2 === 0 ? '1s' : 'always'}`));
      const loading = load(proxy.origin, `round-${round}`);
      await setTimeout(50 + random() * 300);
      proxy.kill('SIGKILL');
      await proxy.exit;
      const done = await loading;
      const found = await verify(fs.readFileSync(path), key, 65_536);
      t.true(found.isWhole, JSON.stringify(found));
      if (found.isWhole && found.endsTorn) torn++;
      const text = fs.readFileSync(path, 'utf8');
      t.deepEqual(
        done.filter((id) => !text.includes(`"request_id":"${id}"`)),
        [],
      );
      answered += done.length;
    }
    t.true(answered > 0, 'positive control');
    const proxy = await startProxy(t, yamlFor(path, upstream));
    proxy.kill('SIGTERM');
    t.is(await proxy.exit, 0);
    t.like(await verify(fs.readFileSync(path), key, 65_536), { isWhole: true, endsTorn: false, torn });
    t.is(readTrail(path).at(-1)?.event, 'stop');
  },
);

test.serial('a part of a line that a crash left is told at the next start', async (t) => {
  const path = trailPath(t);
  const yaml = yamlFor(path, 'http://127.0.0.1:9');
  const first = await startProxy(t, yaml);
  first.kill('SIGKILL');
  await first.exit;
  fs.truncateSync(path, fs.statSync(path).size - 10);
  const second = await startProxy(t, yaml);
  await second.says(/The last line of the audit trail is torn/);
  second.kill('SIGTERM');
  await second.exit;
  t.like(await verify(fs.readFileSync(path), key), { isWhole: true, torn: 1, endsTorn: false });
});

test.serial('a second process on the same trail is refused, and the first one writes on', async (t) => {
  const path = trailPath(t);
  const upstream = await startProvider(t);
  const proxy = await startProxy(t, yamlFor(path, upstream));
  const second = await run(t, ['start', '--config', proxy.file]);
  t.is(second.code, 1);
  t.regex(second.stderr, new RegExp(`error\\[audit_in_use\\]: the process ${proxy.pid} writes the audit trail`));
  t.regex(second.stderr, /help: stop that process, or set `audit.path` to another file/);
  t.is((await httpCall(proxy.origin, '/api/pay')).status, 200);
  t.is(eventsOf(path, 'start').length, 1);
  t.is(eventsOf(path, 'request').length, 1);
});

test.serial('a process that stood still for long finds that another one writes the trail, and lets it', async (t) => {
  t.timeout(120_000);
  const path = trailPath(t);
  const upstream = await startProvider(t);
  const yaml = yamlFor(path, upstream);
  const first = await startProxy(t, yaml);
  first.kill('SIGSTOP');
  await setTimeout(10_500);
  const second = await startProxy(t, yaml);
  first.kill('SIGCONT');
  await first.says(/Another process has taken over the audit trail/);
  t.is((await httpCall(first.origin, '/api/pay', { headers: ['X-Request-Id', 'late'] })).status, 200);
  t.is((await httpCall(second.origin, '/api/pay', { headers: ['X-Request-Id', 'new'] })).status, 200);
  t.deepEqual(
    eventsOf(path, 'request').map((line) => line['request_id']),
    ['new'],
  );
  t.like(await verify(fs.readFileSync(path), key), { isWhole: true });
});

test.serial('a trail that was renamed goes on in a new file, at once on SIGHUP', async (t) => {
  const path = trailPath(t);
  const upstream = await startProvider(t);
  const proxy = await startProxy(t, yamlFor(path, upstream));
  await httpCall(proxy.origin, '/api/pay');
  fs.renameSync(path, `${path}.1`);
  proxy.kill('SIGHUP');
  const has = (event: string): boolean =>
    fs.existsSync(path) && fs.statSync(path).size > 0 && eventsOf(path, event).length > 0;
  await until('the line of the reload', () => has('reload'), 20_000);
  t.deepEqual(
    readTrail(path).map(({ event }) => event),
    ['begin', 'reload'],
  );
  fs.renameSync(path, `${path}.2`);
  await until('a new file without a signal', () => has('begin'), 20_000);
  for (const [before, after] of [
    [`${path}.1`, `${path}.2`],
    [`${path}.2`, path],
  ] as const) {
    const head = readTrail(after)[0]?.prev;
    t.like(await verify(fs.readFileSync(before), { ...key, head }), { isWhole: true, head });
  }
});

const limited = spawnSync('prlimit', ['--version']).status === 0 ? test.serial : test.serial.skip;

limited('a disk that is full costs lines, and no request; the trail says how many when it goes on', async (t) => {
  const path = trailPath(t);
  const upstream = await startProvider(t);
  const proxy = await startProxy(t, yamlFor(path, upstream));
  const [, admin = ''] = await proxy.says(/^ *admin +(http:\S+)/m);
  const allow = (bytes: string): void => {
    spawnSync('prlimit', ['--pid', String(proxy.pid), `--fsize=${bytes}:unlimited`]);
  };
  await httpCall(proxy.origin, '/api/pay');
  // There is room for a part of a line.
  allow(String(fs.statSync(path).size + 50));
  for (let i = 0; i < 5; i++) t.is((await httpCall(proxy.origin, '/api/pay')).status, 200);
  await proxy.says(/The audit trail has a gap.*EFBIG/);
  t.is(proxy.stderr().split('The audit trail has a gap').length, 2, 'one warning');
  t.is(eventsOf(path, 'request').length, 1);
  t.like(await verify(fs.readFileSync(path), key), { isWhole: true, endsTorn: false });
  t.regex(await (await fetch(`${admin}/metrics`)).text(), /^outrider_audit_gaps_total 5$/m);
  t.like(await (await fetch(`${admin}/api/status`)).json(), { audit: { gaps: 5 } });
  const status = await run(t, ['status', '--admin', admin]);
  t.regex(status.stdout, /^audit .*5 could not be written/m);
  allow('unlimited');
  await until('the line about the gap', () => eventsOf(path, 'gap').length === 1, 20_000);
  await proxy.says(/The audit trail goes on after a gap/);
  await httpCall(proxy.origin, '/api/pay');
  t.is(eventsOf(path, 'gap')[0]?.['lines'], 5);
  t.like(await verify(fs.readFileSync(path), key), { isWhole: true, lost: 5 });
});

test.serial('where the trail can not be kept, nothing starts', async (t) => {
  const path = trailPath(t);
  const yaml = yamlFor(path, 'http://127.0.0.1:9');
  const ask = async (): Promise<string> => {
    const file = join(path, '../proxy.config.yaml');
    fs.writeFileSync(file, yaml);
    const proxy = launch(t, ['start', '--config', file]);
    t.is(await proxy.exit, 1);
    return proxy.stderr();
  };
  fs.writeFileSync(path, '', { mode: 0o644 });
  t.regex(await ask(), /^error\[unsafe_audit\]: .*\n {2}= help: run `chmod go= /);
  fs.chmodSync(path, 0o600);
  fs.writeFileSync(path, 'my notes\n');
  t.regex(await ask(), /^error\[broken_audit\]: .*\n {2}= help: look at it with `outrider audit verify/);
  t.is(fs.readFileSync(path, 'utf8'), 'my notes\n');
});
