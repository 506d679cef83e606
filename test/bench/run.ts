/**
 * `npm run bench`: what one request costs, beside what it costs others, in the same run.
 * The proxies are pinned to one core; this process, which is load and upstream, to another.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CERTIFICATE, CERTIFICATE_KEY } from '../contract/certificate.ts';
import { prepare } from './load.ts';
import { JWT_ALGORITHMS, outrider, type Peer, PEERS } from './peers.ts';
import { isPinned, pinSelf } from './processes.ts';
import { printHotSpots } from './profile.ts';
import { type RunningProxy, type Sample, startProxy } from './proxy.ts';
import { median, print, printSpeed, ratio, type Row } from './report.ts';
import { measureSigningAlone } from './signing.ts';
import { openTunnel, timeTunnel } from './tunnel.ts';
import { startStreamUpstream, transfer } from './stream.ts';
import { startUpstream } from './upstream.ts';

const LOAD_CORE = 1;
/** How often the page asks how things are. */
const PAGE_ASKS_MS = 3_000;
const WARM_UP_REQUESTS = 30_000;
const PATH = '/bench/checkout/v2/order/OMO123456789/status?details=true';
const SCENARIOS: Readonly<Record<string, Buffer>> = {
  GET: prepare('GET', PATH),
  POST: prepare('POST', PATH, JSON.stringify({ note: 'x'.repeat(489) })),
};
/** What is to be reached: the proxy's CPU time per request over the peer's, by scenario. */
const TARGETS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  go: { GET: 0.65, POST: 0.62 },
  raw: { GET: 1.9, POST: 2.0 },
};

const USAGE = `npm run bench -- [options]
  --parts speed,tls,stream,memory,start,routes,sign,jwt,page,tunnel  what to measure
  --only outrider,undici,…                       the proxies that take part in \`speed\`
  --rounds 5  --seconds 2                        rounds, and seconds per proxy and scenario in each
  --profile                                      run the proxy alone with --cpu-prof and show where its time goes
  --json                                         one JSON document in place of tables`;

