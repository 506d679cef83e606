import test from 'ava';
import { gate, until, within } from '../helpers/http1.ts';
import { httpCall } from '../helpers/outrider.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { startCli } from './cli.ts';
import { plainYaml } from './given.ts';

/** Longer than the time by which the first config would have ended the process in any case. */
const UNDER_WAY_MS = 5_800;

test('rule 32: a longer `drain` that came with a reload is waited for', async (t) => {
  const held = gate();
  const upstream = await startUpstream(t, async (arrival) => {
    await held.opened;
    await arrival.reply(200, { body: 'finished' });
  });
  const yaml = (drain: string): string =>
    plainYaml(upstream.origin, '', `timeouts: { lame_duck: 0ms, drain: ${drain} }`);
  const { origin, child, exited, output, write } = await startCli(t, yaml('100ms'));
  write(yaml('30s'));
  child.kill('SIGHUP');
  await until('the reload', () => output().includes('the config was reloaded'));
  const call = httpCall(origin, '/api/x');
  await upstream.request(1);
  child.kill('SIGTERM');
  setTimeout(() => held.open(), UNDER_WAY_MS);
  t.is((await call).text, 'finished');
  t.is(await within(5_000, 'exit', exited), 0);
});
