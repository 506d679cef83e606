import test from 'ava';
import { givenPlain } from '../contract/given.ts';
import { startCollector } from '../helpers/collector.ts';
import { CALLER, givenTraced, parsed, SOON, spanCalled, TRACE, traceparent } from './given.ts';

test('while tracing is off, what the caller says of its trace passes as it came', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  await outrider.call('/api/x', { headers: ['TraceParent', 'odd', 'tracestate', 'no state'] });
  t.is(upstream.requests[0]?.header('traceparent'), 'odd');
  t.true(upstream.requests[0]?.head.includes('TraceParent: odd\r\n'));
  t.is(upstream.requests[0]?.header('tracestate'), 'no state');
  t.false('trace_id' in ((await outrider.logged(1))[0] ?? {}));
});

test('a trace that is not sampled stays so, with the span id of the attempt', async (t) => {
  const { outrider, upstream, collector } = await givenTraced(t);
  await outrider.call('/api/x', { headers: ['traceparent', traceparent('00'), 'tracestate', 'a=1'] });
  const { trace, span, flags } = parsed(upstream.requests[0]?.header('traceparent'));
  t.deepEqual([trace, flags], [TRACE, '00']);
  t.not(span, CALLER);
  t.is(upstream.requests[0]?.header('tracestate'), 'a=1');
  t.like((await outrider.logged(1))[0], { trace_id: TRACE });
  // The next one is sampled, and comes alone.
  await outrider.call('/api/x', { headers: ['traceparent', traceparent('01')] });
  const spans = await collector.arrived(2);
  t.deepEqual(spans.map(({ name }) => name).toSorted(), ['GET', 'GET api']);
  t.is(parsed(upstream.requests[1]?.header('traceparent')).flags, '01');
});

test('the caller decides whether its trace is sampled, whatever the share is', async (t) => {
  const { outrider, upstream, collector } = await givenTraced(t, { tracing: ', sample: 0' });
  await outrider.call('/api/x');
  t.is(parsed(upstream.requests[0]?.header('traceparent')).flags, '00');
  await outrider.call('/api/x', { headers: ['traceparent', traceparent('03')] });
  t.is(parsed(upstream.requests[1]?.header('traceparent')).flags, '03');
  const spans = await collector.arrived(2);
  t.deepEqual([...new Set(spans.map(({ traceId }) => traceId))], [TRACE]);
});

test('OTEL_TRACES_SAMPLER without a parent overrides what the caller decided', async (t) => {
  const { outrider, upstream, collector } = await givenTraced(t, { env: { OTEL_TRACES_SAMPLER: 'always_on' } });
  await outrider.call('/api/x', { headers: ['traceparent', traceparent('00')] });
  t.is(parsed(upstream.requests[0]?.header('traceparent')).flags, '01');
  t.is(spanCalled(await collector.arrived(4), 'GET api').parentId, CALLER);
});

test('about the given share of new traces is sampled', async (t) => {
  const { outrider, upstream } = await givenTraced(t, { tracing: ', sample: 0.5' });
  await Promise.all(Array.from({ length: 100 }, (_, i) => outrider.call(`/api/${i}`)));
  const sampled = upstream.requests.filter((arrival) => parsed(arrival.header('traceparent')).flags === '01').length;
  // Outside of this with a probability of less than one in a million.
  t.true(sampled >= 25 && sampled <= 75, String(sampled));
});

test('a trace that can not be read is replaced by a new one, and its state goes', async (t) => {
  const { outrider, upstream } = await givenTraced(t);
  const cases = [
    ['traceparent', traceparent().toUpperCase(), 'tracestate', 'a=1'],
    ['traceparent', traceparent(), 'Traceparent', traceparent(), 'tracestate', 'a=1'],
    ['tracestate', 'a=1', 'TraceState', 'b=1'],
  ];
  for (const [i, headers] of cases.entries()) {
    await outrider.call('/api/x', { headers });
    const arrival = upstream.requests[i];
    t.is(arrival?.headerAll('traceparent').length, 1);
    const { trace, flags } = parsed(arrival?.header('traceparent'));
    t.regex(trace, /^[0-9a-f]{32}$/);
    t.not(trace, TRACE);
    t.is(flags, '01');
    t.deepEqual(arrival?.headerAll('tracestate'), []);
    t.like((await outrider.logged(i + 1))[i], { trace_id: trace });
  }
});

test('a tracestate that is not valid goes, and the trace stays', async (t) => {
  const { outrider, upstream } = await givenTraced(t);
  await outrider.call('/api/x', { headers: ['traceparent', traceparent(), 'tracestate', 'a=1', 'tracestate', 'B=1'] });
  t.is(parsed(upstream.requests[0]?.header('traceparent')).trace, TRACE);
  t.deepEqual(upstream.requests[0]?.headerAll('tracestate'), []);
});

test('a route may keep traces from its provider', async (t) => {
  const { outrider, upstream, collector } = await givenTraced(t, {
    route: 'headers: { remove: [traceparent, tracestate] }',
  });
  await outrider.call('/api/x', { headers: ['traceparent', traceparent(), 'tracestate', 'a=1'] });
  t.is(upstream.requests[0]?.header('traceparent'), undefined);
  t.is(upstream.requests[0]?.header('tracestate'), undefined);
  t.is(spanCalled(await collector.arrived(4), 'GET api').traceId, TRACE);
});

test('every other header stays in its place', async (t) => {
  const { outrider, upstream } = await givenTraced(t);
  await outrider.call('/api/x', { headers: ['X-A', '1', 'Traceparent', traceparent(), 'X-B', '2'] });
  const names = upstream.requests[0]?.headers.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase()) ?? [];
  t.deepEqual(
    names.filter((name) => /^x-|^trace/.test(name)),
    ['x-a', 'traceparent', 'x-b'],
  );
});

test('an answer of our own is traced too, with its code', async (t) => {
  const collector = await startCollector(t);
  const { outrider } = await givenPlain(t, { env: SOON, extra: `tracing: { endpoint: "${collector.origin}" }` });
  const answer = await outrider.call('/nowhere?token=secret-in-the-query');
  t.is(answer.status, 404);
  const [span] = await collector.arrived(1);
  t.like(span, { name: 'GET', kind: 'server', parentId: '', isError: false });
  t.deepEqual(span?.attributes, {
    'http.request.method': 'GET',
    'url.scheme': 'http',
    'url.path': '/nowhere',
    'http.response.status_code': 404,
    'error.type': 'route_not_found',
  });
});

test('a provider that is away is an error of the attempt and of the request', async (t) => {
  const collector = await startCollector(t);
  const { outrider, upstream } = await givenPlain(t, {
    env: SOON,
    extra: `tracing: { endpoint: "${collector.origin}" }`,
  });
  await upstream.close();
  t.is((await outrider.call('/api/x')).status, 502);
  const spans = await collector.arrived(2);
  for (const name of ['GET', 'GET api'])
    t.like(spanCalled(spans, name), { isError: true, attributes: { 'error.type': 'upstream_unreachable' } });
  t.false('http.response.status_code' in spanCalled(spans, 'GET').attributes);
});

test('a method that the conventions do not know is told apart from the span names', async (t) => {
  const { outrider, collector } = await givenTraced(t);
  await outrider.call('/api/x', { method: 'PROPFIND' });
  const spans = await collector.arrived(4);
  t.like(spanCalled(spans, 'HTTP api').attributes, {
    'http.request.method': '_OTHER',
    'http.request.method_original': 'PROPFIND',
  });
  t.is(spanCalled(spans, 'HTTP').kind, 'client');
});