const { values: options } = parseArgs({
  options: {
    parts: { type: 'string', default: 'speed,tls,stream,memory,start,routes,sign,jwt,page,tunnel' },
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    profile: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const rounds = Number(options.rounds);
const maxMs = Number(options.seconds) * 1000;
const only = options.only.split(',').filter(Boolean);
const parts = options.parts.split(',');
const subject = outrider([{ path: '/bench', provider: 'token' }]);

const dir = mkdtempSync(join(tmpdir(), 'outrider-bench-'));
const upstream = await startUpstream();
const secureUpstream = await startUpstream({ key: CERTIFICATE_KEY, cert: CERTIFICATE });
const certificate = join(dir, 'upstream.pem');
writeFileSync(certificate, CERTIFICATE);
let started = 0;
const start = (
  peer: Peer,
  path = PATH,
  nodeOptions: readonly string[] = [],
  isSecured = false,
  upstreamPort = upstream.port,
): Promise<RunningProxy> =>
  startProxy(peer, {
    ...(isSecured ? { upstreamPort: secureUpstream.port, certificate } : { upstreamPort }),
    dir: join(dir, `${peer.name}-${++started}`),
    path,
    nodeOptions,
  });
const say = (line = ''): void => (options.json ? undefined : print(line));

/** Runs `use` with proxies that are stopped afterwards, whatever happens. */
async function withProxies<T>(proxies: RunningProxy[], use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } finally {
    for (const proxy of proxies) await proxy.stop();
  }
}

/** Every proxy in every scenario, in turns, so that noise hits all alike. */
async function measureSpeed(): Promise<Row[]> {
  const peers = [subject, ...PEERS].filter(({ name }) => only.length === 0 || only.includes(name));
  const absent = peers.filter((peer) => !peer.isInstalled());
  if (absent.length > 0) say(`Not installed, so not compared: ${absent.map(({ title }) => title).join(', ')}\n`);
  const proxies: RunningProxy[] = [];
  return withProxies(proxies, async () => {
    for (const peer of peers) if (peer.isInstalled()) proxies.push(await start(peer));
    const rows = new Map<string, { scenario: string; peer: string; samples: Sample[] }>();
    for (let round = 0; round <= rounds; round++) {
      for (const [scenario, request] of Object.entries(SCENARIOS)) {
        for (const proxy of proxies) {
          // Round 0 warms up: the compilers at both ends, and the connections.
          const until = round === 0 ? { maxRequests: WARM_UP_REQUESTS } : { maxMs };
          const sample = await proxy.measure([request], until);
          const key = `${scenario} ${proxy.peer.name}`;
          const row = rows.get(key) ?? { scenario, peer: proxy.peer.name, samples: [] };
          rows.set(key, row);
          if (round > 0) row.samples.push(sample);
        }
      }
    }
    return [...rows.values()];
  });
}

/** A GET to an upstream that speaks TLS, beside Go's. */
async function measureTls(): Promise<{ outrider: number; go: number; ratio: number } | undefined> {
  const go = PEERS.find(({ name }) => name === 'go');
  if (!go?.isInstalled()) return undefined;
  const proxies: RunningProxy[] = [];
  return withProxies(proxies, async () => {
    for (const peer of [subject, go]) proxies.push(await start(peer, PATH, [], true));
    const [own, theirs] = (await inTurns(
      proxies.map((proxy) => ({ proxy, requests: [SCENARIOS['GET'] as Buffer] })),
    )) as [number[], number[]];
    return {
      outrider: median(own),
      go: median(theirs),
      ratio: median(own.map((cost, round) => cost / (theirs[round] as number))),
    };
  });
}

const STREAM_BYTES = 64 * 1024 * 1024;
const STREAMS = 8;

/** Milliseconds of CPU for a GiB that streams through, beside nginx without its buffers. */
async function measureStreams(): Promise<Record<string, { outrider: number; nginx: number; ratio: number }>> {
  const found: Record<string, { outrider: number; nginx: number; ratio: number }> = {};
  const nginx = PEERS.find(({ name }) => name === 'nginx');
  if (!nginx?.isInstalled()) return found;
  const source = await startStreamUpstream(STREAM_BYTES);
  const proxies: RunningProxy[] = [];
  await withProxies(proxies, async () => {
    for (const peer of [outrider([{ path: '/bench', provider: 'none' }]), nginx])
      proxies.push(await start(peer, PATH, [], false, source.port));
    for (const way of ['down', 'up'] as const) {
      const costs: number[][] = [[], []];
      for (let round = 0; round <= rounds; round++) {
        for (const [i, proxy] of proxies.entries()) {
          const before = proxy.cpuNs();
          const all = Array.from({ length: STREAMS }, () => transfer(proxy.place.port, way, PATH, STREAM_BYTES));
          await Promise.all(all);
          if (round > 0) costs[i]?.push((proxy.cpuNs() - before) / 1e6 / ((STREAMS * STREAM_BYTES) / 2 ** 30));
        }
      }
      const [own, theirs] = costs as [number[], number[]];
      found[way] = {
        outrider: median(own),
        nginx: median(theirs),
        ratio: median(own.map((cost, round) => cost / (theirs[round] as number))),
      };
    }
  });
  source.close();
  return found;
}

function sayTargets(rows: readonly Row[]): void {
  for (const [peer, targets] of Object.entries(TARGETS)) {
    for (const [scenario, limit] of Object.entries(targets)) {
      const find = (name: string): Row | undefined =>
        rows.find((row) => row.scenario === scenario && row.peer === name);
      const [own, other] = [find(subject.name), find(peer)];
      if (!own || !other) continue;
      const reached = ratio(own, other);
      say(
        `${scenario}: ${reached.toFixed(2)} × ${peer}, to reach ${limit}: ${reached <= limit ? 'reached' : 'MISSED'}`,
      );
    }
  }
  say();
}

async function measureMemory(): Promise<{ afterKiB: Record<string, number>; growth: number }> {
  const proxy = await start(subject);
  return withProxies([proxy], async () => {
    const request = [SCENARIOS['POST'] as Buffer];
    await proxy.measure(request, { maxRequests: 20_000 });
    const first = proxy.residentKiB();
    await proxy.measure(request, { maxRequests: 180_000 });
    const last = proxy.residentKiB();
    return { afterKiB: { 20_000: first, 200_000: last }, growth: last / first };
  });
}

async function measureStart(): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const proxy = await start(subject);
    times.push(proxy.firstAnswerMs);
    await proxy.stop();
  }
  return median(times);
}

