import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { Writable } from 'node:stream';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { createApp } from '../../src/app.ts';
import type { App } from '../../src/app.ts';
import { loadConfig } from '../../src/config/load.ts';
import { configFile, run, startProxy } from '../commands/run.ts';
import { fakeClock } from '../helpers/clock.ts';
import type { FakeClock } from '../helpers/clock.ts';
import { until } from '../helpers/http1.ts';
import { httpCall, withDefaults } from '../helpers/outrider.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { watchApp } from '../helpers/watch-app.ts';
import { checkXVerify } from '../profiles/strict.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

const OLD = 'the-old-salt-0123456789';
const NEW = 'the-new-salt-9876543210';
/** Longer than the quiet second with its round of looking. */
const TAKEN_MS = 1_500;
const CALLERS = 8;

const PROVIDER = `profile: phonepe-x-verify
    credentials: { merchant_id: M1, salt_key: "\${file:salt_key}", salt_index: "\${file:salt_index}" }`;

function directory(t: ExecutionContext): string {
  const dir = temporaryDirectory(t);
  return dir;
}

interface Running {
  readonly origin: string;
  readonly simulatorOrigin: string;
  readonly app: App;
  readonly logText: () => string;
}

/** The product as `start` wires it: what the watcher notices goes to the log. The config file lies in `dir`. */
async function start(t: ExecutionContext, dir: string, yaml: string, clock: FakeClock): Promise<Running> {
  const file = path.join(dir, 'proxy.config.yaml');
  fs.writeFileSync(file, withDefaults(yaml));
  let app: App | undefined;
  const { config, diagnostics } = loadConfig(file, {
    env: {},
    clock,
    onNotice: (notice) => app?.events.emit('notice', notice),
  });
  if (!config) throw new Error(diagnostics.map(({ message }) => message).join('\n'));
  let text = '';
  const logStream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  const running = createApp(config, { clock, logStream });
  app = running;
  watchApp(t, { app, config, env: {}, logText: () => text }, async () => {
    const stopped = running.stop({ signal: 'SIGINT' });
    await clock.advance(60_000);
    await stopped;
  });
  const { origin, simulatorOrigin = '' } = await running.start();
  return { origin, simulatorOrigin, app: running, logText: () => text };
}

interface Traffic extends Running {
  readonly clock: FakeClock;
  /** What was wrong with requests and answers so far. */
  readonly wrong: readonly string[];
  /** Resolves when so many more requests have been answered than callers were under way; yields the indexes that they used. */
  readonly indexes: () => Promise<string>;
  readonly end: () => Promise<void>;
}

/** Eight callers that never rest, GET and POST, in front of an upstream to which both pairs are good and no mixture is. */
async function traffic(t: ExecutionContext, dir: string): Promise<Traffic> {
  const clock = fakeClock();
  const used: string[] = [];
  const wrong: string[] = [];
  const upstream = await startUpstream(t, async (arrival) => {
    const { bytes: body } = await arrival.body();
    const { method, target } = arrival;
    const fault = checkXVerify({ method, target, header: (name) => arrival.header(name), body }, '', {
      1: OLD,
      2: NEW,
    });
    if (fault !== undefined) wrong.push(fault);
    used.push(arrival.header('x-verify')?.split('###')[1] ?? '');
    return arrival.reply(fault === undefined ? 200 : 401);
  });
  const running = await start(
    t,
    dir,
    `
providers:
  p:
    ${PROVIDER}
    environment: sandbox
    endpoints: { api: "${upstream.origin}" }
routes: [{ name: p, match: { path: /p }, provider: p }]`,
    clock,
  );
  const agent = new http.Agent({ keepAlive: true, maxSockets: CALLERS });
  t.teardown(() => agent.destroy());
  let isOver = false;
  const callers = Array.from({ length: CALLERS }, async (_, caller) => {
    for (let i = 0; !isOver; i++) {
      const call = caller % 2 === 0 ? {} : { body: JSON.stringify({ caller, i }) };
      const { status, text } = await httpCall(running.origin, `/p/${caller}/${i}`, { agent, ...call });
      if (status !== 200) wrong.push(`${status} ${text}`);
    }
  });
  const end = async (): Promise<void> => {
    isOver = true;
    await Promise.all(callers);
  };
  t.teardown(end);
  return {
    ...running,
    clock,
    wrong,
    end,
    async indexes() {
      const from = used.length + CALLERS;
      await until('traffic', () => used.length >= from + 40, 10_000);
      return [...new Set(used.slice(from))].join();
    },
  };
}

