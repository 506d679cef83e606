import net from 'node:net';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import type { ResponseHandler } from '../../src/http1/client-connection.ts';
import { Pool, type PoolSettings } from '../../src/http1/pool.ts';
import { fakeClock, type FakeClock } from '../helpers/clock.ts';
import { until } from '../helpers/http1.ts';
import { startUpstream, type Upstream } from '../helpers/upstream.ts';

interface Given {
  readonly upstream: Upstream;
  readonly pool: Pool;
  readonly clock: FakeClock;
  /** Sends one request and resolves with what became of it. */
  readonly call: () => Promise<string>;
  readonly dials: () => number;
}

async function given(t: ExecutionContext, settings: Partial<PoolSettings> = {}): Promise<Given> {
  const upstream = await startUpstream(t);
  const clock = fakeClock();
  let dials = 0;
  const pool = new Pool({
    clock,
    isReused: true,
    maxHeadBytes: () => 10_000,
    maxAgeMs: () => 100_000,
    random: () => 1,
    dial: () =>
      new Promise((resolve, reject) => {
        dials += 1;
        const socket = net.connect(upstream.port, '127.0.0.1', () => resolve(socket));
        socket.once('error', reject);
      }),
    ...settings,
  });
  t.teardown(() => pool.close());
  const call = (): Promise<string> =>
    new Promise((resolve) => {
      let status = 0;
      const exchange: ResponseHandler = {
        onStarted: () => undefined,
        onSent: () => undefined,
        onHead: (head) => (status = head.status),
        onData: () => undefined,
        onEnd: () => resolve(String(status)),
        onFailed: (error) => resolve(error.message),
      };
      pool.send({ method: 'GET', head: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', body: null, streamBytes: 0 }, exchange);
    });
  return { upstream, pool, clock, call, dials: () => dials };
}

test('a connection is used again, and as many are opened as are needed at once', async (t) => {
  const { upstream, call } = await given(t);
  for (let i = 0; i < 3; i++) t.is(await call(), '200');
  t.is(upstream.connections, 1);
  t.deepEqual(await Promise.all([call(), call(), call()]), ['200', '200', '200']);
  t.is(upstream.connections, 3);
  t.deepEqual(await Promise.all([call(), call(), call()]), ['200', '200', '200']);
  t.is(upstream.connections, 3);
});

test('the one that came back last is taken first, so that the others may be given up', async (t) => {
  const { upstream, call, clock } = await given(t);
  await Promise.all([call(), call(), call()]);
  for (let i = 0; i < 6; i++) {
    await clock.advance(1_000);
    t.is(await call(), '200');
  }
  await until('two to close', () => upstream.openConnections === 1);
  t.is(upstream.connections, 3);
});

test('an old connection takes no further request, each up to a tenth less old', async (t) => {
  for (const [random, ms] of [
    [0, 100_000],
    [1, 90_000],
  ] as const) {
    const { upstream, call, clock } = await given(t, { random: () => random });
    for (let spent = 0; spent < ms; spent += 2_000) {
      t.is(await call(), '200');
      t.is(upstream.connections, 1, String(spent));
      await clock.advance(2_000);
    }
    await call();
    t.is(upstream.connections, 2);
  }
});

test('age is looked at whenever a connection is taken and given back, whether it has been swept or not', async (t) => {
  const taken = await given(t, { maxAgeMs: () => 500, random: () => 0 });
  await taken.call();
  await taken.clock.advance(499);
  await taken.call();
  t.is(taken.upstream.connections, 1);
  await taken.clock.advance(1);
  await taken.call();
  t.is(taken.upstream.connections, 2);

  const back = await given(t, { maxAgeMs: () => 500, random: () => 0 });
  const answer = back.upstream.handler;
  back.upstream.handler = () => undefined;
  const underWay = back.call();
  const arrival = await back.upstream.request(1);
  await back.clock.advance(500);
  void answer(arrival, 1);
  t.is(await underWay, '200');
  await until('it to close', () => back.upstream.openConnections === 0);
});

test('where nothing is used again each request has a connection of its own, and it is closed behind it', async (t) => {
  const { upstream, call } = await given(t, { isReused: false });
  t.is(await call(), '200');
  t.is(await call(), '200');
  t.is(upstream.connections, 2);
  await until('them to close', () => upstream.openConnections === 0);
});

test('a connection that the server has closed meanwhile is not taken', async (t) => {
  const { upstream, call, pool } = await given(t);
  t.is(await call(), '200');
  upstream.requests[0]?.end();
  await upstream.requests[0]?.closed;
  await new Promise((resolve) => setImmediate(resolve));
  t.is(await call(), '200');
  t.is(upstream.connections, 2);
  t.true(pool.isIdle);
});

test('a dial that fails is told, and what is given up while it is dialled is heard of no more', async (t) => {
  const refused = await given(t, { dial: () => Promise.reject(new Error('refused')) });
  t.is(await refused.call(), 'refused');
  t.true(refused.pool.isIdle);

  let reach: ((socket: net.Socket) => void) | undefined;
  const { pool, upstream } = await given(t, { dial: () => new Promise((resolve) => (reach = resolve)) });
  const nothing = (): void => t.fail('heard of what was given up');
  const sending = pool.send(
    { method: 'GET', head: 'GET / HTTP/1.1\r\n\r\n', body: null, streamBytes: 0 },
    { onStarted: nothing, onSent: nothing, onHead: nothing, onData: nothing, onEnd: nothing, onFailed: nothing },
  );
  t.false(pool.isIdle);
  sending.abort();
  const late = net.connect(upstream.port, '127.0.0.1');
  late.once('connect', () => reach?.(late));
  await until('the late connection to be closed', () => late.destroyed);
  t.is(upstream.requests.length, 0);
  t.true(pool.isIdle);
});

test('what is closed closes its connections, those in use too', async (t) => {
  const { pool, upstream, call } = await given(t);
  await call();
  upstream.handler = () => undefined;
  const underWay = call();
  await upstream.request(2);
  pool.close();
  t.regex(await underWay, /ended before/);
  await until('them to close', () => upstream.openConnections === 0);
});
