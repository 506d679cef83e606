import test from 'ava';
import { startCollector } from '../helpers/collector.ts';
import { handshake, openSession, shake } from '../helpers/websocket-client.ts';
import { openTunnel, exchange } from '../tunnel/client.ts';
import { get, givenIntercepted } from '../tunnel/intercepted.ts';
import { givenSocket } from '../websocket/given.ts';
import { parsed, SOON, spanCalled, TRACE, CALLER, traceparent, treeOf } from './given.ts';

test('a WebSocket is traced from its handshake to its end', async (t) => {
  const collector = await startCollector(t);
  const { outrider, upstream } = await givenSocket(t, {
    env: SOON,
    extra: `tracing: { endpoint: "${collector.origin}" }`,
  });
  const { socket, message } = await openSession(t, `ws://127.0.0.1:${outrider.port}/api/socket`);
  socket.send('hello');
  t.is(await message(1), 'hello');
  // The attempt has ended with the 101, and the request goes on.
  t.deepEqual(treeOf(await collector.arrived(1)), ['client GET']);
  socket.close();
  const spans = await collector.arrived(2);
  t.deepEqual(treeOf(spans), ['server GET api', '  client GET']);
  t.is(spanCalled(spans, 'GET api').attributes['http.response.status_code'], 101);
  const sent = parsed((await upstream.guest(1)).header('traceparent'));
  t.like(spanCalled(spans, 'GET'), { spanId: sent.span, attributes: { 'http.response.status_code': 101 } });
});

test('a handshake that is refused keeps the trace of its caller', async (t) => {
  const collector = await startCollector(t);
  const { outrider } = await givenSocket(t, {
    env: SOON,
    extra: `tracing: { endpoint: "${collector.origin}" }`,
    handler: ({ socket }) => void socket.end('HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n'),
  });
  t.is((await shake(t, outrider.port, handshake('/api/s', `traceparent: ${traceparent()}\r\n`))).status, 403);
  const spans = await collector.arrived(2);
  t.like(spanCalled(spans, 'GET api'), { traceId: TRACE, parentId: CALLER, isError: false });
  t.like(spanCalled(spans, 'GET'), { isError: true, attributes: { 'error.type': '403' } });
});

test('the requests within an intercepted tunnel are traced, with the URL that they were for', async (t) => {
  const collector = await startCollector(t);
  const { outrider, upstream, ca, authority } = await givenIntercepted(t, {
    env: SOON,
    extra: `tracing: { endpoint: "${collector.origin}" }`,
  });
  const tunnel = await openTunnel(t, outrider.port, authority);
  const inner = await tunnel.secure({ ca: ca(), servername: 'localhost' });
  t.is((await exchange(inner, get(authority, '/v1/a?b=1', `traceparent: ${traceparent()}\r\n`))).status, 200);
  const spans = await collector.arrived(4);
  t.deepEqual(treeOf(spans), ['server GET api', '  internal wait for token', '    client renew', '  client GET']);
  t.like(spanCalled(spans, 'GET api'), {
    parentId: CALLER,
    attributes: { 'url.scheme': 'https', 'url.path': '/v1/a', 'http.response.status_code': 200 },
  });
  t.is(spanCalled(spans, 'GET').attributes['url.full'], `http://localhost:${upstream.port}/v1/a`);
  t.is(parsed(upstream.requests[0]?.header('traceparent')).span, spanCalled(spans, 'GET').spanId);
});
