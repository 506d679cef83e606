import test from 'ava';
import { gate, until } from '../helpers/http1.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { ask, rawClient } from '../helpers/raw.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { CERTIFICATE, CERTIFICATE_KEY } from './certificate.ts';
import { givenPlain, plainYaml } from './given.ts';

const GET = 'GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n';
const never = (): void => {};

test('error upstream_timeout: no answer within `response` is 504 unknown, the upstream is aborted, nothing is retried', async (t) => {
  const { outrider, upstream } = await givenPlain(t, { handler: never, extra: 'timeouts: { response: 400ms }' });
  const started = Date.now();
  const answer = await ask(t, outrider.port, GET);
  assertProblem(t, answer, { status: 504, code: 'upstream_timeout', outcome: 'unknown', route: 'api' });
  const took = Date.now() - started;
  t.true(took >= 350 && took < 2_500, `${took} ms`);
  await upstream.requests[0]?.closed;
  t.is(upstream.requests.length, 1);
});

test("error upstream_timeout: the route's own timeout wins", async (t) => {
  const { outrider } = await givenPlain(t, { handler: never, route: 'timeouts: { response: 300ms }' });
  assertProblem(t, await ask(t, outrider.port, GET), { status: 504, code: 'upstream_timeout', outcome: 'unknown' });
});

test('error upstream_timeout: an answer’s head that never ends counts as none', async (t) => {
  const { outrider } = await givenPlain(t, {
    handler: (arrival) => arrival.write('HTTP/1.1 200 OK\r\nX-A: b\r\n'),
    extra: 'timeouts: { response: 400ms }',
  });
  assertProblem(t, await ask(t, outrider.port, GET), { status: 504, code: 'upstream_timeout', outcome: 'unknown' });
});

test("rule 17: `response` runs from the request's last byte: a slow upload is no timeout", async (t) => {
  const { outrider, upstream } = await givenPlain(t, { extra: 'timeouts: { response: 400ms }' });
  const client = await rawClient(t, outrider.port);
  await client.send('POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\n');
  const started = Date.now();
  for (let i = 0; i < 8; i++) {
    await client.send('x');
    await until('the byte at the upstream', () => upstream.requests[0]?.bodyLength === i + 1);
    await until('time to pass', () => Date.now() - started > (i + 1) * 150);
  }
  t.true(Date.now() - started > 1_000);
  t.is((await client.answer()).status, 200);
});

for (const framing of ['content-length: 6\r\n\r\nabc', 'transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n']) {
  test(`rule 17: silence within a body (${framing.split(':')[0]}) beyond \`idle\` aborts both sides`, async (t) => {
    const { outrider, upstream } = await givenPlain(t, {
      handler: (arrival) => arrival.write(`HTTP/1.1 200 OK\r\n${framing}`),
      extra: 'timeouts: { idle: 400ms }',
    });
    const client = await rawClient(t, outrider.port);
    const started = Date.now();
    await client.send(GET);
    await client.bodyBytes(3);
    await client.closed(4_000);
    t.true(Date.now() - started >= 350);
    t.false(client.received().toString('latin1').endsWith('0\r\n\r\n'));
    await upstream.requests[0]?.closed;
  });
}

test('rule 17: `idle` is silence, not the whole: a body that trickles is no timeout', async (t) => {
  const { outrider } = await givenPlain(t, {
    handler: async (arrival) => {
      await arrival.write('HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n');
      for (let i = 0; i < 8; i++) {
        await new Promise((resolve) => setTimeout(resolve, 150));
        await arrival.write('x');
      }
    },
    extra: 'timeouts: { idle: 500ms }',
  });
  t.is((await ask(t, outrider.port, GET)).text, 'xxxxxxxx');
});

for (const type of ['text/event-stream; charset=utf-8', 'Text/Event-Stream']) {
  test(`rule 17: \`idle\` does not hold for ${type}`, async (t) => {
    const more = gate();
    const { outrider } = await givenPlain(t, {
      handler: async (arrival) => {
        await arrival.write(
          `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\ntransfer-encoding: chunked\r\n\r\n7\r\ndata: 1\r\n`,
        );
        await more.opened;
        await arrival.write('0\r\n\r\n');
      },
      extra: 'timeouts: { idle: 200ms }',
    });
    const client = await rawClient(t, outrider.port);
    const whole = client.answer();
    await client.send(GET);
    await client.bodyBytes(7);
    const silentSince = Date.now();
    await until('more than `idle` to pass', () => Date.now() - silentSince > 1_500);
    more.open();
    t.is((await whole).text, 'data: 1');
  });
}