const write = (dir: string, name: string, text: string): void => fs.writeFileSync(path.join(dir, name), `${text}\n`);

for (const order of [
  ['salt_key', 'salt_index'],
  ['salt_index', 'salt_key'],
] as const) {
  test(`a rotated pair (${order[0]} first) is taken over whole, under traffic, with no failed request`, async (t) => {
    const dir = directory(t);
    const next = { salt_key: NEW, salt_index: '2' };
    write(dir, 'salt_key', OLD);
    write(dir, 'salt_index', '1');
    const { clock, indexes, wrong, end, logText } = await traffic(t, dir);
    await clock.advance(10_000);
    t.is(await indexes(), '1');

    write(dir, order[0], next[order[0]]);
    await clock.advance(950);
    t.is(await indexes(), '1', 'half a pair is none');
    write(dir, order[1], next[order[1]]);
    await clock.advance(950);
    t.is(await indexes(), '1', 'a third change might follow');
    await clock.advance(TAKEN_MS - 950);
    t.is(await indexes(), '2');
    await end();
    t.deepEqual(wrong, []);

    const notices = logText()
      .split('\n')
      .filter((line) => line.includes('salt_index'))
      .map((line) => JSON.parse(line) as object);
    const [atStart, rotated] = notices;
    t.is(notices.length, 2, 'one of the pair at the start, one of the pair that was taken over whole');
    t.like(atStart, { level: 'info', provider: 'p', salt_index: '1' });
    t.false(Object.hasOwn(atStart ?? {}, 'changed'));
    t.like(rotated, { level: 'info', provider: 'p', changed: ['salt_key', 'salt_index'], salt_index: '2' });
    t.notRegex(logText(), new RegExp(`${OLD}|${NEW}`));
  });
}

test('a directory of secrets that is swapped by its link, as Kubernetes does, is taken over whole', async (t) => {
  const dir = directory(t);
  for (const [version, salt, index] of [
    ['..v1', OLD, '1'],
    ['..v2', NEW, '2'],
  ] as const) {
    fs.mkdirSync(path.join(dir, version));
    write(dir, `${version}/salt_key`, salt);
    write(dir, `${version}/salt_index`, index);
  }
  fs.symlinkSync('..v1', path.join(dir, '..data'));
  for (const name of ['salt_key', 'salt_index']) fs.symlinkSync(`..data/${name}`, path.join(dir, name));
  const { clock, indexes, wrong, end } = await traffic(t, dir);
  await clock.advance(10_000);
  t.is(await indexes(), '1');
  for (const [version, index] of [
    ['..v2', '2'],
    ['..v1', '1'],
  ] as const) {
    fs.symlinkSync(version, path.join(dir, '..tmp'));
    fs.renameSync(path.join(dir, '..tmp'), path.join(dir, '..data'));
    await clock.advance(2 * TAKEN_MS);
    t.is(await indexes(), index);
  }
  fs.rmSync(path.join(dir, '..v2'), { recursive: true });
  await clock.advance(2 * TAKEN_MS);
  t.is(await indexes(), '1');
  await end();
  t.deepEqual(wrong, []);
});

test('while a file is missing or empty, the old pair serves on, and the log says why', async (t) => {
  const dir = directory(t);
  write(dir, 'salt_key', OLD);
  write(dir, 'salt_index', '1');
  const { clock, indexes, wrong, end, logText } = await traffic(t, dir);
  await clock.advance(10_000);
  fs.rmSync(path.join(dir, 'salt_index'));
  write(dir, 'salt_key', NEW);
  await clock.advance(10_000);
  t.is(await indexes(), '1');
  t.regex(logText(), /"level":"warn".*salt_index.*all old credentials of the provider stay in use/);
  write(dir, 'salt_index', '');
  await clock.advance(10_000);
  t.is(await indexes(), '1');
  t.regex(logText(), /the credential salt_index has become empty/);
  write(dir, 'salt_index', '2');
  await clock.advance(2 * TAKEN_MS);
  t.is(await indexes(), '2');
  await end();
  t.deepEqual(wrong, []);
  t.notRegex(logText(), new RegExp(`${OLD}|${NEW}`));
});

