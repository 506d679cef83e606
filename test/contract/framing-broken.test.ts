import test from 'ava';
import { gate, until } from '../helpers/http1.ts';
import { assertProblem } from '../helpers/problem.ts';
import { rawClient } from '../helpers/raw.ts';
import { givenPlain, givenTokens } from './given.ts';

const HEAD = 'POST /api/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n';

const BROKEN: Readonly<Record<string, string>> = {
  'a chunk size that is no number': 'zz\r\nabc\r\n0\r\n\r\n',
  'a negative chunk size': '-3\r\nabc\r\n0\r\n\r\n',
  'a chunk size with a sign': '+3\r\nabc\r\n0\r\n\r\n',
  'a chunk size in 0x': '0x3\r\nabc\r\n0\r\n\r\n',
  'a chunk size beyond 2^64': '10000000000000003\r\nabc\r\n0\r\n\r\n',
  'an empty chunk size': '\r\nabc\r\n0\r\n\r\n',
  'a chunk longer than its size': '3\r\nabcd\r\n0\r\n\r\n',
  'a chunk without its line end': '3\r\nabc0\r\n\r\n',
  'a bare LF after the chunk size': '3\nabc\r\n0\r\n\r\n',
  'a bare CR after the chunk size': '3\rabc\r\n0\r\n\r\n',
  'a blank before the chunk size': ' 3\r\nabc\r\n0\r\n\r\n',
};

for (const [what, rest] of Object.entries(BROKEN)) {
  test(`rule 06: a chunked body with ${what}, after the dial, is aborted and never completed`, async (t) => {
    const { outrider, upstream } = await givenPlain(t);
    const client = await rawClient(t, outrider.port);
    await client.send(HEAD);
    const arrival = await upstream.request(1);
    await client.send(rest);
    assertProblem(t, await client.answer(), { status: 400, code: 'bad_request', outcome: 'unknown' });
    await client.closed();
    await until('the end at the upstream', () => arrival.isBroken || arrival.isComplete, 2_000);
    t.true(arrival.isBroken, 'the upstream request must not be completed');
    t.is(upstream.requests.length, 1);
  });
}

test('rule 06: a chunked body that is broken from its first chunk never becomes a whole request', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  const client = await rawClient(t, outrider.port);
  await client.send('POST /api/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n');
  const answer = await client.answer();
  t.is(answer.status, 400);
  t.is((JSON.parse(answer.text) as { code: string }).code, 'bad_request');
  await client.closed();
  await until('nothing open at the upstream', () => upstream.openConnections === 0, 2_000);
  t.true(upstream.requests.every(({ isComplete }) => !isComplete));
});

