import test from 'ava';
import { accepting } from '../contract/given.ts';
import { gate, until } from '../helpers/http1.ts';
import { granted } from '../helpers/token-endpoint.ts';
import { givenTraced, spanCalled, TRACE, traceparent, treeOf } from './given.ts';

const CALLERS = 12;

/** The trace of the nth caller. */
const traceOf = (n: number): string => TRACE.slice(0, 30) + String(n + 10);

test('a renewal that many wait for belongs to the request that began it, and the others link to it', async (t) => {
  const renewing = gate();
  const { collector, outrider, upstream, clock } = await givenTraced(t, {
    script: async ({ n }) => {
      if (n > 1) await renewing.opened;
      return granted(`token-${n}`);
    },
  });
  await outrider.call('/api/warm');
  await clock.advance(10_000);
  let rejected = 0;
  outrider.app.events.on('attempt', ({ status }) => (rejected += Number(status === 401)));
  upstream.handler = accepting(new Set(['token-2']));
  const calls = Array.from({ length: CALLERS }, (_, n) =>
    outrider.call(`/api/${n}`, { headers: ['traceparent', traceparent().replace(TRACE, traceOf(n))] }),
  );
  await until('all are rejected', () => rejected === CALLERS);
  renewing.open();
  for (const { status } of await Promise.all(calls)) t.is(status, 200);
  const spans = (await collector.arrived(4 + 4 * CALLERS + 1)).filter(({ traceId }) =>
    traceId.startsWith(TRACE.slice(0, 30)),
  );
  const renewals = spans.filter(({ name }) => name === 'renew');
  t.is(renewals.length, 1);
  const [renewal] = renewals;
  for (let n = 0; n < CALLERS; n++) {
    const own = spans.filter(({ traceId }) => traceId === traceOf(n));
    const wait = spanCalled(own, 'wait for token');
    t.is(wait.parentId, spanCalled(own, 'GET api').spanId);
    if (renewal?.traceId === traceOf(n)) {
      t.is(renewal.parentId, wait.spanId);
      t.deepEqual(wait.links, []);
    } else t.deepEqual(wait.links, [renewal?.spanId]);
  }
});

test('a renewal in the background is a trace of its own', async (t) => {
  const { collector, outrider, tokens, clock } = await givenTraced(t);
  await outrider.call('/api/x', { headers: ['traceparent', traceparent()] });
  await clock.advance(3_590_000);
  await tokens.call(2);
  const spans = (await collector.arrived(5)).filter(({ traceId }) => traceId !== TRACE);
  t.deepEqual(treeOf(spans), ['client renew']);
  t.like(spans[0], { parentId: '', attributes: { 'outrider.renewal.reason': 'background' } });
});

test('a token that can not be had is an error of the renewal, of the wait, and of the request', async (t) => {
  const { collector, outrider } = await givenTraced(t, {
    script: () => ({ status: 401, body: { error: 'invalid_client', detail: 'my-secret-of-the-demo' } }),
  });
  t.is((await outrider.call('/api/x')).status, 503);
  const spans = await collector.arrived(3);
  t.deepEqual(treeOf(spans), ['server GET api', '  internal wait for token', '    client renew']);
  const typeOf = (name: string): unknown => spanCalled(spans, name).attributes['error.type'];
  t.deepEqual(['GET api', 'wait for token', 'renew'].map(typeOf), ['token_unavailable', 'refused', 'refused']);
  t.is(spanCalled(spans, 'renew').attributes['http.response.status_code'], 401);
  t.true(spans.every(({ isError }) => isError));
});
