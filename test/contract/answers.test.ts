import test from 'ava';
import { assertProblem } from '../helpers/problem.ts';
import { ask, rawClient } from '../helpers/raw.ts';
import { givenPlain, givenTokens } from './given.ts';

const GET = 'GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n';

for (const status of [301, 302, 303, 307, 308]) {
  test(`rule 15: a ${status} passes to the caller and is not followed`, async (t) => {
    const { outrider, upstream } = await givenPlain(t, {
      handler: (arrival) =>
        arrival.reply(status, { headers: ['Location', `${upstream.origin}/elsewhere`], body: 'moved' }),
    });
    const answer = await ask(t, outrider.port, GET);
    t.is(answer.status, status);
    t.is(answer.header('location'), `${upstream.origin}/elsewhere`);
    t.is(answer.text, 'moved');
    t.is(upstream.requests.length, 1);
  });
}

test('rule 15: answers are never cached', async (t) => {
  const { outrider, upstream } = await givenPlain(t, {
    handler: (arrival) =>
      arrival.reply(200, { headers: ['Cache-Control', 'max-age=3600', 'ETag', '"1"'], body: 'fresh' }),
  });
  await ask(t, outrider.port, GET);
  await ask(t, outrider.port, GET);
  t.is(upstream.requests.length, 2);
  t.is(upstream.requests[1]?.header('if-none-match'), undefined);
});

