import type net from 'node:net';
import test from 'ava';
import { frame, OPCODE } from '../helpers/frames.ts';
import { until, within } from '../helpers/http1.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { ask, rawClient } from '../helpers/raw.ts';
import { handshake, shake } from '../helpers/websocket-client.ts';
import { startWebSocketUpstream } from '../helpers/websocket-upstream.ts';
import { openTunnel, readHead } from '../tunnel/client.ts';
import { givenIntercepted } from '../tunnel/intercepted.ts';
import { givenPlain, givenTokens, plainYaml } from './given.ts';
import { IS_SLOW } from '../helpers/slow.ts';

test('rule 10: a request head that is not whole after 10 s is answered 408 and cut', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  const started = Date.now();
  const client = await rawClient(t, outrider.port);
  await client.send('GET /api/x HTTP/1.1\r\nHost: localhost\r\nX-A: b');
  assertProblem(t, await client.answer({ ms: 20_000 }), { status: 408, code: 'request_timeout' });
  await client.closed();
  const took = Date.now() - started;
  t.true(took >= 9_500 && took < 14_000, `${took} ms`);
  t.is(upstream.connections, 0);
});

test('rule 10: a head that trickles is cut after 10 s all the same', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  const started = Date.now();
  const client = await rawClient(t, outrider.port);
  await client.send('GET /api/x HTTP/1.1\r\nHost: localhost\r\n');
  const trickle = setInterval(() => void client.send('X-A: b\r\n'), 500);
  t.teardown(() => clearInterval(trickle));
  await client.closed(20_000);
  const took = Date.now() - started;
  t.true(took >= 9_500 && took < 14_000, `${took} ms`);
  t.is(upstream.connections, 0);
});

test('rule 10: a connection that says nothing at all is cut too', async (t) => {
  const { outrider } = await givenPlain(t);
  const started = Date.now();
  const client = await rawClient(t, outrider.port);
  await client.closed(20_000);
  t.true(Date.now() - started < 14_000);
});

test('rule 10: the second head on a connection has its 10 s too', async (t) => {
  const { outrider } = await givenPlain(t);
  const client = await rawClient(t, outrider.port);
  await client.send('GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
  t.is((await client.answer()).status, 200);
  const started = Date.now();
  await client.send('GET /api/x HTTP/1.1\r\nHo');
  assertProblem(t, await client.answer({ ms: 20_000 }), { status: 408, code: 'request_timeout' });
  t.true(Date.now() - started >= 9_000);
});

test('rule 10: a head within a tunnel has 10 s too', async (t) => {
  const { outrider, upstream, authority, ca } = await givenIntercepted(t);
  const half = `GET /v1/x HTTP/1.1\r\nHost: ${authority}\r\n`;
  const secure = async (): Promise<net.Socket> =>
    (await openTunnel(t, outrider.port, authority)).secure({ ca: ca(), servername: 'localhost' });
  const [plain, begun, silent] = [
    (await openTunnel(t, outrider.port, authority)).socket,
    await secure(),
    await secure(),
  ];
  const started = Date.now();
  plain.write(half);
  begun.write(half);
  for (const text of await within(20_000, 'the answers', Promise.all([plain, begun, silent].map(readHead)))) {
    t.regex(text, /^HTTP\/1\.1 408 [^]*"code":"request_timeout"/);
  }
  const took = Date.now() - started;
  t.true(took >= 9_000 && took < 14_000, `${took} ms`);
  t.is(upstream.connections, 0);
});

const slow = IS_SLOW ? test : test.skip;
slow('rule 10: an idle connection is kept for 65 s (set OUTRIDER_SLOW_TESTS to run)', async (t) => {
  t.timeout(100_000);
  const { outrider } = await givenPlain(t);
  const client = await rawClient(t, outrider.port);
  await client.send('GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
  t.is((await client.answer()).status, 200);
  const started = Date.now();
  t.is(await client.closed(90_000), 'end');
  const took = Date.now() - started;
  t.true(took >= 63_000 && took < 70_000, `${took} ms`);
});

slow(
  'rule 10: a quiet WebSocket on a connection that was kept is not idle (set OUTRIDER_SLOW_TESTS to run)',
  async (t) => {
    t.timeout(100_000);
    const upstream = await startWebSocketUpstream(t);
    const outrider = await startOutrider(t, plainYaml(upstream.origin, 'websocket: true'));
    const client = await rawClient(t, outrider.port);
    await client.send('GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
    t.is((await client.answer()).text, 'ordinary');
    const shaken = await shake(t, outrider.port, handshake('/api/socket'), client.socket);
    t.is(shaken.status, 101);
    await new Promise((resolve) => setTimeout(resolve, 67_000));
    shaken.socket.write(frame(OPCODE.text, 'still there', { mask: true }));
    await until('the echo', () => shaken.received().equals(frame(OPCODE.text, 'still there')));
  },
);

for (const value of ['100-continue', '100-Continue']) {
  test(`rule 11: Expect: ${value} is answered by us, not forwarded, and the credential is there`, async (t) => {
    const { outrider, upstream } = await givenTokens(t);
    const client = await rawClient(t, outrider.port);
    await client.send(`POST /api/x HTTP/1.1\r\nHost: localhost\r\nExpect: ${value}\r\nContent-Length: 3\r\n\r\n`);
    // The caller holds its body back until it is told to go on.
    for (let i = 0; i < 500 && !client.received().includes('\r\n\r\n'); i++) await new Promise((r) => setTimeout(r, 5));
    t.regex(client.received().toString('latin1'), /^HTTP\/1\.1 100 Continue\r\n/);
    await client.send('abc');
    const answer = await client.answer();
    t.is(answer.status, 200);
    t.deepEqual(answer.informational, [100]);
    const [request] = upstream.requests;
    t.is(request?.header('expect'), undefined);
    t.is(request?.header('authorization'), 'Bearer token-1');
    t.is((await request?.body())?.bytes.toString(), 'abc');
  });
}

test('rule 11: a caller that does not wait for the 100 gets one answer', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  const answer = await ask(
    t,
    outrider.port,
    'POST /api/x HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  );
  t.is(answer.status, 200);
  t.is(upstream.requests.length, 1);
  t.is((await upstream.requests[0]?.body())?.bytes.toString(), 'abc');
});

for (const value of ['something', '100-continue, something', '200-ok']) {
  test(`rule 11: Expect: "${value}" is 417`, async (t) => {
    const { outrider, upstream } = await givenPlain(t);
    const answer = await ask(
      t,
      outrider.port,
      `POST /api/x HTTP/1.1\r\nHost: localhost\r\nExpect: ${value}\r\nContent-Length: 0\r\n\r\n`,
    );
    assertProblem(t, answer, { status: 417, code: 'unsupported_expectation' });
    t.is(upstream.connections, 0);
  });
}
