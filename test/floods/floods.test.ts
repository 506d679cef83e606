import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { plainYaml } from '../contract/given.ts';
import { until } from '../helpers/http1.ts';
import { GoodCaller, type Service } from './caller.ts';
import { startProvider } from './provider.ts';
import { startProxy } from './proxy.ts';

const FLOOD = fileURLToPath(new URL('flood.ts', import.meta.url));
const SEED = Number(process.env['OUTRIDER_FLOOD_SEED'] ?? 1);
const IS_SLOW = process.env['OUTRIDER_SLOW_TESTS'] !== undefined;
const QUIET_MS = 1_000;
const LOOK_MS = 700;
/** Other tests run beside these: of so many looks one must be good. */
const LOOKS = 6;
/** Below that, a quotient of two percentiles tells of the machine, not of the proxy. */
const LEAST_P99_MS = 4;

interface Case {
  readonly kind: string;
  readonly what: string;
  /** Connections, or attempts. */
  readonly count: number;
  readonly maxMiB: number;
  /** It costs them work and us none, so nobody waits longer: p99 over that of a quiet time. */
  readonly maxSlowdown?: number;
  /** It is looked at until it has come to its end. */
  readonly isFinite?: true;
}

const CASES: readonly Case[] = [
  { kind: 'uploads', what: 'fifty uploads of 1 GiB', count: 50, maxMiB: 300 },
  { kind: 'chunkedUploads', what: 'fifty chunked uploads', count: 50, maxMiB: 500 },
  { kind: 'idle', what: '5 000 idle connections', count: 5_000, maxMiB: 320, maxSlowdown: 3 },
  { kind: 'heads', what: '1 000 heads that trickle', count: 1_000, maxMiB: 320, maxSlowdown: 3 },
  { kind: 'bodies', what: '500 bodies that trickle', count: 500, maxMiB: 320, maxSlowdown: 3 },
  { kind: 'readers', what: '200 callers who do not read', count: 200, maxMiB: 320, maxSlowdown: 3 },
  { kind: 'bombs', what: 'heads of a mebibyte', count: IS_SLOW ? 2_000 : 400, maxMiB: 400, isFinite: true },
  { kind: 'doors', what: 'knocks at doors that are shut', count: IS_SLOW ? 5_000 : 1_000, maxMiB: 400, isFinite: true },
  { kind: 'pipelines', what: 'pipelines without end', count: 20, maxMiB: 400 },
  { kind: 'extensions', what: 'chunk extensions without end', count: 20, maxMiB: 400 },
  { kind: 'bytes', what: 'random bytes', count: IS_SLOW ? 100_000 : 5_000, maxMiB: 400, isFinite: true },
];

interface Flood {
  readonly child: ChildProcess;
  isReady: boolean;
  isDone: boolean;
}

function begin(kind: string, port: number, count: number): Flood {
  const child = fork(FLOOD, [kind, String(port), String(count), String(SEED)], { execPath: process.execPath });
  const flood: Flood = { child, isReady: false, isDone: false };
  child.on('message', (message: { ready?: true; done?: true }) => {
    flood.isReady ||= message.ready === true;
    flood.isDone ||= message.done === true;
  });
  return flood;
}

const slowdown = (before: Service, now: Service): number =>
  Math.max(now.p99Ms, LEAST_P99_MS) / Math.max(before.p99Ms, LEAST_P99_MS);

/** The others run where slow tests do. */
const QUICK = new Set(['uploads', 'idle', 'pipelines', 'bytes']);

for (const { kind, what, count, maxMiB, maxSlowdown, isFinite } of CASES) {
  const flooded = IS_SLOW || QUICK.has(kind) ? test.serial : test.serial.skip;
  flooded(`${what} (${count}) cost no good caller a request, and the proxy no more than ${maxMiB} MiB`, async (t) => {
    t.timeout(120_000);
    const provider = await startProvider(t, { bytesPerSecond: 100_000_000 });
    const proxy = await startProxy(t, plainYaml(provider.origin, '', 'log: { access: false, level: warn }'));
    const caller = new GoodCaller(proxy.port);
    t.teardown(() => caller.close());
    await caller.ask(QUIET_MS);
    const quiet = await caller.ask(LOOK_MS);
    const { descriptors } = proxy.vitals();
    const flood = begin(kind, proxy.port, count);
    t.teardown(() => flood.child.kill('SIGKILL'));
    await until(`the flood of ${kind}`, () => flood.isReady, 30_000);
    const looks: Service[] = [];
    const isEnough = (): boolean => {
      if (isFinite) return flood.isDone;
      if (maxSlowdown === undefined) return looks.length >= 2;
      return looks.some((look) => slowdown(quiet, look) <= maxSlowdown) || looks.length >= LOOKS;
    };
    while (!isEnough()) looks.push(await caller.ask(LOOK_MS));
    const { peakMiB } = proxy.vitals();
    flood.child.kill('SIGKILL');
    const best = Math.min(...looks.map((look) => slowdown(quiet, look)));
    t.log(
      `peak ${peakMiB} MiB, p99 ${quiet.p99Ms.toFixed(1)} ms before, ${best.toFixed(1)} times that in the best second`,
    );
    t.deepEqual([...quiet.failures, ...looks.flatMap(({ failures }) => failures)], []);
    t.deepEqual(proxy.complaints(), []);
    t.true(peakMiB < maxMiB, `${peakMiB} MiB`);
    if (maxSlowdown !== undefined) t.true(best <= maxSlowdown, `${best} times as slow`);
    t.deepEqual((await caller.ask(LOOK_MS)).failures, []);
    caller.close();
    await until('its descriptors are free again', () => proxy.vitals().descriptors < descriptors + 100, 30_000);
  });
}