test('rule 14: an answer to HEAD has its headers and no body', async (t) => {
  const { outrider } = await givenPlain(t, {
    handler: (arrival) => arrival.write('HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nX-A: b\r\n\r\n'),
  });
  const client = await rawClient(t, outrider.port);
  const first = client.answer({ toHead: true });
  await client.send('HEAD /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
  t.is((await first).header('content-length'), '1234');
  const second = client.answer({ toHead: true });
  await client.send('HEAD /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
  t.is((await second).status, 200, 'the connection is still in step');
});

for (const [head, framed] of [
  ['204 No Content\r\n', false],
  ['304 Not Modified\r\nETag: "1"\r\n', false],
  ['304 Not Modified\r\nContent-Length: 99\r\n', true],
  ['200 OK\r\nContent-Length: 0\r\n', true],
] as const) {
  test(`rule 14: the bodiless answer "${head.trim().replace('\r\n', ' + ')}" keeps the connection in step`, async (t) => {
    const { outrider, upstream } = await givenPlain(t, { handler: (arrival) => arrival.write(`HTTP/1.1 ${head}\r\n`) });
    const client = await rawClient(t, outrider.port);
    for (let i = 0; i < 2; i++) {
      await client.send(GET);
      const answer = await client.answer();
      t.is(answer.status, Number(head.slice(0, 3)));
      t.is(answer.header('transfer-encoding'), undefined);
      if (!framed) t.is(answer.header('content-length'), undefined);
    }
    t.is(upstream.requests.length, 2);
  });
}

test('rule 14: an HTTP/1.0 caller gets the whole body without chunks, then the connection closes', async (t) => {
  const { outrider } = await givenPlain(t, {
    handler: (arrival) =>
      arrival.reply(200, { headers: ['transfer-encoding', 'chunked'], body: '3\r\nabc\r\n0\r\n\r\n' }),
  });
  const answer = await ask(t, outrider.port, 'GET /api/x HTTP/1.0\r\nHost: localhost\r\n\r\n');
  t.is(answer.text, 'abc');
  t.is(answer.header('transfer-encoding'), undefined);
  t.is(await answer.client.closed(), 'end');
});

test('rule 14: an HTTP/1.0 upstream is understood', async (t) => {
  const { outrider } = await givenPlain(t, {
    handler: async (arrival) => {
      await arrival.write('HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold but fine');
      arrival.end();
    },
  });
  t.is((await ask(t, outrider.port, GET)).text, 'old but fine');
});

for (const headers of [
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
  'Connection: keep-alive, Upgrade\r\nUpgrade: h2c, websocket\r\n',
  'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n',
  'Upgrade: anything/1\r\n',
  'Connection: upgrade\r\n',
]) {
  test(`rule 16: "${headers.replaceAll('\r\n', ' ').slice(0, 60)}…" is stripped and the request goes on`, async (t) => {
    const { outrider, upstream } = await givenTokens(t);
    for (const [method, body] of [
      ['GET', ''],
      ['POST', 'abc'],
    ] as const) {
      const framing = body ? `Content-Length: ${body.length}\r\n` : '';
      const bytes = `${method} /api/x HTTP/1.1\r\nHost: localhost\r\n${headers}${framing}\r\n${body}`;
      t.is((await ask(t, outrider.port, bytes)).text, 'ok');
      const arrival = upstream.requests.at(-1);
      t.is(arrival?.header('upgrade'), undefined);
      t.is(arrival?.header('http2-settings'), undefined);
      t.notRegex(arrival?.header('connection') ?? '', /upgrade/i);
      t.is(arrival?.header('authorization'), 'Bearer token-1');
      t.is((await arrival?.body())?.bytes.toString(), body);
    }
  });
}

const BAD: Readonly<Record<string, string>> = {
  'Content-Length twice': 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc',
  'Content-Length twice, equal': 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc',
  'Content-Length with Transfer-Encoding':
    'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  'Transfer-Encoding with Content-Length':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  'Content-Length: +3': 'HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc',
  'Content-Length: abc': 'HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\nabc',
  'Content-Length: 3, 3': 'HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc',
  'an unasked-for 101': 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
  'no HTTP at all': 'SSH-2.0-OpenSSH_9.6\r\n\r\n',
  'a status of two digits': 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n',
  'a header without a colon': 'HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 0\r\n\r\n',
  'NUL in a header': 'HTTP/1.1 200 OK\r\nX-A: a\x00b\r\nContent-Length: 0\r\n\r\n',
};

for (const [what, bytes] of Object.entries(BAD)) {
  test(`error upstream_bad_response: ${what}`, async (t) => {
    const { outrider, upstream } = await givenPlain(t, { handler: (arrival) => arrival.write(bytes) });
    const answer = await ask(t, outrider.port, GET);
    assertProblem(t, answer, { status: 502, code: 'upstream_bad_response', outcome: 'unknown', route: 'api' });
    t.is(upstream.requests.length, 1);
  });
}

for (const lengths of [
  'Content-Length: 1\r\nContent-Length: 0\r\n',
  'Content-Length: 3\r\ncontent-length: 3\r\n',
  'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n',
]) {
  test(`error upstream_bad_response: the head "${lengths.trim().replace('\r\n', ' + ')}" is enough to know it`, async (t) => {
    const { outrider } = await givenPlain(t, {
      handler: (arrival) => arrival.write(`HTTP/1.1 200 OK\r\n${lengths}\r\n`),
    });
    const answer = await ask(t, outrider.port, GET);
    assertProblem(t, answer, { status: 502, code: 'upstream_bad_response', outcome: 'unknown', route: 'api' });
  });
}

test('error upstream_bad_response: a planted second answer never reaches the next caller', async (t) => {
  const planted = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL';
  const { outrider, upstream } = await givenPlain(t, {
    handler: (arrival, n) =>
      n === 1
        ? arrival.write(`HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood${planted}`)
        : arrival.reply(200, { body: `for ${arrival.target}` }),
  });
  t.is((await ask(t, outrider.port, GET)).text, 'good');
  for (let i = 0; i < 3; i++) {
    t.is((await ask(t, outrider.port, `GET /api/${i} HTTP/1.1\r\nHost: localhost\r\n\r\n`)).text, `for /${i}`);
  }
  t.is(upstream.requests.length, 4);
});

test('error upstream_bad_response: a head that never ends in bytes is given up', async (t) => {
  const { outrider } = await givenPlain(t, {
    handler: async (arrival) => {
      await arrival.write('HTTP/1.1 200 OK\r\n');
      let isOpen = true;
      void arrival.closed.then(() => (isOpen = false));
      for (let i = 0; isOpen && i < 10_000; i++) await arrival.write(`X-${i}: ${'v'.repeat(1000)}\r\n`);
    },
  });
  const answer = await ask(t, outrider.port, GET);
  assertProblem(t, answer, { status: 502, code: 'upstream_bad_response', outcome: 'unknown' });
});

test('rule 14: an unasked-for 100 is dropped', async (t) => {
  const { outrider } = await givenPlain(t, {
    handler: async (arrival) => {
      await arrival.write('HTTP/1.1 100 Continue\r\n\r\n');
      await arrival.reply(200, { body: 'final' });
    },
  });
  t.is((await ask(t, outrider.port, GET)).text, 'final');
});