interface Load {
  readonly proxy: RunningProxy;
  readonly requests: readonly Buffer[];
  readonly open?: () => Promise<Socket>;
}

/** Costs of several loads in turns, one list of µs per request for each. `connections` are 64 if not told. */
async function inTurns(loads: readonly Load[], connections?: number): Promise<number[][]> {
  const costs = loads.map((): number[] => []);
  for (let round = 0; round <= rounds; round++) {
    for (const [i, { proxy, requests, open }] of loads.entries()) {
      const until = round === 0 ? { maxRequests: WARM_UP_REQUESTS } : { maxMs, ...(connections && { connections }) };
      const sample = await proxy.measure(requests, until, open);
      if (round > 0) costs[i]?.push(sample.cpuUs);
    }
  }
  return costs;
}

/** Ten requests spread over all the routes: what they cost with 10 000 routes against 10. */
async function measureRoutes(): Promise<{ few: number; many: number; ratio: number }> {
  const variants = [10, 10_000].map((count) => {
    const paths = Array.from({ length: count }, (_, i) => `/tenant-${String(i).padStart(5, '0')}/api`);
    const used = paths.filter((_, i) => i % (count / 10) === 0).map((path) => `${path}/checkout/v2/pay`);
    return { peer: outrider(paths.map((path) => ({ path, provider: 'token' }))), used };
  });
  const proxies: RunningProxy[] = [];
  return withProxies(proxies, async () => {
    const loads: Load[] = [];
    for (const { peer, used } of variants) {
      const proxy = await start(peer, used[0]);
      proxies.push(proxy);
      loads.push({ proxy, requests: used.map((path) => prepare('GET', path)) });
    }
    const [few, many] = (await inTurns(loads)) as [number[], number[]];
    return {
      few: median(few),
      many: median(many),
      ratio: median(many.map((cost, round) => cost / (few[round] as number))),
    };
  });
}

/**
 * What a credential costs is told one request at a time. Of many at once, the slower kind pays for more than its own work: the
 * other side then sleeps in between, and is woken anew for each write.
 */
const ONE_AT_A_TIME = 1;

/** A JSON body of 1 KiB with a token put on, and with a signature over it put on. */
async function measureSigning(
  provider: 'signed' | 'sigv4',
): Promise<{ token: number; signed: number; moreUs: number }> {
  const proxy = await start(
    outrider([
      { path: '/bench', provider: 'token' },
      { path: '/signed', provider },
    ]),
  );
  return withProxies([proxy], async () => {
    const body = JSON.stringify({ note: 'x'.repeat(1024 - 11) });
    const loads = ['/bench/pay', '/signed/pay'].map((path) => ({ proxy, requests: [prepare('POST', path, body)] }));
    const [token, signed] = (await inTurns(loads, ONE_AT_A_TIME)) as [number[], number[]];
    return {
      token: median(token),
      signed: median(signed),
      moreUs: median(signed.map((cost, round) => cost - (token[round] as number))),
    };
  });
}

/** A GET with a JWT that is signed for it: how much more it takes than one with a token, by algorithm, in CPU microseconds. */
async function measureJwts(): Promise<Readonly<Record<string, number>>> {
  const proxy = await start(
    outrider([
      { path: '/bench', provider: 'token' },
      ...JWT_ALGORITHMS.map((algorithm) => ({ path: `/${algorithm}`, provider: algorithm })),
    ]),
  );
  return withProxies([proxy], async () => {
    const paths = ['/bench', ...JWT_ALGORITHMS.map((algorithm) => `/${algorithm}`)];
    const loads = paths.map((path) => ({ proxy, requests: [prepare('GET', `${path}/pay`)] }));
    const [token, ...signed] = (await inTurns(loads, ONE_AT_A_TIME)) as [number[], ...number[][]];
    return Object.fromEntries(
      JWT_ALGORITHMS.map((algorithm, i) => [
        algorithm,
        median((signed[i] as number[]).map((cost, round) => cost - (token[round] as number))),
      ]),
    );
  });
}

