import { setTimeout as wait } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Writable } from 'node:stream';
import test from 'ava';
import { createApp } from '../../src/app.ts';
import { configOf, httpCall } from '../helpers/outrider.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { tokenYaml } from '../contract/given.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const RELOADS = 8;

test('a config that a reload replaced is let go, once its requests are answered', async (t) => {
  const upstream = await startUpstream(t);
  const tokens = await startTokenEndpoint(t);
  const yaml = (n: number): string =>
    // Every other one has another client, so that providers are replaced too.
    tokenYaml(upstream.origin, tokens.url, { route: `headers: { set: { x-version: v${n} } }` }).replace(
      'client_id: me',
      `client_id: client-${Math.floor(n / 2)}`,
    );
  const log = new Writable({ write: (_chunk, _encoding, done) => done() });
  const app = createApp(configOf(t, yaml(0)), { logStream: log });
  const { origin } = await app.start();
  t.teardown(() => app.stop({ signal: 'SIGINT' }));
  const replaced: WeakRef<object>[] = [];
  for (let n = 1; n <= RELOADS; n++) {
    const next = configOf(t, yaml(n));
    await app.reload(next);
    if (n < RELOADS) replaced.push(new WeakRef(next.providers), new WeakRef(next.routes));
    t.is((await httpCall(origin, '/api/x', { body: 'abc' })).status, 200);
  }
  // What a request holds goes with its connection.
  for (let round = 0; round < 50 && replaced.some((one) => one.deref()); round++) {
    await wait(100);
    collect();
  }
  t.deepEqual(
    replaced.map((one) => one.deref() !== undefined),
    replaced.map(() => false),
  );
});