for (const profile of ['phonepe-x-verify', 'phonepe-user']) {
  test(`${profile}: the simulator takes both of its salts, so a rotation costs no call`, async (t) => {
    const dir = directory(t);
    const clock = fakeClock();
    write(dir, 'salt_key', 'first-salt');
    write(dir, 'salt_index', '1');
    const provider = `${PROVIDER.replace('phonepe-x-verify', profile).replace('M1', 'test')}\n    environment: simulator`;
    const yaml = `providers:\n  p:\n    ${provider}\nroutes: [{ name: p, match: { path: /p }, provider: p }]`;
    const { origin, simulatorOrigin } = await start(t, dir, yaml, clock);
    const call = async (user: string): Promise<number> =>
      (await httpCall(origin, '/p/v3/service/userdetails', { headers: ['X-Grant-Token', user] })).status;
    await clock.advance(TAKEN_MS);
    t.is(await call('GRT1'), 200);
    // The simulator's second salt, at the other index.
    write(dir, 'salt_key', 'test2');
    write(dir, 'salt_index', '2');
    await clock.advance(2 * TAKEN_MS);
    t.is(await call('GRT1'), 200);
    t.is(await call('GRT2'), 200);
    write(dir, 'salt_key', 'of-nobody');
    await clock.advance(2 * TAKEN_MS);
    t.is(await call('GRT1'), 401, 'the new salt is really in use');
    const calls = await httpCall(simulatorOrigin, '/_control/calls?provider=p');
    t.like(JSON.parse(calls.text), { api: { ok: 3 } });
  });
}

test('a running process takes a rotated pair, its log and `explain` name the index and never the salt', async (t) => {
  const upstream = await startUpstream(t);
  const { dir, file } = configFile(t, '');
  write(dir, 'salt_key', OLD);
  write(dir, 'salt_index', '1');
  const yaml = `
version: 1
listen: { address: "127.0.0.1:0" }
admin: false
log: { format: json }
timeouts: { lame_duck: 0ms }
providers:
  p:
    ${PROVIDER.replaceAll('{file:', `{file:${dir}/`)}
    environment: sandbox
    endpoints: { api: "${upstream.origin}" }
routes: [{ name: p, match: { path: /p }, provider: p }]`;
  fs.writeFileSync(file, yaml);
  const explained = async (): Promise<string> => {
    const { stdout, code } = await run(t, ['explain', 'GET', '/p/x', '--config', file]);
    t.is(code, 0);
    return stdout;
  };
  const proxy = await startProxy(t, yaml);
  const index = async (): Promise<string | undefined> => {
    t.is((await httpCall(proxy.origin, '/p/x')).status, 200);
    return upstream.requests.at(-1)?.header('x-verify')?.split('###')[1];
  };
  t.is(await index(), '1');
  const [first] = await proxy.says(/.*"salt_index":"1".*/);
  t.like(JSON.parse(first), { level: 'info', provider: 'p' });
  t.regex(await explained(), /x-verify: [0-9a-f]{64}###1$/m);
  write(dir, 'salt_key', NEW);
  write(dir, 'salt_index', '2');
  const [line] = await proxy.says(/.*"salt_index":"2".*/);
  t.like(JSON.parse(line), { level: 'info', provider: 'p', changed: ['salt_key', 'salt_index'] });
  t.is(await index(), '2');
  const shown = await explained();
  t.regex(shown, /x-verify: [0-9a-f]{64}###2$/m);
  proxy.kill('SIGTERM');
  t.is(await proxy.exit, 0);
  t.notRegex(proxy.stdout() + proxy.stderr() + shown, new RegExp(`${OLD}|${NEW}`));
});
