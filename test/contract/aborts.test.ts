import test from 'ava';
import { gate, until } from '../helpers/http1.ts';
import { httpCall } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { ask, rawClient } from '../helpers/raw.ts';
import { givenPlain, givenTokens } from './given.ts';

const GET = 'GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n';

const CUTS = {
  'a FIN within Content-Length': ['content-length: 10\r\n\r\nabc', 'end'],
  'a RST within Content-Length': ['content-length: 10\r\n\r\nabc', 'reset'],
  'a FIN between chunks': ['transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n', 'end'],
  'a FIN within a chunk': ['transfer-encoding: chunked\r\n\r\n5\r\nabc', 'end'],
  'a RST between chunks': ['transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n', 'reset'],
  'a FIN before the last line': ['transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n', 'end'],
  'a broken chunk size': ['transfer-encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n', 'stay'],
} as const;

for (const [what, [bytes, how]] of Object.entries(CUTS)) {
  for (const version of ['1.1', '1.0']) {
    test(`rule 18: ${what} aborts an HTTP/${version} caller within 1 s, never cleanly`, async (t) => {
      const cut = gate();
      const { outrider } = await givenPlain(t, {
        handler: async (arrival) => {
          const broken = how === 'stay';
          await arrival.write(`HTTP/1.1 200 OK\r\n${broken ? bytes.replace('zz\r\n', '') : bytes}`);
          await cut.opened;
          if (how === 'end') arrival.end();
          else if (how === 'reset') arrival.reset();
          else await arrival.write('zz\r\n');
        },
      });
      const client = await rawClient(t, outrider.port);
      await client.send(GET.replace('HTTP/1.1', `HTTP/${version}`));
      await until('the first bytes', () => client.received().includes('abc'));
      const started = Date.now();
      cut.open();
      const ended = await client.closed(3_000);
      t.true(Date.now() - started < 1_000, `${Date.now() - started} ms`);
      const text = client.received().toString('latin1');
      t.false(text.endsWith('0\r\n\r\n'), 'a last chunk would claim that the answer is whole');
      // A body that only the end of the connection delimits can be called broken by a reset alone.
      const isDelimited = /\r\n(content-length|transfer-encoding):/i.test(text.split('\r\n\r\n')[0] ?? '');
      if (!isDelimited) t.is(ended, 'reset');
    });
  }
}

test('rule 18: a caller that leaves while waiting for the answer aborts the upstream request within 1 s', async (t) => {
  const { outrider, upstream } = await givenTokens(t, { handler: () => {} });
  for (const [i, how] of (['reset', 'destroy'] as const).entries()) {
    const client = await rawClient(t, outrider.port);
    await client.send(GET);
    const arrival = await upstream.request(i + 1);
    const started = Date.now();
    if (how === 'reset') client.reset();
    else client.socket.destroy();
    await arrival.closed;
    t.true(Date.now() - started < 1_000, how);
  }
  await until('nothing open at the upstream', () => upstream.openConnections === 0, 2_000);
});

test('rule 18: a caller that leaves in mid-upload aborts the upstream request within 1 s', async (t) => {
  const { outrider, upstream } = await givenTokens(t);
  const client = await rawClient(t, outrider.port);
  await client.send('POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc');
  const arrival = await upstream.request(1);
  await until('the first bytes', () => arrival.bodyLength === 3);
  const started = Date.now();
  client.reset();
  await arrival.closed;
  t.true(Date.now() - started < 1_000);
  t.false(arrival.isComplete);
});

test.serial(
  'rule 18: a caller that leaves in mid-download aborts the upstream within 1 s, though it writes on',
  async (t) => {
    let isWriting = true;
    const { outrider, upstream } = await givenPlain(t, {
      handler: async (arrival) => {
        await arrival.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
        const block = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
        void arrival.closed.then(() => (isWriting = false));
        while (isWriting) {
          await arrival.write(block);
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
    });
    const client = await rawClient(t, outrider.port);
    await client.send(GET);
    await client.bodyBytes(100_000);
    const started = Date.now();
    client.reset();
    await (
      await upstream.request(1)
    ).closed;
    t.true(Date.now() - started < 1_000);
    await until('nothing open at the upstream', () => upstream.openConnections === 0, 2_000);
  },
);

test('rule 18: a hundred callers that leave at every stage leak nothing', async (t) => {
  const { outrider, upstream } = await givenTokens(t, { handler: () => {}, extra: 'admin: { address: 127.0.0.1:0 }' });
  for (let i = 0; i < 100; i++) {
    const client = await rawClient(t, outrider.port);
    if (i % 4 === 0) await client.send('GET /api/x HTT');
    if (i % 4 === 1) await client.send('POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc');
    if (i % 4 === 2) await client.send(GET);
    if (i % 4 === 3) await client.send(GET + GET + GET);
    if (i % 2) client.reset();
    else client.socket.destroy();
  }
  await until('nothing open at the upstream', () => upstream.openConnections === 0, 5_000);
  upstream.handler = (arrival) => arrival.reply(200, { body: 'alive' });
  t.is((await ask(t, outrider.port, GET)).text, 'alive');
  const metrics = await httpCall(outrider.adminOrigin ?? '', '/metrics');
  t.regex(metrics.text, /^http_server_active_requests(\{\})? 0$/m);
});

for (const how of ['end', 'reset'] as const) {
  test(`error upstream_failed: the connection breaks (${how}) before any answer, and nothing is retried`, async (t) => {
    const { outrider, upstream } = await givenPlain(t, {
      handler: async (arrival) => {
        await arrival.body();
        arrival[how]();
      },
    });
    for (const bytes of [GET, 'POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc']) {
      const answer = await ask(t, outrider.port, bytes);
      assertProblem(t, answer, { status: 502, code: 'upstream_failed', outcome: 'unknown', route: 'api' });
    }
    t.is(upstream.requests.length, 2);
  });

  test(`error upstream_failed: the connection breaks (${how}) within the answer's head`, async (t) => {
    const { outrider, upstream } = await givenPlain(t, {
      handler: async (arrival) => {
        await arrival.write('HTTP/1.1 200 OK\r\nX-A: ');
        await new Promise((resolve) => setImmediate(resolve));
        arrival[how]();
      },
    });
    const answer = await ask(t, outrider.port, GET);
    const { code } = JSON.parse(answer.text) as { code: string };
    assertProblem(t, answer, {
      status: 502,
      code: code === 'upstream_bad_response' ? code : 'upstream_failed',
      outcome: 'unknown',
    });
    t.is(upstream.requests.length, 1);
  });

  test(`error upstream_failed: the connection breaks (${how}) while the body is being sent`, async (t) => {
    const { outrider, upstream } = await givenPlain(t, { handler: () => {} });
    const client = await rawClient(t, outrider.port);
    await client.send('POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc');
    (await upstream.request(1))[how]();
    assertProblem(t, await client.answer(), { status: 502, code: 'upstream_failed', outcome: 'unknown' });
    t.is(upstream.requests.length, 1);
  });
}
