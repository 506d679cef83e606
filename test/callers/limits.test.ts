import test from 'ava';
import { createCallers } from '../../src/proxy/callers.ts';
import type { CallerConfig, Rate } from '../../src/config/config.ts';
import { fakeClock } from '../helpers/clock.ts';
import { until } from '../helpers/http1.ts';
import { assertProblem } from '../helpers/problem.ts';
import { rawClient } from '../helpers/raw.ts';
import { handshake, shake } from '../helpers/websocket-client.ts';
import { startWebSocketUpstream } from '../helpers/websocket-upstream.ts';
import { as, caller, givenCallers, tokenOf } from './given.ts';

/** A caller that only its rate limits. */
const limitedBy = (rate: Rate | undefined, concurrent?: number): CallerConfig => ({
  name: 'shop',
  tokens: { current: { version: 1, values: new Map() } },
  certificate: undefined,
  routes: '*',
  methods: [],
  paths: [],
  rate,
  concurrent,
  expiresAtMs: undefined,
});

/** How many of so many requests a second pass within 60 s. */
function passedIn60s(rate: Rate, offeredPerSecond: number): number {
  const one = createCallers([limitedBy(rate)], []).named('shop', 0);
  let passed = 0;
  for (let i = 0; i < 60 * offeredPerSecond; i++) {
    try {
      one?.enter(1_000_000 + (i * 1_000) / offeredPerSecond);
      one?.leave();
      passed++;
    } catch {
      // Over the rate.
    }
  }
  return passed;
}

for (const [written, perSecond] of [
  ['50/s', 50],
  ['1/s', 1],
  ['100/m', 100 / 60],
  ['30/m', 0.5],
  ['3/m', 0.05],
  ['1000/s', 1_000],
] as const) {
  test(`at ten times the rate for 60 s, the rate and one second's worth pass: ${written}`, (t) => {
    const passed = passedIn60s({ perSecond }, Math.max(1, perSecond * 10));
    const most = perSecond * 60 + Math.max(1, perSecond);
    t.true(passed <= most + 1, `${passed} of ${most}`);
    t.true(passed >= Math.floor(most * 0.98) - 1, `${passed} of ${most}`);
  });
}

test('a caller over its rate gets 429 with Retry-After, and is served again after that', async (t) => {
  const clock = fakeClock();
  const { outrider, upstream } = await givenCallers(
    t,
    [caller('slow', 'routes: "*", rate: 6/m'), caller('other', 'routes: "*", rate: 2/s')],
    { clock },
  );
  const call = (name: string) => outrider.call('/a/x', { headers: as(name) });
  t.is((await call('slow')).status, 200);
  const answer = await call('slow');
  assertProblem(t, answer, { status: 429, code: 'caller_limited' });
  t.is(answer.header('retry-after'), '10');
  t.is((await call('other')).status, 200, 'each caller has a bucket of its own');
  await clock.advance(9_000);
  t.is((await call('slow')).header('retry-after'), '1');
  await clock.advance(1_000);
  t.is((await call('slow')).status, 200);
  t.is(upstream.requests.length, 3);
});

test('what is refused for its route counts towards the rate, and who is unknown counts for nobody', async (t) => {
  const { outrider } = await givenCallers(t, [caller('slow', 'routes: [a], rate: 1/m')]);
  t.is((await outrider.call('/a/x', { headers: ['X-Outrider-Token', 'a-token-of-nobody'] })).status, 401);
  t.is((await outrider.call('/b/x', { headers: as('slow') })).status, 403);
  t.is((await outrider.call('/b/x', { headers: as('slow') })).status, 429, 'the rate comes before the route');
});

