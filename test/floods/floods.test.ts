import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { until } from '../helpers/http1.ts';
import { GoodCaller, type Service } from './caller.ts';
import { startProvider } from './provider.ts';
import { startProxy } from './proxy.ts';
import { IS_SLOW } from '../helpers/slow.ts';

const FLOOD = fileURLToPath(new URL('flood.ts', import.meta.url));
const FLOODED = fileURLToPath(new URL('flooded.ts', import.meta.url));
const SEED = Number(process.env['OUTRIDER_FLOOD_SEED'] ?? 1);
const QUIET_MS = 1_000;
const LOOK_MS = 700;
/** Other tests run beside these: of so many looks one must be good. */
const LOOKS = 10;
/** What else runs changes between the quiet time and the looks: then both are taken anew, at most so often. */
const ROUNDS = 3;
/** Below that, a quotient of two percentiles tells of the machine, not of the proxy. */
const LEAST_P99_MS = 4;
const MAX_MIB = 250;

interface Case {
  readonly kind: string;
  readonly what: string;
  /** Connections, or attempts. */
  readonly count: number;
  /** p99 of the good caller over that of a quiet time; where it is missing, each reading takes long, or all of them are served. */
  readonly maxSlowdown?: number;
  /** It is looked at until it has come to its end. */
  readonly isFinite?: true;
}

const CASES: readonly Case[] = [
  { kind: 'uploads', what: 'fifty uploads of 1 GiB', count: 50, maxSlowdown: 3 },
  { kind: 'chunkedUploads', what: 'fifty chunked uploads', count: 50, maxSlowdown: 3 },
  { kind: 'crumbs', what: 'bodies in chunks of one byte', count: 200, maxSlowdown: 3 },
  { kind: 'downloads', what: 'fifty downloads', count: 50, maxSlowdown: 3 },
  { kind: 'idle', what: '5 000 idle connections', count: 5_000, maxSlowdown: 3 },
  { kind: 'heads', what: '1 000 heads that trickle', count: 1_000, maxSlowdown: 3 },
  { kind: 'bodies', what: '500 bodies that trickle', count: 500, maxSlowdown: 3 },
  { kind: 'readers', what: '200 callers who do not read', count: 200, maxSlowdown: 3 },
  { kind: 'bombs', what: 'heads of a mebibyte', count: IS_SLOW ? 2_000 : 400, maxSlowdown: 3, isFinite: true },
  { kind: 'doors', what: 'knocks at shut doors', count: IS_SLOW ? 5_000 : 1_000, maxSlowdown: 3, isFinite: true },
  { kind: 'pipelines', what: 'pipelines without end', count: 20 },
  { kind: 'extensions', what: 'chunk extensions without end', count: 20, maxSlowdown: 3 },
  { kind: 'bytes', what: 'random bytes', count: IS_SLOW ? 100_000 : 5_000, maxSlowdown: 3, isFinite: true },
];

/** The flood comes by `/api/flood`; the good caller's provider has nothing to do with it. */
const yamlFor = (good: string, flooded: string): string => `
routes:
  - { name: flood, match: { path: /api/flood }, upstream: "${flooded}" }
  - { name: good, match: { path: /api }, upstream: "${good}" }
log: { access: false, level: warn }
`;

interface Flood {
  readonly child: ChildProcess;
  isReady: boolean;
  isDone: boolean;
}

function begin(t: ExecutionContext, kind: string, port: number, count: number): Flood {
  const child = fork(FLOOD, [kind, String(port), String(count), String(SEED)], { execPath: process.execPath });
  t.teardown(() => child.kill('SIGKILL'));
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
const QUICK = new Set(['uploads']);

for (const { kind, what, count, maxSlowdown, isFinite } of CASES) {
  const flooded = IS_SLOW || QUICK.has(kind) ? test.serial : test.serial.skip;
  flooded(`${what} (${count}) cost no good caller a request, and the proxy no more than ${MAX_MIB} MiB`, async (t) => {
    // Alone it takes half a minute at most; beside the other tests it has to share their cores.
    t.timeout(300_000);
    const provider = await startProvider(t);
    const flooded = fork(FLOODED, { execPath: process.execPath });
    t.teardown(() => flooded.kill('SIGKILL'));
    const [{ origin }] = (await once(flooded, 'message')) as [{ origin: string }];
    const proxy = await startProxy(t, yamlFor(provider.origin, origin));
    const caller = new GoodCaller(proxy.port);
    t.teardown(() => caller.close());
    await caller.ask(QUIET_MS);
    const { descriptors } = proxy.vitals();
    const failures: string[] = [];
    const rounds: string[] = [];
    let best = Infinity;
    for (let round = 0; round < ROUNDS && (round === 0 || best > (maxSlowdown ?? Infinity)); round++) {
      const [quiet] = [await caller.ask(LOOK_MS), await caller.ask(LOOK_MS)].toSorted((x, y) => x.p99Ms - y.p99Ms) as [
        Service,
      ];
      let flood = begin(t, kind, proxy.port, count);
      // It has the lowest priority: beside the other tests it may take long to come, which says nothing of the proxy.
      await until(`the flood of ${kind}`, () => flood.isReady, 120_000);
      const looks: Service[] = [];
      let hasEnded = false;
      const isEnough = (): boolean => {
        hasEnded ||= flood.isDone;
        if (isFinite && !hasEnded) return false;
        if (maxSlowdown === undefined) return looks.length >= 2;
        return looks.some((look) => slowdown(quiet, look) <= maxSlowdown) || looks.length >= LOOKS;
      };
      while (!isEnough()) {
        if (flood.isDone) flood = begin(t, kind, proxy.port, count);
        looks.push(await caller.ask(LOOK_MS));
      }
      flood.child.kill('SIGKILL');
      const fastest = Math.min(...looks.map((look) => slowdown(quiet, look)));
      best = Math.min(best, fastest);
      rounds.push(`p99 ${quiet.p99Ms.toFixed(1)} ms before, ${fastest.toFixed(1)} times that in the best second`);
      failures.push(...quiet.failures, ...looks.flatMap((look) => look.failures));
      await until('its descriptors are free again', () => proxy.vitals().descriptors < descriptors + 100, 60_000);
    }
    const { peakMiB } = proxy.vitals();
    t.log([`peak ${peakMiB} MiB`, ...rounds].join(', '));
    t.deepEqual(failures, []);
    t.deepEqual(proxy.complaints(), []);
    t.true(peakMiB < MAX_MIB, `${peakMiB} MiB`);
    if (maxSlowdown !== undefined) t.true(best <= maxSlowdown, `${best} times as slow`);
    t.deepEqual((await caller.ask(LOOK_MS)).failures, []);
    caller.close();
  });
}
