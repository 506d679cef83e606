import type { LookupFunction } from 'node:net';
import test from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { plainYaml } from './given.ts';

const SECOND = 1_000;

/** A resolver of one name, whose address the test moves. */
function nameAt(address: string) {
  const name = { address, lookups: 0 };
  const lookup: LookupFunction = (_, options, callback) => {
    name.lookups += 1;
    setImmediate(() => {
      if (options.all) callback(null, [{ address: name.address, family: 4 }]);
      else callback(null, name.address, 4);
    });
  };
  return { name, lookup };
}

test('rule 17: under steady traffic a name that moves is followed within `timeouts.connection_age`', async (t) => {
  const clock = fakeClock();
  const old = await startUpstream(t, undefined, { host: '127.0.0.2' });
  const { name, lookup } = nameAt('127.0.0.2');
  const yaml = plainYaml(`http://svc.test:${old.port}`, '', 'timeouts: { connection_age: 30s }');
  const outrider = await startOutrider(t, yaml, { clock, app: { lookup } });
  const call = async (): Promise<void> => void t.is((await outrider.call('/api/x')).status, 200);
  await call();
  const fresh = await startUpstream(t, undefined, { host: '127.0.0.3', port: old.port });
  name.address = '127.0.0.3';
  let seconds = 0;
  for (; fresh.requests.length === 0 && seconds < 60; seconds += 1) {
    await clock.advance(SECOND);
    await call();
  }
  t.true(seconds >= 27 && seconds <= 31, `followed after ${seconds} s`);
  t.is(old.requests.length + fresh.requests.length, seconds + 1);
  t.is(old.connections, 1, 'the old one was used until then');
  t.is(name.lookups, 2);
});

test('rule 17: lookups of one name that are under way are one', async (t) => {
  const upstream = await startUpstream(t);
  const { name, lookup } = nameAt('127.0.0.1');
  const outrider = await startOutrider(t, plainYaml(`http://svc.test:${upstream.port}`), { app: { lookup } });
  const answers = await Promise.all(Array.from({ length: 50 }, () => outrider.call('/api/x')));
  t.true(answers.every(({ status }) => status === 200));
  t.true(name.lookups < 10, `${name.lookups} lookups for ${upstream.connections} connections`);
});

test('rule 17: an upstream connection that is not used is given up after 4 s, or 2 s before the server would', async (t) => {
  for (const [hint, seconds] of [
    [undefined, 4],
    ['timeout=5', 3],
    ['max=100, timeout=60', 4],
    ['timeout=2', 0],
    ['nonsense', 4],
  ] as const) {
    const clock = fakeClock();
    const upstream = await startUpstream(t, async (arrival) => {
      await arrival.body();
      await arrival.reply(200, { headers: hint === undefined ? [] : ['Keep-Alive', hint], body: 'ok' });
    });
    const outrider = await startOutrider(t, plainYaml(upstream.origin), { clock });
    const call = async (): Promise<void> => void t.is((await outrider.call('/api/x')).status, 200);
    await call();
    if (seconds > 0) {
      await clock.advance((seconds - 1) * SECOND);
      await call();
      t.is(upstream.connections, 1, hint);
    }
    await clock.advance(seconds * SECOND);
    await call();
    t.is(upstream.connections, 2, hint);
  }
});