for (const framing of ['Content-Length: 10\r\n\r\nabc', 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n']) {
  test(`rule 06: a caller that closes in the midst of ${framing.split(':')[0]} never completes the request`, async (t) => {
    const { outrider, upstream } = await givenPlain(t);
    const client = await rawClient(t, outrider.port);
    await client.send(`POST /api/x HTTP/1.1\r\nHost: localhost\r\n${framing}`);
    const arrival = await upstream.request(1);
    client.socket.end();
    await until('the end at the upstream', () => arrival.isBroken || arrival.isComplete, 2_000);
    t.true(arrival.isBroken);
  });
}

test('rule 06: a broken chunked body is not replayed when a rejection has come before', async (t) => {
  const { outrider, upstream, tokens, warm } = await givenTokens(t);
  await warm();
  upstream.handler = (arrival) => arrival.reply(401);
  const client = await rawClient(t, outrider.port);
  await client.send(HEAD);
  await tokens.call(2).catch(() => {});
  await client.send('zz\r\n');
  await client.closed();
  t.true(upstream.requests.slice(1).every(({ isComplete }) => !isComplete));
});

for (const headers of [
  'Content-Length: 003',
  'Content-Length: 5\r\nHost: localhost',
  'Transfer-Encoding: gzip, chunked',
]) {
  for (const isHalfClosed of [false, true]) {
    test(`rule 06: a refused request (${headers.replace('\r\n', ' + ')}) whose body never comes is closed all the same${isHalfClosed ? ', half-closed too' : ''}`, async (t) => {
      const { outrider } = await givenPlain(t);
      const client = await rawClient(t, outrider.port);
      await client.send(`POST /api/x HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n\r\n`);
      if (isHalfClosed) client.socket.end();
      assertProblem(t, await client.answer(), { status: 400, code: 'bad_request' });
      await client.closed(4_000);
    });
  }
}

const GARBAGE: Readonly<Record<string, string>> = {
  'a malformed head': 'GET /api/2 HTTP/1.1\r\nHost : localhost\r\n\r\n',
  'ambiguous framing':
    'POST /api/2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'a CONNECT': 'CONNECT api.provider.test:443 HTTP/1.1\r\nHost: api.provider.test\r\n\r\n',
  nonsense: '\x00\x01\x02\r\n\r\n',
};

for (const [what, garbage] of Object.entries(GARBAGE)) {
  test(`what is accepted: ${what} behind an unanswered request is never answered itself`, async (t) => {
    const held = gate();
    const { outrider, upstream } = await givenPlain(t, {
      handler: async (arrival) => {
        await held.opened;
        await arrival.reply(200, { body: 'paid' });
      },
    });
    const client = await rawClient(t, outrider.port);
    await client.send('GET /api/1 HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await upstream.request(1);
    await client.send(garbage);
    held.open();
    const answer = await client.answer();
    t.is(answer.text, 'paid');
    await client.closed();
    t.is(
      client
        .received()
        .toString('latin1')
        .match(/HTTP\/1\.1 \d{3} /g)?.length,
      1,
      'one answer only',
    );
    t.is(upstream.requests.length, 1);
  });

  test(`what is accepted: ${what} in the same packet as a request before it is never answered itself`, async (t) => {
    const held = gate();
    const { outrider, upstream } = await givenPlain(t, {
      handler: async (arrival) => {
        await held.opened;
        await arrival.reply(200, { body: 'paid' });
      },
    });
    const client = await rawClient(t, outrider.port);
    await client.send(`GET /api/1 HTTP/1.1\r\nHost: localhost\r\n\r\n${garbage}`);
    await upstream.request(1);
    held.open();
    t.is((await client.answer()).text, 'paid');
    await client.closed();
    t.is(
      client
        .received()
        .toString('latin1')
        .match(/HTTP\/1\.1 \d{3} /g)?.length,
      1,
      'one answer only',
    );
  });
}

for (const isChunked of [false, true]) {
  test(`rule 06: what follows an answer that came before the ${isChunked ? 'chunked ' : ''}body's end is still that body`, async (t) => {
    const { outrider, upstream } = await givenPlain(t, {
      handler: (arrival) => arrival.reply(200, { body: arrival.target }),
    });
    const rest = 'GET /api/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const client = await rawClient(t, outrider.port);
    const framing = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${rest.length + 1}`;
    await client.send(`POST /api/1 HTTP/1.1\r\nHost: localhost\r\n${framing}\r\n\r\n${isChunked ? '1\r\nx\r\n' : 'x'}`);
    t.is((await client.answer()).text, '/1');
    await client.send(isChunked ? `${rest.length.toString(16)}\r\n${rest}\r\n0\r\n\r\n` : rest);
    await client.send('GET /api/2 HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const second = await Promise.race([client.answer().catch(() => undefined), client.closed().then(() => undefined)]);
    if (second) t.is(second.text, '/2');
    t.false(upstream.requests.some(({ target }) => target === '/smuggled'));
  });
}

test('what is accepted: pipelined requests are answered in their order', async (t) => {
  const held = gate();
  const { outrider, upstream } = await givenPlain(t, {
    handler: async (arrival) => {
      const { bytes } = await arrival.body();
      if (arrival.target === '/1') await held.opened;
      await arrival.reply(200, { body: `${arrival.target}:${bytes.toString()}` });
    },
  });
  const client = await rawClient(t, outrider.port);
  await client.send(
    'POST /api/1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\naGET /api/2 HTTP/1.1\r\nHost: localhost\r\n\r\n' +
      'POST /api/3 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n',
  );
  await upstream.request(1);
  held.open();
  t.is((await client.answer()).text, '/1:a');
  t.is((await client.answer()).text, '/2:');
  t.is((await client.answer()).text, '/3:c');
});

test('what is accepted: a request that comes byte by byte is the same request', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  const client = await rawClient(t, outrider.port);
  const bytes = 'POST /api/x?y HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\nContent-Length: 3\r\n\r\nabc';
  for (const byte of bytes) await client.send(byte);
  t.is((await client.answer()).status, 200);
  t.is(upstream.requests[0]?.target, '/x?y');
  t.is((await upstream.requests[0]?.body())?.bytes.toString(), 'abc');
});
