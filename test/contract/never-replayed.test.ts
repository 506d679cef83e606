import test from 'ava';
import { gate, until } from '../helpers/http1.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { ask } from '../helpers/raw.ts';
import { granted } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { givenPlain, givenTokens, plainYaml } from './given.ts';

const GET = 'GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n';

test('rule 25: a reset after the request is reported, and not sent again even when it is idempotent', async (t) => {
  for (const method of ['GET', 'PUT', 'DELETE', 'POST']) {
    const { outrider, upstream, warm } = await givenTokens(t);
    await warm();
    upstream.handler = async (arrival) => {
      await arrival.body();
      arrival.reset();
    };
    const answer = await outrider.call('/api/x', { method, body: 'abc', headers: ['Idempotency-Key', 'k'] });
    assertProblem(t, answer, { status: 502, code: 'upstream_failed', outcome: 'unknown' });
    t.is(upstream.requests.length, 2);
  }
});

test('rule 25: a timeout is reported, not retried', async (t) => {
  const { outrider, upstream } = await givenPlain(t, { handler: () => {}, extra: 'timeouts: { response: 300ms }' });
  const answer = await ask(t, outrider.port, GET);
  assertProblem(t, answer, { status: 504, code: 'upstream_timeout', outcome: 'unknown' });
  t.is(upstream.requests.length, 1);
  t.is(upstream.connections, 1);
});

test('rule 25: a connection that is reset while connecting is tried once more', async (t) => {
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(t, plainYaml(`https://127.0.0.1:${upstream.port}`));
  upstream.onConnection = (socket) =>
    void socket.removeAllListeners('data').once('data', () => socket.resetAndDestroy());
  const answer = await ask(t, outrider.port, 'POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc');
  assertProblem(t, answer, { status: 502, code: 'upstream_unreachable', outcome: 'not_sent' });
  t.is(upstream.connections, 2);
});

test('rule 25: a new connection that breaks once the request is on it is not tried again', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  upstream.onConnection = (socket) =>
    void socket.removeAllListeners('data').once('data', () => socket.resetAndDestroy());
  const answer = await ask(t, outrider.port, GET);
  assertProblem(t, answer, { status: 502, code: 'upstream_failed', outcome: 'unknown' });
  t.is(upstream.connections, 1);
});

test('rule 25: a reused connection that the server has closed costs nobody a request', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  for (let i = 1; i <= 20; i++) {
    t.is((await outrider.call('/api/x', { body: 'abc' })).status, 200);
    upstream.requests.at(-1)?.end();
    await until('the connection to be closed', () => upstream.openConnections === 0);
  }
  t.is(upstream.requests.length, 20);
});

test('rule 25: a reused connection that breaks after bytes of the request is reported as unknown', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  t.is((await outrider.call('/api/x')).status, 200);
  upstream.handler = async (arrival) => {
    await arrival.body();
    arrival.end();
  };
  const answer = await outrider.call('/api/x', { body: 'abc' });
  assertProblem(t, answer, { status: 502, code: 'upstream_failed', outcome: 'unknown' });
  t.is(upstream.requests.length, 2);
});

test('rule 26: with no token yet requests wait for the first one, together', async (t) => {
  const held = gate();
  const { outrider, upstream, tokens } = await givenTokens(t, {
    script: async () => {
      await held.opened;
      return granted('token-1');
    },
  });
  const calls = Array.from({ length: 50 }, (_, i) => outrider.call(`/api/${i}`, { body: `b${i}` }));
  await tokens.call(1);
  t.is(upstream.connections, 0);
  held.open();
  t.true((await Promise.all(calls)).every(({ status }) => status === 200));
  t.is(tokens.calls.length, 1);
  t.is(upstream.requests.length, 50);
});

test('rule 26: with no success all that wait get 503 token_unavailable, and nothing is sent', async (t) => {
  const held = gate();
  const { outrider, upstream, tokens } = await givenTokens(t, {
    script: async () => {
      await held.opened;
      return { status: 500, body: 'a secret of the endpoint' };
    },
  });
  const calls = Array.from({ length: 20 }, () => outrider.call('/api/x', { body: 'abc' }));
  await tokens.call(1);
  held.open();
  for (const answer of await Promise.all(calls)) {
    assertProblem(t, answer, { status: 503, code: 'token_unavailable', route: 'api' });
    t.regex(answer.header('retry-after') ?? '', /^[1-9]\d*$/);
    t.false(answer.text.includes('a secret of the endpoint'));
  }
  t.is(tokens.calls.length, 1);
  t.is(upstream.connections, 0);
});

test('error overloaded: more than `limits.waiting` requests that wait for a token', async (t) => {
  const held = gate();
  const { outrider, tokens } = await givenTokens(t, {
    script: async () => {
      await held.opened;
      return granted('token-1');
    },
    extra: 'limits: { waiting: 5 }',
  });
  const calls = Array.from({ length: 6 }, () => outrider.call('/api/x'));
  await tokens.call(1);
  // Five wait: the first answer that comes is the sixth's.
  const refused = await Promise.race(calls);
  assertProblem(t, refused, { status: 503, code: 'overloaded' });
  t.regex(refused.header('retry-after') ?? '', /^[1-9]\d*$/);
  held.open();
  const statuses = (await Promise.all(calls)).map(({ status }) => status);
  t.is(statuses.filter((status) => status === 200).length, 5, statuses.join());
});
