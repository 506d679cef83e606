import fs from 'node:fs';
import path from 'node:path';
import { Writable } from 'node:stream';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { createApp } from '../../src/app.ts';
import type { App, Started } from '../../src/app.ts';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { NoticeRecord } from '../../src/core/events.ts';
import { fakeClock } from '../helpers/clock.ts';
import type { FakeClock } from '../helpers/clock.ts';
import { httpCall, withDefaults } from '../helpers/outrider.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { watchApp } from '../helpers/watch-app.ts';
import { checkXVerify } from '../profiles/strict.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

const OLD = 'the-old-salt-0123456789';
const NEW = 'the-new-salt-9876543210';
/** Longer than the quiet second with its round of looking. */
const TAKEN_MS = 1_500;

interface Running {
  readonly started: Started;
  readonly clock: FakeClock;
  readonly write: (name: string, text: string) => void;
  /** Loads the file again and hands it to the app, as SIGHUP does. */
  readonly reload: () => Promise<void>;
  readonly logText: () => string;
}

/** The product with a provider whose salt and index are files. */
async function start(t: ExecutionContext, provider: string, salt: string): Promise<Running> {
  const directory = temporaryDirectory(t);
  const write = (name: string, text: string): void => fs.writeFileSync(path.join(directory, name), `${text}\n`);
  write('salt_key', salt);
  write('salt_index', '1');
  const file = path.join(directory, 'proxy.config.yaml');
  const yaml = `
providers:
  p:
    profile: phonepe-x-verify
    credentials: { merchant_id: test, salt_key: "\${file:salt_key}", salt_index: "\${file:salt_index}" }
    ${provider}
routes: [{ name: p, match: { path: /p }, provider: p }]`;
  fs.writeFileSync(file, withDefaults(yaml));
  const clock = fakeClock();
  let app: App | undefined;
  const load = (): Config => {
    const onNotice = (notice: NoticeRecord): void => void app?.events.emit('notice', notice);
    const { config, diagnostics } = loadConfig(file, { env: {}, clock, onNotice });
    if (!config) throw new Error(diagnostics.map(({ message }) => message).join('\n'));
    return config;
  };
  let text = '';
  const logStream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  const config = load();
  const running = createApp(config, { clock, logStream });
  app = running;
  watchApp(t, { app, config, env: {}, logText: () => text }, async () => {
    const stopped = running.stop({ signal: 'SIGINT' });
    await clock.advance(60_000);
    await stopped;
  });
  const started = await running.start();
  await clock.advance(2 * TAKEN_MS);
  return { started, clock, write, reload: () => running.reload(load()), logText: () => text };
}

test('a reload between the two writes of a rotation mixes no pair, and the new one is used when it is whole', async (t) => {
  const wrong: string[] = [];
  const upstream = await startUpstream(t, async (arrival) => {
    const { bytes: body } = await arrival.body();
    const { method, target } = arrival;
    const header = (name: string): string | undefined => arrival.header(name);
    const fault = checkXVerify({ method, target, header, body }, '', { 1: OLD, 2: NEW });
    if (fault !== undefined) wrong.push(fault);
    return arrival.reply(200);
  });
  const provider = `environment: sandbox\n    endpoints: { api: "${upstream.origin}" }`;
  const { started, clock, write, reload, logText } = await start(t, provider, OLD);
  const index = async (): Promise<string | undefined> => {
    t.is((await httpCall(started.origin, '/p/x')).status, 200);
    return upstream.requests.at(-1)?.header('x-verify')?.split('###')[1];
  };
  write('salt_key', NEW);
  await reload();
  t.is(await index(), '1');
  await clock.advance(1_000);
  t.is(await index(), '1');
  write('salt_index', '2');
  t.is(await index(), '1');
  await reload();
  t.is(await index(), '1');
  await clock.advance(TAKEN_MS);
  t.is(await index(), '2');
  await reload();
  t.is(await index(), '2');
  t.deepEqual(wrong, []);

  const notices = logText()
    .split('\n')
    .filter((line) => line.includes('salt_index'))
    .map((line) => JSON.parse(line) as object);
  t.is(notices.length, 2);
  t.like(notices[0], { level: 'info', provider: 'p', salt_index: '1' });
  t.like(notices[1], { level: 'info', provider: 'p', changed: ['salt_key', 'salt_index'], salt_index: '2' });
  t.notRegex(logText(), new RegExp(`${OLD}|${NEW}`));
});

test('a reload between the two writes brings up no other simulator', async (t) => {
  const { started, clock, write, reload } = await start(t, 'environment: simulator', 'first-salt');
  const headers = ['X-Grant-Token', 'GRT1'];
  const call = async (): Promise<number> =>
    (await httpCall(started.origin, '/p/v3/service/userdetails', { headers })).status;
  t.is(await call(), 200);
  // The simulator's second salt, at the other index.
  write('salt_key', 'test2');
  await reload();
  t.is(await call(), 200);
  write('salt_index', '2');
  await clock.advance(2 * TAKEN_MS);
  t.is(await call(), 200);
  const calls = await httpCall(started.simulatorOrigin ?? '', '/_control/calls?provider=p');
  t.like(JSON.parse(calls.text), { api: { ok: 3 } });
});
