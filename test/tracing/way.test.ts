import test from 'ava';
import { accepting } from '../contract/given.ts';
import { givenTraced, parsed, spanCalled, TRACE, CALLER, traceparent, treeOf } from './given.ts';

for (const protocol of ['http/protobuf', 'http/json']) {
  test(`${protocol}: one trace from the caller to the provider, across a renewal and a replay`, async (t) => {
    const { collector, outrider, upstream, tokens, clock } = await givenTraced(t, {
      env: { OTEL_EXPORTER_OTLP_PROTOCOL: protocol },
    });
    await outrider.call('/api/warm');
    await clock.advance(10_000);
    upstream.handler = accepting(new Set(['token-2']));
    const headers = ['traceparent', traceparent(), 'tracestate', 'vendor=a:1,other@sys=b'];
    const answer = await outrider.call('/api/pay?card=4111111111111111', { body: '{"a":1}', headers });
    t.is(answer.status, 200);
    const spans = (await collector.arrived(4 + 5)).filter(({ traceId }) => traceId === TRACE);
    t.deepEqual(treeOf(spans), [
      'server POST api',
      '  client POST',
      '  internal wait for token',
      '    client renew',
      '  client POST',
    ]);
    const [server, first, second] = [
      spanCalled(spans, 'POST api'),
      spanCalled(spans, 'POST'),
      spanCalled(spans, 'POST', 1),
    ];
    t.is(server.parentId, CALLER);
    t.is(server.state, 'vendor=a:1,other@sys=b');
    t.deepEqual(server.attributes, {
      'http.request.method': 'POST',
      'url.scheme': 'http',
      'url.path': '/api/pay',
      'http.route': 'api',
      'outrider.provider': 'demo',
      'outrider.auth': 'renewed',
      'http.response.status_code': 200,
    });
    const sent = {
      'http.request.method': 'POST',
      'url.full': `${upstream.origin}/pay`,
      'server.address': '127.0.0.1',
      'server.port': upstream.port,
    };
    t.deepEqual(first.attributes, { ...sent, 'http.response.status_code': 401, 'error.type': '401' });
    t.deepEqual(second.attributes, { ...sent, 'http.request.resend_count': 1, 'http.response.status_code': 200 });
    t.deepEqual([server.isError, first.isError, second.isError], [false, true, false]);
    t.deepEqual(spanCalled(spans, 'wait for token').attributes, { 'outrider.provider': 'demo' });
    const renewal = spanCalled(spans, 'renew');
    t.deepEqual(renewal.attributes, {
      'outrider.provider': 'demo',
      'outrider.renewal.reason': 'rejected',
      'http.request.method': 'POST',
      'url.full': tokens.url,
      'server.address': '127.0.0.1',
      'server.port': Number(new URL(tokens.url).port),
      'http.response.status_code': 200,
    });
    t.not(first.spanId, second.spanId);
    // What each side got leads to the span of what was sent to it.
    const [, one, two] = upstream.requests;
    t.deepEqual(parsed(one?.header('traceparent')), { trace: TRACE, span: first.spanId, flags: '01' });
    t.deepEqual(parsed(two?.header('traceparent')), { trace: TRACE, span: second.spanId, flags: '01' });
    t.is(two?.header('tracestate'), 'vendor=a:1,other@sys=b');
    t.deepEqual(parsed(tokens.calls[1]?.headers['traceparent'] as string), {
      trace: TRACE,
      span: renewal.spanId,
      flags: '01',
    });
    t.is(tokens.calls[1]?.headers['tracestate'], 'vendor=a:1,other@sys=b');
    t.like((await outrider.logged(2))[1], { status: 200, trace_id: TRACE });
    t.is(collector.posts[0]?.path, '/v1/traces');
    t.like(collector.posts[0]?.resource, { 'service.name': 'outrider', 'telemetry.sdk.language': 'nodejs' });
    for (const span of spans) t.true(span.endNs >= span.startNs && span.startNs >= server.startNs);
  });
}