/** What a page in a browser asks for, until it is closed. */
function openPage(adminPort: number): { close(): void } {
  const headers = { accept: 'text/event-stream' };
  const events = get({ host: '127.0.0.1', port: adminPort, path: '/api/events', headers }, (answer) => answer.resume());
  const ask = (path: string): void =>
    void get({ host: '127.0.0.1', port: adminPort, path }, (answer) => answer.resume());
  const polls = setInterval(() => ['/api/status', '/api/history'].forEach(ask), PAGE_ASKS_MS);
  return {
    close() {
      clearInterval(polls);
      events.destroy();
    },
  };
}

/** A GET with the page open and without, in turns. */
async function measurePage(): Promise<{ without: number; open: number; ratio: number }> {
  const proxy = await start(subject);
  return withProxies([proxy], async () => {
    const request = [SCENARIOS['GET'] as Buffer];
    await proxy.measure(request, { maxRequests: WARM_UP_REQUESTS });
    const costs: [without: number, open: number][] = [];
    for (let round = 0; round < 3 * rounds; round++) {
      const without = await proxy.measure(request, { maxMs });
      const page = openPage(proxy.place.adminPort);
      const open = await proxy.measure(request, { maxMs });
      page.close();
      costs.push([without.cpuUs, open.cpuUs]);
    }
    return {
      without: median(costs.map(([without]) => without)),
      open: median(costs.map(([, open]) => open)),
      ratio: median(costs.map(([without, open]) => open / without)),
    };
  });
}

/** The same GET at the base-URL door and in tunnels that stay open, TLS ended by the proxy; and what a tunnel costs to open. */
async function measureTunnel(): Promise<{
  baseUrl: number;
  tunnel: number;
  ratio: number;
  openMs: readonly number[];
  isCertificateKept: boolean;
}> {
  const proxy = await start(outrider([{ path: '/bench', provider: 'token' }], 'intercept'));
  return withProxies([proxy], async () => {
    const { port } = proxy.place;
    const authority = `127.0.0.1:${upstream.port}`;
    const first = await timeTunnel(port, authority);
    const second = await timeTunnel(port, authority);
    const inTunnel = [prepare('GET', PATH.replace('/bench', '/api'))];
    const [baseUrl, tunnel] = (await inTurns([
      { proxy, requests: [SCENARIOS['GET'] as Buffer] },
      { proxy, requests: inTunnel, open: () => openTunnel(port, authority) },
    ])) as [number[], number[]];
    return {
      baseUrl: median(baseUrl),
      tunnel: median(tunnel),
      ratio: median(tunnel.map((cost, round) => cost / (baseUrl[round] as number))),
      openMs: [first.ms, second.ms, (await timeTunnel(port, authority)).ms],
      isCertificateKept: first.fingerprint === second.fingerprint,
    };
  });
}

async function profile(): Promise<void> {
  for (const [scenario, request] of Object.entries(SCENARIOS)) {
    const profiles = mkdtempSync(join(tmpdir(), `outrider-profile-${scenario}-`));
    const proxy = await start(subject, PATH, ['--cpu-prof', '--cpu-prof-dir', profiles]);
    await withProxies([proxy], () => proxy.measure([request], { maxRequests: 200_000 }));
    print(`${scenario} (the whole profile lies in ${profiles})`);
    printHotSpots(profiles);
    print();
  }
}

