import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { until } from '../helpers/http1.ts';
import { httpCall } from '../helpers/outrider.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { countOf, freshDirectory, isLinux, rejectingFirst, shell, startIn, type Started } from './place.ts';

const onLinux = isLinux ? test : test.skip;
const DESCRIPTORS = 80;
const FLOOD = 200;
const BODY = 'spooled '.repeat(128 * 1024);
const FEW = shell(`ulimit -n ${DESCRIPTORS}`);

const usedBy = (pid: number): number => fs.readdirSync(`/proc/${pid}/fd`).length;

/** The share of one processor that a process takes in that time. */
async function busy(pid: number, ms: number): Promise<number> {
  const ticks = (): number => {
    const fields = fs.readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
    return Number(fields[11]) + Number(fields[12]);
  };
  const before = ticks();
  await setTimeout(ms);
  return ((ticks() - before) * 10) / ms;
}

/** Opens connections until the process has no descriptor left; `end` closes them. */
async function flood(t: ExecutionContext, { origin, pid }: Started): Promise<() => Promise<void>> {
  const { port } = new URL(origin);
  const sockets = Array.from({ length: FLOOD }, () =>
    net.connect(Number(port), '127.0.0.1').on('error', () => undefined),
  );
  const end = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await until('descriptors to be free', () => usedBy(pid) < DESCRIPTORS / 2, 20_000);
  };
  t.teardown(() => sockets.forEach((socket) => socket.destroy()));
  await until('no descriptor to be left', () => usedBy(pid) >= DESCRIPTORS - 1, 20_000);
  return end;
}

/** One connection to the proxy that is there before the flood, with a client that keeps it. */
function patron(t: ExecutionContext): http.Agent {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  return agent;
}

onLinux('out of descriptors, what would dial is `not_sent`, the process idles, and later all is well', async (t) => {
  const dir = freshDirectory(t);
  const upstream = await startUpstream(t);
  const proxy = await startIn(
    t,
    dir,
    `routes: [{ name: api, match: { path: /api }, provider: null, upstream: "${upstream.origin}" }, { name: none, match: { path: /none }, provider: null, upstream: "http://127.0.0.1:9" }]`,
    { under: FEW },
  );
  const agent = patron(t);
  t.is((await httpCall(proxy.origin, '/none', { agent })).status, 502);
  const end = await flood(t, proxy);
  const refused = await httpCall(proxy.origin, '/api/pay', { agent, body: '{}' });
  t.is(refused.status, 502);
  t.like(JSON.parse(refused.text), { code: 'upstream_unreachable', outcome: 'not_sent' });
  t.is(upstream.requests.length, 0);
  t.true((await busy(proxy.pid, 700)) < 0.5);
  await end();
  t.is((await httpCall(proxy.origin, '/api/pay', { body: '{}' })).status, 200);
  t.is((await httpCall(proxy.origin, '/api/pay', { agent, body: '{}' })).status, 200);
});

onLinux('out of descriptors a body is not kept, with one warning, and is sent all the same', async (t) => {
  const dir = freshDirectory(t);
  const spool = path.join(dir, 'spool');
  fs.mkdirSync(spool);
  const { yaml, upstream, tokens } = await rejectingFirst(t, `replay: { memory: 1KiB, dir: "${spool}" }`);
  const proxy = await startIn(t, dir, yaml, { under: FEW });
  tokens.script = ({ n }) => ({ body: { access_token: n === 1 ? 'token-2' : `late-${n}`, expires_in: 3600 } });
  const agent = patron(t);
  // It leaves a connection to the upstream open.
  t.is((await httpCall(proxy.origin, '/api/pay', { agent, body: BODY })).status, 200);
  const end = await flood(t, proxy);
  for (let i = 0; i < 3; i++) {
    t.is((await httpCall(proxy.origin, '/api/pay', { agent, body: BODY })).status, 200);
  }
  await proxy.says(/could not be kept in `replay.dir` \(EMFILE\)/);
  t.is(countOf(proxy, 'could not be kept'), 1);
  t.is(upstream.requests.length, 4);
  await end();
  t.is((await httpCall(proxy.origin, '/api/pay', { agent, body: BODY })).status, 200);
});
