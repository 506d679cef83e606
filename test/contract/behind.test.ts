import test from 'ava';
import { gate, until } from '../helpers/http1.ts';
import { assertProblem } from '../helpers/problem.ts';
import { rawClient } from '../helpers/raw.ts';
import { givenPlain } from './given.ts';
import { givenJudged } from './judged.ts';

const get = (n: number): string => `GET /api/${n} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
const SMUGGLED = 'DELETE /api/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n';

for (const connection of ['Connection', 'Proxy-Connection']) {
  for (const [what, body] of Object.entries({
    'no body': '\r\n',
    'a length': 'Content-Length: 5\r\n\r\nhello',
    chunks: 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
  })) {
    test(`rule 16: behind an upgrade that is stripped (${connection}, ${what}), a body is never taken for a request`, async (t) => {
      const { send } = await givenJudged(t);
      const asks = `POST /api/1 HTTP/1.1\r\nHost: localhost\r\n${connection}: Upgrade\r\nUpgrade: h2c\r\n${body}`;
      const behind = `POST /api/2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n`;
      const { objection, seen, statuses } = await send([asks + behind, SMUGGLED]);
      t.is(objection, undefined);
      t.deepEqual(
        seen.map((request) => request.split(' ')[1]),
        ['/1'],
      );
      t.deepEqual(statuses, [200]);
    });
  }
}

test('behind an answer that closes the connection no request is begun: its caller may send it again', async (t) => {
  const held = gate();
  const { outrider, upstream } = await givenPlain(t, {
    handler: async (arrival) => {
      await held.opened;
      await arrival.reply(200, { body: arrival.target });
    },
  });
  const client = await rawClient(t, outrider.port);
  // With the body here, nobody waits for a 100: node:http then closes.
  const expects = 'POST /api/1 HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello';
  await client.send(expects + get(2));
  await upstream.request(1);
  held.open();
  const answer = await client.answer();
  t.is(answer.text, '/1');
  t.is(answer.header('connection'), 'close');
  await client.closed();
  t.is((await outrider.call('/api/other')).status, 200);
  t.deepEqual(
    upstream.requests.map(({ target }) => target),
    ['/1', '/other'],
  );
});

test('rule 06: the broken body of the last request that a pipeline may hold is refused too', async (t) => {
  const held = gate();
  const { outrider, upstream } = await givenPlain(t, {
    handler: async (arrival) => {
      if (arrival.target === '/1') await held.opened;
      await arrival.reply(200, { body: arrival.target });
    },
  });
  const client = await rawClient(t, outrider.port);
  const broken = 'POST /api/64 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel';
  await client.send(Array.from({ length: 63 }, (_, i) => get(i + 1)).join('') + broken);
  await upstream.request(1);
  await client.send('loXX');
  held.open();
  for (let n = 1; n < 64; n++) t.is((await client.answer()).text, `/${n}`);
  assertProblem(t, await client.answer(), { status: 400, code: 'bad_request', detail: /not a valid HTTP/ });
  await client.closed();
  await until('nothing at the upstream', () => upstream.requests.every(({ isComplete }) => isComplete));
  t.is(upstream.requests.length, 63);
});

test('rule 09: trailers over all limits are 431', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  const client = await rawClient(t, outrider.port);
  await client.send('POST /api/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
  const arrival = await upstream.request(1);
  await client.send(`0\r\nX-T: ${'t'.repeat(300_000)}`);
  assertProblem(t, await client.answer(), { status: 431, code: 'headers_too_large', outcome: 'unknown' });
  await client.closed();
  await until('the end at the upstream', () => arrival.isBroken);
});

test('a refusal arrives although the caller goes on sending nonsense', async (t) => {
  const { outrider } = await givenPlain(t);
  for (const nonsense of ['nonsense\r\n\r\n'.repeat(20_000), `X-Big: ${'b'.repeat(200_000)}\r\n\r\n`]) {
    const client = await rawClient(t, outrider.port);
    await client.send(nonsense);
    assertProblem(t, await client.answer(), { status: 400, code: 'bad_request' });
    t.is(await client.closed(), 'end');
  }
});