async function main(): Promise<void> {
  if (options.profile) return profile();
  if (!isPinned) say('Not pinned to cores (that wants two cores and taskset): expect noise.\n');
  const result: Record<string, unknown> = { node: process.version, pinned: isPinned };
  if (parts.includes('speed')) {
    const rows = await measureSpeed();
    result['speed'] = rows;
    if (!options.json) printSpeed(rows);
    sayTargets(rows);
  }
  if (parts.includes('tls')) {
    const tls = await measureTls();
    result['tls'] = tls;
    if (tls)
      say(
        `GET with TLS to the upstream ${tls.outrider.toFixed(1)} µs, Go's ${tls.go.toFixed(1)} µs: ` +
          `${tls.ratio.toFixed(2)} × (to reach 1.3)`,
      );
  }
  if (parts.includes('stream')) {
    const streams = await measureStreams();
    result['stream'] = streams;
    for (const [way, { outrider: own, nginx, ratio: reached }] of Object.entries(streams))
      say(
        `A GiB ${way} ${own.toFixed(0)} ms, through nginx without buffers ${nginx.toFixed(0)} ms: ` +
          `${reached.toFixed(2)} × (to reach 1.1)`,
      );
  }
  if (parts.includes('memory')) {
    const memory = await measureMemory();
    result['memory'] = memory;
    const mib = Object.values(memory.afterKiB).map((kib) => (kib / 1024).toFixed(0));
    say(
      `Resident after 20 000 requests ${mib[0]} MiB, after 200 000 ${mib[1]} MiB: ${memory.growth.toFixed(2)} × (to reach 1.3)`,
    );
  }
  if (parts.includes('start')) {
    const startMs = await measureStart();
    result['startMs'] = startMs;
    say(`Start to first answered request: ${startMs.toFixed(0)} ms`);
  }
  if (parts.includes('routes')) {
    const routes = await measureRoutes();
    result['routes'] = routes;
    say(
      `10 routes ${routes.few.toFixed(1)} µs, 10 000 routes ${routes.many.toFixed(1)} µs: ` +
        `${routes.ratio.toFixed(2)} × (to reach 1.1)`,
    );
  }
  if (parts.includes('sign')) {
    for (const [name, provider, target] of [
      ['a digest', 'signed', 15],
      ['SigV4', 'sigv4', 40],
    ] as const) {
      const signing = await measureSigning(provider);
      result[provider] = signing;
      say(
        `POST of 1 KiB with a token ${signing.token.toFixed(1)} µs, with ${name} ${signing.signed.toFixed(1)} µs: ` +
          `${signing.moreUs.toFixed(1)} µs more (to reach ${target})`,
      );
    }
  }
  if (parts.includes('jwt')) {
    const [alone, inProxy] = [measureSigningAlone(), await measureJwts()];
    result['jwt'] = { alone, inProxy };
    for (const { algorithm, cryptoUs, aboveUs } of alone) {
      say(
        `A JWT with ${algorithm} for each request: ${aboveUs.toFixed(1)} µs above the ${cryptoUs.toFixed(1)} µs of ` +
          `node:crypto (to reach 15); in the proxy ${inProxy[algorithm]?.toFixed(1)} µs more than a token`,
      );
    }
  }
  if (parts.includes('page')) {
    const page = await measurePage();
    result['page'] = page;
    say(
      `GET ${page.without.toFixed(1)} µs, with the page open ${page.open.toFixed(1)} µs: ` +
        `${page.ratio.toFixed(3)} × (to reach 1.03)`,
    );
  }
  if (parts.includes('tunnel')) {
    const { openMs, isCertificateKept, ...costs } = await measureTunnel();
    result['tunnel'] = { ...costs, openMs, isCertificateKept };
    const [first, second, warm] = openMs.map((ms) => ms.toFixed(1));
    say(
      `GET at the base URL ${costs.baseUrl.toFixed(1)} µs, in a tunnel ${costs.tunnel.toFixed(1)} µs: ` +
        `${costs.ratio.toFixed(2)} × (to reach 1.4)`,
    );
    say(
      `A tunnel opens in ${first} ms, the second to its host in ${second} ms, a later one in ${warm} ms: ` +
        (isCertificateKept ? 'same certificate, so no key was made' : 'ANOTHER certificate was made'),
    );
  }
  if (options.json) print(JSON.stringify(result, null, 2));
}

if (options.help) print(USAGE);
else {
  pinSelf(LOAD_CORE);
  await main();
}
upstream.close();
secureUpstream.close();
rmSync(dir, { recursive: true, force: true });