test.serial('rule 17: a caller that reads slowly is no silence of the upstream', async (t) => {
  const total = 32 * 1024 * 1024;
  const { outrider } = await givenPlain(t, {
    handler: (arrival) => arrival.reply(200, { body: Buffer.alloc(total, 'z') }),
    extra: 'timeouts: { idle: 300ms }',
  });
  const client = await rawClient(t, outrider.port);
  const whole = client.answer({ ms: 20_000 });
  await client.send(GET);
  await client.bodyBytes(1);
  client.socket.pause();
  const pausedSince = Date.now();
  await until('more than `idle` to pass', () => Date.now() - pausedSince > 1_500);
  client.socket.resume();
  t.is((await whole).body.length, total);
});

test('error upstream_timeout: a TLS handshake that never answers is 504 not_sent within `connect`', async (t) => {
  const upstream = await startUpstream(t, never);
  const outrider = await startOutrider(
    t,
    plainYaml(`https://127.0.0.1:${upstream.port}`, '', 'timeouts: { connect: 400ms }'),
  );
  upstream.onConnection = (socket) => void socket.removeAllListeners('data').resume();
  const started = Date.now();
  const answer = await ask(t, outrider.port, GET);
  assertProblem(t, answer, { status: 504, code: 'upstream_timeout', outcome: 'not_sent', route: 'api' });
  t.true(Date.now() - started < 2_500, 'the retry of rule 25 lies within one budget');
});

for (const [what, url] of [
  ['a refused connection', 'http://127.0.0.1:1'],
  ['a refused TLS connection', 'https://127.0.0.1:1'],
  ['a name that does not resolve', 'http://no-such-host.invalid'],
] as const) {
  test(`error upstream_unreachable: ${what} is 502 not_sent`, async (t) => {
    const outrider = await startOutrider(t, plainYaml(url));
    for (const bytes of [GET, 'POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc']) {
      const answer = await ask(t, outrider.port, bytes, { ms: 15_000 });
      assertProblem(t, answer, { status: 502, code: 'upstream_unreachable', outcome: 'not_sent', route: 'api' });
    }
  });
}

test('rule 17: an untrusted certificate is 502 not_sent, without a second try, and no request is sent', async (t) => {
  const upstream = await startUpstream(t, undefined, { tls: { key: CERTIFICATE_KEY, cert: CERTIFICATE } });
  const outrider = await startOutrider(t, plainYaml(upstream.origin));
  const answer = await ask(t, outrider.port, GET);
  assertProblem(t, answer, { status: 502, code: 'upstream_unreachable', outcome: 'not_sent', detail: /certificate/i });
  t.is(upstream.connections, 1);
  t.is(upstream.requests.length, 0);
});

test('rule 17: plain HTTP where TLS is expected is 502 not_sent', async (t) => {
  const upstream = await startUpstream(t);
  upstream.onConnection = (socket) => void socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const outrider = await startOutrider(t, plainYaml(`https://127.0.0.1:${upstream.port}`));
  assertProblem(t, await ask(t, outrider.port, GET), {
    status: 502,
    code: 'upstream_unreachable',
    outcome: 'not_sent',
  });
});

test('rule 17: connections are kept and reused', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  for (let i = 0; i < 5; i++) t.is((await outrider.call('/api/x')).status, 200);
  t.is(upstream.connections, 1);
});

test('rule 17: an unused upstream connection is given up after 4 s', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  await outrider.call('/api/x');
  const idleSince = Date.now();
  await until('the connection to be given up', () => upstream.openConnections === 0, 9_000);
  const took = Date.now() - idleSince;
  t.true(took >= 3_000 && took < 6_500, `${took} ms`);
});

test("rule 17: it is given up 2 s before the server's own hint", async (t) => {
  const { outrider, upstream } = await givenPlain(t, {
    handler: (arrival) => arrival.reply(200, { headers: ['Keep-Alive', 'timeout=3'], body: 'ok' }),
  });
  await outrider.call('/api/x');
  const idleSince = Date.now();
  await until('the connection to be given up', () => upstream.openConnections === 0, 9_000);
  const took = Date.now() - idleSince;
  t.true(took >= 300 && took < 2_600, `${took} ms`);
});

test('rule 17: a connection whose server says that it closes is not used again', async (t) => {
  const { outrider, upstream } = await givenPlain(t, {
    handler: (arrival) => arrival.reply(200, { headers: ['Connection', 'close'], body: 'ok' }),
  });
  for (let i = 0; i < 3; i++) t.is((await outrider.call('/api/x', { body: 'abc' })).status, 200);
  t.is(upstream.connections, 3);
});
