import { readdirSync, readlinkSync } from 'node:fs';
import test from 'ava';
import { startCli } from '../contract/cli.ts';
import { tokenYaml } from '../contract/given.ts';
import { until } from '../helpers/http1.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { startEcho } from './echo.ts';
import { failures, steady } from './steady.ts';

const PER_SECOND = 500;
const RELOADS = 50;
const RELOADED = /"the config was reloaded"/g;

/** What a process has open besides connections. */
const filesOf = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/fd`)
    .map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return 'socket:';
      }
    })
    .filter((file) => !file.startsWith('socket:'))
    .toSorted();

test(`${RELOADS} reloads at ${PER_SECOND} requests a second: no caller notices, no connection closes, no two configs are mixed`, async (t) => {
  const echo = await startEcho(t);
  const tokens = await startTokenEndpoint(t);
  const version = (n: number): string =>
    tokenYaml(`${echo.origin}/v${n}`, tokens.url, {
      route: `headers: { set: { x-version: v${n} } }`,
      extra: 'log: { format: json, access: false }',
    });
  const proxy = await startCli(t, version(0));
  const { pid } = proxy.child;
  const load = steady({ perSecond: PER_SECOND, port: () => proxy.port });
  const traffic = async (count: number): Promise<void> => {
    const from = load.sent.length;
    await until('traffic', () => load.sent.length >= from + count, 20_000);
  };
  await traffic(PER_SECOND / 2);
  const files = filesOf(pid as number);
  const reloads = (): number => proxy.output().match(RELOADED)?.length ?? 0;
  for (let n = 1; n <= RELOADS; n++) {
    proxy.write(version(n));
    proxy.child.kill('SIGHUP');
    await until(`reload ${n}`, () => reloads() >= n, 10_000);
    await traffic(20);
  }
  await traffic(PER_SECOND / 5);
  const filesAfter = filesOf(pid as number);
  await load.end();

  t.deepEqual(failures(load).slice(0, 10), []);
  t.deepEqual(echo.notOnce(load.sent.map(({ id }) => id)), []);
  const mixed = load.sent.filter(({ reply }) => !/^\/v(\d+)\/pay v\1 id \d+$/.test(reply.text));
  t.deepEqual(mixed, []);
  const versions = new Set(load.sent.map(({ reply }) => reply.text.split(' ')[1]));
  t.is(versions.size, RELOADS + 1);
  t.true(
    load.callers.every((caller) => caller.connections <= 1 && caller.closings + caller.idleCloses === 0),
    'no connection was closed',
  );
  t.is(tokens.calls.length, 1);
  t.deepEqual(filesAfter, files, 'nothing stays open behind a reload');
});
