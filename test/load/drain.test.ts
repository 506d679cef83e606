import test from 'ava';
import { startCli } from '../contract/cli.ts';
import type { CliProcess } from '../contract/cli.ts';
import { plainYaml } from '../contract/given.ts';
import { until, within } from '../helpers/http1.ts';
import { startEcho } from './echo.ts';
import { failures, steady } from './steady.ts';

const PER_SECOND = 500;

test(`rule 32: at ${PER_SECOND} requests a second, one proxy after the other is replaced, and no caller notices`, async (t) => {
  const echo = await startEcho(t);
  const start = (): Promise<CliProcess> =>
    startCli(t, plainYaml(echo.origin, '', 'timeouts: { lame_duck: 1500ms }\nlog: { format: json, access: false }'));
  let proxy = await start();
  const load = steady({ perSecond: PER_SECOND, port: () => proxy.port });
  const traffic = async (count: number): Promise<void> => {
    const from = load.sent.length;
    await until('traffic', () => load.sent.length >= from + count, 20_000);
  };
  await traffic(PER_SECOND);
  for (let round = 0; round < 2; round++) {
    const old = proxy;
    // As with a load balancer: there is another one first.
    proxy = await start();
    old.child.kill('SIGTERM');
    t.is(await within(10_000, 'exit', old.exited), 0, old.output());
    await traffic(PER_SECOND / 2);
  }
  await load.end();
  t.deepEqual(failures(load).slice(0, 10), []);
  t.deepEqual(echo.notOnce(load.sent.map(({ id }) => id)), []);
  t.is(new Set(load.sent.map(({ port }) => port)).size, 3);
  const closings = load.callers.reduce((sum, caller) => sum + caller.closings, 0);
  t.log(`${load.sent.length} requests, ${closings} times told to close`);
  t.true(closings >= 2 * 32);
});