test('at ten times the rate, in real time, no more than the rate and its burst pass', async (t) => {
  t.timeout(60_000);
  const { outrider, upstream } = await givenCallers(t, [caller('fast', 'routes: "*", rate: 20/s')]);
  const startedMs = performance.now();
  const statuses = new Map<number, number>();
  const lanes = Array.from({ length: 8 }, async () => {
    while (performance.now() - startedMs < 3_000) {
      const { status } = await outrider.call('/a/x', { headers: as('fast') });
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
  await Promise.all(lanes);
  const seconds = (performance.now() - startedMs) / 1_000;
  const passed = statuses.get(200) ?? 0;
  t.deepEqual(new Set(statuses.keys()), new Set([200, 429]));
  t.is(passed, upstream.requests.length);
  t.true(passed <= (20 * seconds + 20) * 1.02, `${passed} in ${seconds} s`);
  t.true(passed >= (20 * 3 + 20) * 0.8, `${passed} in ${seconds} s`);
});

test('no more requests of a caller are under way than it may have, and each that ends makes room', async (t) => {
  let underWay = 0;
  let most = 0;
  const { outrider, upstream } = await givenCallers(t, [caller('few', 'routes: "*", concurrent: 3')], {
    async handler(arrival) {
      most = Math.max(most, ++underWay);
      await arrival.body();
      await new Promise((resolve) => setTimeout(resolve, 10));
      underWay--;
      return arrival.reply(200, { body: 'ok' });
    },
  });
  const statuses = await Promise.all(
    Array.from({ length: 60 }, async (_, i) => (await outrider.call(`/a/${i}`, { headers: as('few') })).status),
  );
  t.true(statuses.includes(200) && statuses.includes(429));
  t.is(most, 3);
  // A caller who leaves makes room too.
  upstream.handler = async (arrival) => void (await arrival.body());
  const gone = await Promise.all(
    [1, 2, 3].map(async () => {
      const client = await rawClient(t, outrider.port);
      await client.send(`GET /a/hangs HTTP/1.1\r\nHost: localhost\r\nX-Outrider-Token: ${tokenOf('few')}\r\n\r\n`);
      return client;
    }),
  );
  await until(
    'three under way',
    () => upstream.requests.filter(({ target }) => target.endsWith('/hangs')).length === 3,
  );
  const full = await outrider.call('/a/x', { headers: as('few') });
  assertProblem(t, full, { status: 429, code: 'caller_limited' });
  t.is(full.header('retry-after'), '1');
  for (const client of gone) client.reset();
  upstream.handler = (arrival) => arrival.reply(200, { body: 'ok' });
  await outrider.logged(64);
  t.is((await outrider.call('/a/x', { headers: as('few') })).status, 200);
});

test('a WebSocket counts while it is open, and a caller who is refused counts nowhere', async (t) => {
  const sockets = await startWebSocketUpstream(t);
  const { outrider } = await givenCallers(t, [caller('few', 'routes: [c], concurrent: 1')], {
    extra: `  - { name: c, match: { path: /c }, upstream: "${sockets.origin}", websocket: true }`,
  });
  const more = `X-Outrider-Token: ${tokenOf('few')}\r\n`;
  for (let i = 0; i < 3; i++) t.is((await outrider.call('/a', { headers: as('few') })).status, 403);
  const first = await shake(t, outrider.port, handshake('/c/1', more));
  t.is(first.status, 101);
  t.is((await shake(t, outrider.port, handshake('/c/2', more))).status, 429);
  first.socket.destroy();
  await until('the end of the first', () => outrider.logs().some(({ status }) => status === 101));
  t.is((await shake(t, outrider.port, handshake('/c/3', more))).status, 101);
});

test('counts and buckets go on over a reload', async (t) => {
  const clock = fakeClock();
  const { outrider, upstream, reload } = await givenCallers(
    t,
    [caller('shop', 'routes: "*", rate: 2/s, concurrent: 2'), caller('other')],
    { clock, handler: async (arrival) => void (await arrival.body()) },
  );
  const hang = async (): Promise<void> => {
    const client = await rawClient(t, outrider.port);
    const n = upstream.requests.length + 1;
    await client.send(`GET /a/hangs HTTP/1.1\r\nHost: localhost\r\nX-Outrider-Token: ${tokenOf('shop')}\r\n\r\n`);
    await upstream.request(n);
  };
  await hang();
  await reload([caller('shop', 'routes: "*", rate: 2/s, concurrent: 2')]);
  await hang();
  const full = await outrider.call('/a/x', { headers: as('shop') });
  assertProblem(t, full, { status: 429, code: 'caller_limited', detail: /under way/ });
  t.is((await outrider.call('/a/x', { headers: as('other') })).status, 401, 'the reload took it away');
  await reload([caller('shop', 'routes: "*", rate: 2/s, concurrent: 9')]);
  const limited = await outrider.call('/a/x', { headers: as('shop') });
  assertProblem(t, limited, { status: 429, code: 'caller_limited', detail: /rate/ });
  // Away and back again: what is under way still counts.
  await reload([caller('nobody')]);
  await reload([caller('shop', 'routes: "*", concurrent: 2')]);
  t.is((await outrider.call('/a/x', { headers: as('shop') })).status, 429);
});
