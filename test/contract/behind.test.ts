import test from 'ava';
import { gate, until } from '../helpers/http1.ts';
import { assertProblem } from '../helpers/problem.ts';
import { ask, rawClient } from '../helpers/raw.ts';
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
    test(`rule 16: an upgrade that is stripped (${connection}, ${what}) keeps its connection, and no body is taken for a request`, async (t) => {
      const { send } = await givenJudged(t);
      const asks = `POST /api/1 HTTP/1.1\r\nHost: localhost\r\n${connection}: Upgrade\r\nUpgrade: h2c\r\n${body}`;
      const behind = `POST /api/2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n`;
      const { objection, seen, statuses } = await send([asks + behind, SMUGGLED]);
      t.is(objection, undefined);
      t.deepEqual(
        seen.map((request) => request.split(' ')[1]),
        ['/1', '/2'],
      );
      t.deepEqual(statuses, [200, 200]);
    });
  }
}

test('rule 11: a body that came together with its `Expect` needs no 100, and what is behind it is answered', async (t) => {
  const { outrider, upstream } = await givenPlain(t, {
    handler: (arrival) => arrival.reply(200, { body: arrival.target }),
  });
  const client = await rawClient(t, outrider.port);
  const expects = 'POST /api/1 HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello';
  await client.send(expects + get(2));
  for (const n of [1, 2]) {
    const answer = await client.answer();
    t.is(answer.text, `/${n}`);
    t.deepEqual(answer.informational, []);
  }
  t.is(upstream.requests.length, 2);
});

test('behind an answer that closes the connection no request is begun: its caller may send it again', async (t) => {
  const held = gate();
  const { outrider, upstream } = await givenPlain(t, {
    handler: async (arrival) => {
      await held.opened;
      await arrival.reply(200, { body: arrival.target });
    },
  });
  const client = await rawClient(t, outrider.port);
  await client.send(get(1).replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n') + get(2));
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

for (const waits of ['a 404', 'a refusal of the body']) {
  test(`rule 11: a caller who waits for a 100 and gets ${waits} is told that the connection closes`, async (t) => {
    const { outrider, upstream } = await givenPlain(t);
    const client = await rawClient(t, outrider.port);
    const target = waits === 'a 404' ? '/nowhere' : '/api/..';
    await client.send(
      `POST ${target} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`,
    );
    const answer = await client.answer();
    t.deepEqual([answer.status >= 400, answer.header('connection')], [true, 'close']);
    // Nobody knows whether these are the body, or the next request.
    await client.send(get(2));
    t.is(await client.closed(), 'end');
    t.is(upstream.connections, 0);
  });
}

test('rule 06: the broken body of the last of many requests in a pipeline is refused too', async (t) => {
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
  assertProblem(t, await client.answer(), { status: 400, code: 'bad_request', detail: /chunked coding is broken/ });
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

const NONSENSE: Readonly<Record<string, readonly [first: string, status: number]>> = {
  nonsense: ['nonsense\r\n\r\n', 400],
  'a header of nonsense': [`X-Big: ${'b'.repeat(200_000)}\r\n\r\n`, 400],
  'two Hosts': [get(1).replace('\r\n\r\n', '\r\nHost: b\r\n\r\n'), 400],
  'another Expect': [get(1).replace('\r\n\r\n', '\r\nExpect: b\r\n\r\n'), 417],
  'a request that closes': [get(1).replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'), 200],
};

for (const [what, [first, status]] of Object.entries(NONSENSE)) {
  test(`the answer to ${what} arrives although the caller goes on sending, and then the end, not a reset`, async (t) => {
    const { outrider } = await givenPlain(t);
    const client = await rawClient(t, outrider.port);
    void client.send(first);
    for (let i = 0; i < 30; i++) {
      void client.send(get(2).repeat(500));
      await new Promise((resolve) => setImmediate(resolve));
    }
    t.is((await client.answer()).status, status);
    t.is(await client.closed(), 'end');
    t.is(
      client
        .received()
        .toString('latin1')
        .match(/HTTP\/1\.1 \d/g)?.length,
      1,
    );
  });
}

test('rule 06: a coding with a tab behind it, next to an upgrade, is the coding that it says', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  const head =
    'POST /api/1 HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked';
  t.is((await ask(t, outrider.port, `${head}\t\r\n\r\n5\r\nhello\r\n0\r\n\r\n`)).status, 200);
  t.is((await (await upstream.request(1)).body()).bytes.toString(), 'hello');
});

const CONNECT = 'CONNECT provider.test:443 HTTP/1.1\r\nHost: provider.test:443\r\n\r\n';

for (const [what, first] of Object.entries({
  'an upgrade': get(1).replace('\r\n\r\n', '\r\nUpgrade: h2c\r\n\r\n'),
  'many requests': Array.from({ length: 64 }, (_, i) => get(i + 1)).join(''),
})) {
  for (const how of ['reset', 'close'] as const) {
    test(`rule 18: who sends a CONNECT behind ${what} and leaves (${how}) takes nobody along`, async (t) => {
      const { outrider, upstream } = await givenPlain(t, { handler: () => {} });
      const client = await rawClient(t, outrider.port);
      await client.send(first + CONNECT);
      const arrival = await upstream.request(1);
      if (how === 'reset') client.reset();
      else client.socket.destroy();
      await arrival.closed;
      t.is((await outrider.call('/nowhere')).status, 404);
      t.is(upstream.requests.length, 1);
    });
  }
}
