import test from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import { until } from '../helpers/http1.ts';
import { assertProblem } from '../helpers/problem.ts';
import { ask, rawClient } from '../helpers/raw.ts';
import { handshake } from '../helpers/websocket-client.ts';
import { givenBare, givenSocket } from './given.ts';

const SOCKET = handshake('/api/socket');
/** Sent behind a handshake: to whoever understands it, a payment. */
const SMUGGLED = 'POST /api/pay HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n100';

interface Ordinary {
  /** All that the provider sends. */
  readonly wire: string;
  readonly status: number;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Only the end of the connection tells the end. */
  readonly isEnded?: true;
}

const ORDINARY: Readonly<Record<string, Ordinary>> = {
  'a 200 with a length': {
    wire: 'HTTP/1.1 200 Fine\r\nContent-Length: 5\r\nX-Odd: \xe9\r\n\r\nhello',
    status: 200,
    text: 'hello',
    headers: { 'content-length': '5', 'x-odd': '\xe9', 'transfer-encoding': undefined },
  },
  'a 200 in chunks, with trailers': {
    wire: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n4\r\ndefg\r\n0\r\nX-Trailer: 1\r\n\r\n',
    status: 200,
    text: 'abcdefg',
  },
  'a 200 whose end is the end of the connection': {
    wire: 'HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nall there is',
    status: 200,
    text: 'all there is',
    isEnded: true,
  },
  'an answer of HTTP/1.0': { wire: 'HTTP/1.0 404 Nope\r\n\r\nold', status: 404, text: 'old', isEnded: true },
  'a 204': { wire: 'HTTP/1.1 204 No Content\r\n\r\n', status: 204, text: '' },
  'a 304': { wire: 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n', status: 304, text: '', headers: { etag: '"x"' } },
  'a redirect': {
    wire: 'HTTP/1.1 302 Found\r\nLocation: https://elsewhere.test/\r\nContent-Length: 0\r\n\r\n',
    status: 302,
    text: '',
    headers: { location: 'https://elsewhere.test/' },
  },
  'a 403 with Upgrade': {
    wire: 'HTTP/1.1 403 Forbidden\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nno',
    status: 403,
    text: 'no',
    headers: { upgrade: undefined },
  },
  'a 503': {
    wire: 'HTTP/1.1 503 Later\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno',
    status: 503,
    text: 'no',
    headers: { 'retry-after': '7' },
  },
  'a 100 and a 103 before it': {
    wire: 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nno',
    status: 400,
    text: 'no',
  },
};

for (const [what, { wire, status, text, headers = {}, isEnded }] of Object.entries(ORDINARY)) {
  test(`rule 16: ${what} in place of a 101 is an answer, and what came behind the handshake goes nowhere`, async (t) => {
    const { outrider, upstream } = await givenBare(t, async (arrival) => {
      await arrival.write(wire);
      if (isEnded) arrival.end();
    });
    const client = await rawClient(t, outrider.port);
    await client.send(SOCKET + SMUGGLED);
    const answer = await client.answer();
    t.is(answer.status, status);
    t.is(answer.text, text);
    for (const [name, value] of Object.entries(headers)) t.is(answer.header(name), value, name);
    t.is(answer.header('connection'), 'close');
    t.regex(answer.header('via') ?? '', /^1\.1 outrider-/);
    await client.send(SMUGGLED);
    t.is(await client.closed(), 'end');
    await until('nothing open at the provider', () => upstream.openConnections === 0);
    t.is(upstream.requests.length, 1);
    t.is(upstream.connections, 1);
    t.deepEqual(upstream.violations, []);
    t.is((await outrider.logged(1))[0]?.status, status);
  });
}

test('rule 16: a caller who goes on sending after another answer than 101 is not listened to for long', async (t) => {
  const { outrider } = await givenBare(t, (arrival) => arrival.reply(200, { body: 'x'.repeat(100_000) }));
  const client = await rawClient(t, outrider.port);
  await client.send(SOCKET);
  await client.send(Buffer.alloc(300_000, SMUGGLED));
  t.is((await client.answer()).body.length, 100_000);
  await until('nobody there', () => {
    client.socket.write(SMUGGLED);
    return client.socket.destroyed;
  });
  t.is((await outrider.logged(1)).length, 1);
});

const BAD: Readonly<Record<string, string>> = {
  'a 101 that does not say to what': 'HTTP/1.1 101 Switching Protocols\r\n\r\n',
  'a 101 with Upgrade and no Connection': 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n',
  'a 101 to another protocol': 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
  'a 101 to two protocols':
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n',
  'a 101 to WebSocket twice':
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n\r\n',
  'a 101 of HTTP/1.0': 'HTTP/1.0 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'no HTTP at all': 'SSH-2.0-OpenSSH_9.6\r\n\r\n',
  'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc',
  'a length and chunks':
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  'a NUL in a header of the 101':
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX: \x00\r\n\r\n',
};

for (const [what, wire] of Object.entries(BAD)) {
  test(`error upstream_bad_response: ${what} to a handshake`, async (t) => {
    const { outrider, upstream } = await givenBare(t, (arrival) => arrival.write(wire));
    const { client, ...answer } = await ask(t, outrider.port, SOCKET + SMUGGLED);
    assertProblem(t, answer, { status: 502, code: 'upstream_bad_response', outcome: 'unknown', route: 'api' });
    t.is(await client.closed(), 'end');
    await until('nothing open at the provider', () => upstream.openConnections === 0);
    t.is(upstream.requests.length, 1);
    t.is(upstream.violations.length, 0);
  });
}

test('error upstream_bad_response: a 101 without Upgrade that nobody asked for', async (t) => {
  const { outrider } = await givenBare(t, (arrival) => arrival.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'));
  const answer = await ask(t, outrider.port, 'GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assertProblem(t, answer, { status: 502, code: 'upstream_bad_response', outcome: 'unknown' });
});

test('error upstream_failed: a provider that breaks the connection instead of an answer', async (t) => {
  const { outrider, upstream } = await givenBare(t, (arrival) => arrival.end());
  assertProblem(t, await ask(t, outrider.port, SOCKET), { status: 502, code: 'upstream_failed', outcome: 'unknown' });
  upstream.handler = (arrival) => arrival.reset();
  assertProblem(t, await ask(t, outrider.port, SOCKET), { status: 502, code: 'upstream_failed', outcome: 'unknown' });
});

for (const [what, wire] of [
  ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nabc'],
  ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'],
  ['without', 'HTTP/1.1 200 OK\r\n\r\nabc'],
] as const) {
  test(`rule 18: an answer ${what} that breaks in place of a 101 is never ended cleanly`, async (t) => {
    const { outrider } = await givenBare(t, async (arrival) => {
      await arrival.write(wire);
      await new Promise((resolve) => setTimeout(resolve, 50));
      arrival.reset();
    });
    const client = await rawClient(t, outrider.port);
    await client.send(SOCKET);
    await t.throwsAsync(client.answer());
    const [line] = await outrider.logged(1);
    t.is(line?.status, 200);
    t.is(line?.code, 'upstream_failed');
  });
}

test('error upstream_unreachable: nobody listens', async (t) => {
  const { outrider, upstream } = await givenBare(t, (arrival) => arrival.end());
  await upstream.close();
  const answer = await ask(t, outrider.port, SOCKET);
  assertProblem(t, answer, { status: 502, code: 'upstream_unreachable', outcome: 'not_sent', route: 'api' });
  t.regex(answer.header('proxy-status') ?? '', /error=connection_refused/);
});

test('error upstream_timeout: no answer to a handshake', async (t) => {
  const clock = fakeClock();
  const { outrider, upstream } = await givenSocket(t, { clock, handler: () => {} });
  const client = await rawClient(t, outrider.port);
  await client.send(SOCKET);
  const guest = await upstream.guest(1);
  const answer = client.answer();
  await clock.advance(61_000);
  assertProblem(t, await answer, { status: 504, code: 'upstream_timeout', outcome: 'unknown' });
  await until('the end at the provider', () => guest.ended.size > 0);
});
