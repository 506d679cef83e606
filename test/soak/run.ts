/**
 * `npm run soak -- --minutes 60`: a proxy at half of what it can do for a long time, with a fault every ten seconds.
 * Ends with 1 when something leaked, or a payment came to an end that no fault explains.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { randomFrom } from '../helpers/random.ts';
import { audit } from '../ledger/audit.ts';
import { readBook } from '../ledger/book.ts';
import { startProvider } from '../ledger/process.ts';
import { yamlOf } from '../ledger/world.ts';
import type { Variant } from '../ledger/world.ts';
import { inflict } from './faults.ts';
import type { Felt, Stage } from './faults.ts';
import { judge } from './figures.ts';
import type { Sample } from './figures.ts';
import { Load } from './load.ts';
import type { Timed } from './load.ts';
import { startSoakProxy } from './proxy.ts';
import { report } from './report.ts';

const USAGE = `npm run soak -- [--minutes N] [--rate PER_SECOND] [--seed N]
  --minutes  how long; 60 by default, parts of one are allowed
  --rate     payments a second; by default half of what the proxy can do, which is measured first
  --seed     of payments and faults; 1 by default`;

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    rate: { type: 'string' },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean' },
  },
});

/** Scaled down where the whole is short. */
interface Times {
  readonly allMs: number;
  readonly betweenFaultsMs: number;
  readonly lifetimeMs: number;
  readonly sampleMs: number;
  readonly measureMs: number;
}

function timesOf(minutes: number): Times {
  const allMs = minutes * 60_000;
  const betweenFaultsMs = Math.min(10_000, allMs / 6);
  return {
    allMs,
    betweenFaultsMs,
    lifetimeMs: Math.min(60_000, allMs / 4),
    sampleMs: Math.min(5_000, allMs / 20),
    measureMs: Math.min(5_000, allMs / 6),
  };
}

const CONNECTIONS = 64;
/** Long, so that a machine that is busy with something else is no fault. */
const RESPONSE_MS = 3_000;
/** Unused connections to the provider are given up after 4 seconds. */
const SETTLE_MS = 15_000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function openIdle(port: number, count: number): () => void {
  const sockets = Array.from({ length: count }, () => net.connect({ port, host: '127.0.0.1' }).on('error', () => {}));
  return () => {
    for (const socket of sockets) socket.destroy();
  };
}

async function soak(minutes: number, seed: number, wanted: number | undefined): Promise<number> {
  const times = timesOf(minutes);
  const dir = mkdtempSync(join(tmpdir(), 'outrider-ledger-'));
  const file = join(dir, 'rows');
  const provider = await startProvider({ file, seed, isCalm: true, lifetimeMs: times.lifetimeMs });
  const yaml = (variant: Variant = {}): string =>
    yamlOf(provider, { responseMs: RESPONSE_MS, extra: 'admin: { address: 127.0.0.1:0 }', ...variant });
  const proxy = await startSoakProxy(yaml());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      proxy.kill();
      process.exit(1);
    });
  }
  try {
    const atStart = proxy.descriptors();
    const load = new Load(proxy.port, seed);
    const capacity = wanted === undefined ? await load.measure(CONNECTIONS, times.measureMs) : undefined;
    const rate = wanted ?? Math.floor((capacity ?? 0) / 2);
    const samples: Sample[] = [];
    const beganMs = performance.now();
    let reloads = 0;
    const stage: Stage = {
      tell: (order) => provider.tell(order),
      wait: sleep,
      reload(isGood) {
        const version = `headers: { set: { x-version: v${++reloads} } }`;
        proxy.write(isGood ? yaml({ route: version }) : 'routes: [{ nonsense: 1 }]');
        proxy.signal('SIGHUP');
      },
      signal: (name) => proxy.signal(name),
      breakOff: (does) => (load.breaksOff = does),
      openIdle: (count) => openIdle(proxy.port, count),
    };

    const look = async (): Promise<void> =>
      void samples.push({ ...(await proxy.look()), atMs: performance.now() - beganMs });
    const sampling = setInterval(() => void look().catch(() => undefined), times.sampleMs);
    const pace = load.run(rate);
    const endMs = beganMs + times.allMs;
    const felt = await inflict(stage, { everyMs: times.betweenFaultsMs, endMs, random: randomFrom(seed) });
    await sleep(Math.max(0, endMs - performance.now()));
    clearInterval(sampling);
    await pace.end();
    await look();
    load.close();
    for (let i = 0; i < SETTLE_MS / 100 && proxy.descriptors() > atStart; i++) await sleep(100);
    const atEnd = proxy.descriptors();
    const { wrong } = await provider.tell({ do: 'report' });
    const exitCode = await proxy.stop();
    const figures = {
      minutes,
      rate,
      requests: pace.count,
      failures: failuresOf(load.outcomes, felt),
      wrong: [...wrong, ...audit(load.outcomes, readBook(file)).wrong],
      samples,
      descriptors: { atStart, atEnd },
      exitCode,
    };
    const problems = judge(figures);
    process.stdout.write(report({ ...figures, seed, capacity, faults: felt.map((one) => one.fault.name), problems }));
    if (problems.length > 0) process.stderr.write(proxy.log());
    return problems.length === 0 ? 0 : 1;
  } finally {
    proxy.kill();
    provider.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Everything but `paid`, by what it was, and how much of it came at a time when no fault explains it. */
function failuresOf(
  outcomes: readonly Timed[],
  felt: readonly Felt[],
): Map<string, { count: number; unexplained: number }> {
  const failures = new Map<string, { count: number; unexplained: number }>();
  for (const { told, detail, fromMs, toMs } of outcomes) {
    if (told === 'paid') continue;
    const what = `${told} ${detail}`.trim();
    const failure = failures.get(what) ?? { count: 0, unexplained: 0 };
    failures.set(what, failure);
    failure.count += 1;
    const isExplained = felt.some((one) => one.fault.explains?.test(what) && fromMs <= one.toMs && toMs >= one.fromMs);
    if (!isExplained) failure.unexplained += 1;
  }
  return failures;
}

const minutes = Number(options.minutes);
const rate = options.rate === undefined ? undefined : Number(options.rate);
if (options.help) process.stdout.write(`${USAGE}\n`);
else if (minutes > 0 && (rate === undefined || rate > 0)) {
  process.exitCode = await soak(minutes, Number(options.seed), rate);
} else {
  process.stderr.write(`${USAGE}\n`);
  process.exitCode = 2;
}
