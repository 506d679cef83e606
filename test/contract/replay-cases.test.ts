import { createHash, randomBytes } from 'node:crypto';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import test from 'ava';
import { gate, until } from '../helpers/http1.ts';
import { ask, rawClient } from '../helpers/raw.ts';
import { granted } from '../helpers/token-endpoint.ts';
import { accepting, givenTokens } from './given.ts';

const ON_BODY = '{ on_status: [], on_body: [{ status: 200, pointer: /subCode, equals: ["403"] }] }';
const REJECTION = '{"status":"ERROR","subCode":"403"}';

for (const [coding, packed, kind] of [
  ['gzip', gzipSync(REJECTION), ''],
  ['br', brotliCompressSync(REJECTION), ''],
  ['deflate', deflateSync(REJECTION), ''],
  ['deflate', deflateRawSync(REJECTION), ' without the zlib header'],
] as const) {
  test(`rule 19: a body in on_body is recognised in ${coding}${kind}, and one that is not it passes untouched`, async (t) => {
    const { outrider, upstream, tokens, warm } = await givenTokens(t, { renew: ON_BODY });
    await warm();
    upstream.handler = (arrival, n) =>
      n === 2
        ? arrival.reply(200, { headers: ['content-encoding', coding], body: packed })
        : arrival.reply(200, { body: 'fine' });
    t.is((await outrider.call('/api/x')).text, 'fine');
    t.is(tokens.calls.length, 2);
    upstream.handler = (arrival) =>
      arrival.reply(200, { headers: ['content-encoding', coding], body: packed.subarray(0, 5) });
    const answer = await outrider.call('/api/x');
    t.deepEqual(answer.body, Buffer.from(packed.subarray(0, 5)));
    t.is(answer.header('content-encoding'), coding);
  });
}

for (const type of [
  'text/html; charset=UTF-8',
  'application/octet-stream',
  'text/javascript',
  '*/*',
  'text/plain',
  'application/problem+json',
]) {
  for (const before of ['', ' \r\n\t', '\ufeff', '\ufeff\n']) {
    test(`rule 19: a body in on_body is recognised as ${type} behind ${JSON.stringify(before)}`, async (t) => {
      const { outrider, upstream, tokens, warm } = await givenTokens(t, { renew: ON_BODY });
      await warm();
      const body = Buffer.from(before + REJECTION);
      upstream.handler = async (arrival, n) => {
        if (n !== 2) return arrival.reply(200, { body: 'fine' });
        await arrival.write(`HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ncontent-length: ${body.length}\r\n\r\n`);
        for (const byte of body) {
          await arrival.write(Buffer.of(byte));
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      t.is((await outrider.call('/api/x')).text, 'fine');
      t.is(tokens.calls.length, 2);
    });
  }
}

for (const [type, begin] of [
  ['text/event-stream', '{"subCode":"403"'],
  ['Text/Event-Stream; charset=utf-8', 'data: 1\n\n'],
  ['text/html', ' \n<p>'],
  ['text/plain', 'step 1\n'],
  ['application/octet-stream', 'PK\x03\x04'],
  ['multipart/x-mixed-replace; boundary=b', '--b\r\n'],
] as const) {
  test(`rule 14: ${type} that is no JSON goes on at once also where a body may be a rejection`, async (t) => {
    const more = gate();
    const { outrider, upstream, warm } = await givenTokens(t, { renew: ON_BODY });
    await warm();
    upstream.handler = async (arrival) => {
      await arrival.write(
        `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ntransfer-encoding: chunked\r\n\r\n${begin.length.toString(16)}\r\n${begin}\r\n`,
      );
      await more.opened;
      await arrival.write('4\r\nlast\r\n0\r\n\r\n');
    };
    const client = await rawClient(t, outrider.port);
    const whole = client.answer();
    await client.send('GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
    t.is((await client.bodyBytes(begin.length)).toString(), begin);
    more.open();
    t.is((await whole).text, `${begin}last`);
  });
}

test('rule 19: a body beyond 64 KiB is not looked at and passes whole', async (t) => {
  const { outrider, upstream, tokens, warm } = await givenTokens(t, { renew: ON_BODY });
  await warm();
  const body = `{"pad":"${'p'.repeat(70_000)}","subCode":"403"}`;
  upstream.handler = (arrival) => arrival.reply(200, { body });
  t.is((await outrider.call('/api/x')).text, body);
  t.is(tokens.calls.length, 1);
});

test('rule 14: events arrive as they are sent also where a body may be a rejection', async (t) => {
  const more = gate();
  const { outrider, upstream, warm } = await givenTokens(t, { renew: ON_BODY });
  await warm();
  upstream.handler = async (arrival) => {
    await arrival.write(
      'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n',
    );
    await more.opened;
    await arrival.write('0\r\n\r\n');
  };
  const client = await rawClient(t, outrider.port);
  const whole = client.answer();
  await client.send('GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
  t.is((await client.bodyBytes(9)).toString(), 'data: 1\n\n');
  more.open();
  t.is((await whole).status, 200);
});

test('rule 20: a rejection whose connection closes is replayed on another', async (t) => {
  const { outrider, upstream, warm } = await givenTokens(t);
  await warm();
  const valid = accepting(new Set(['token-2']));
  upstream.handler = async (arrival, n) => {
    if (n !== 2) return valid(arrival, n);
    await arrival.body();
    await arrival.reply(401, { headers: ['Connection', 'close'], body: 'no' });
    arrival.end();
  };
  t.is((await outrider.call('/api/x', { body: 'abc' })).text, 'abc');
  // The connection of the first token was given up meanwhile, unused.
  t.deepEqual(
    upstream.requests.map(({ connection }) => connection),
    [1, 2, 3],
  );
});

for (const size of [100_000, 3_000_000]) {
  test(`rule 24: a rejection that comes and closes while ${size} bytes are being sent is replayed whole`, async (t) => {
    const { outrider, upstream, warm } = await givenTokens(t);
    await warm();
    const body = randomBytes(size);
    const valid = accepting(new Set(['token-2']));
    upstream.handler = async (arrival, n) => {
      if (n !== 2) return valid(arrival, n);
      await arrival.reply(401, { headers: ['Connection', 'close'], body: 'no' });
    };
    const answer = await outrider.call('/api/x', { method: 'POST', body });
    t.is(answer.status, 200);
    t.is((await upstream.requests[2]?.body())?.length, size);
  });
}

test('rule 24: a body that outgrows the spool while the token is renewed is never replayed in part', async (t) => {
  const { outrider, upstream, tokens, warm } = await givenTokens(t, {
    extra: 'replay: { memory: 16KiB, spool: 64KiB }',
  });
  await warm();
  const held = gate();
  tokens.script = async ({ n }) => {
    await held.opened;
    return granted(`token-${n}`);
  };
  upstream.handler = async (arrival, n) => {
    if (n === 2) return arrival.reply(401, { body: 'rejected' });
    return arrival.reply(200, { body: (await arrival.body()).sha256 });
  };
  const client = await rawClient(t, outrider.port);
  const whole = client.answer();
  await client.send('POST /api/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n');
  const chunk = `8000\r\n${'x'.repeat(0x8000)}\r\n`;
  await client.send(chunk);
  await tokens.call(2);
  await client.send(chunk.repeat(6));
  held.open();
  await client.send('0\r\n\r\n');
  const answer = await whole;
  if (answer.status === 401) t.is(answer.text, 'rejected');
  else
    t.is(
      answer.text,
      createHash('sha256')
        .update('x'.repeat(7 * 0x8000))
        .digest('hex'),
    );
  t.true(upstream.requests.slice(2).every(({ isComplete }) => isComplete));
});

test('rule 20: HEAD and a body with Expect: 100-continue are replayed too', async (t) => {
  const { outrider, upstream, warm } = await givenTokens(t);
  await warm();
  const valid = accepting(new Set(['token-2']));
  upstream.handler = (arrival, n) =>
    arrival.method === 'HEAD'
      ? arrival.write(
          `HTTP/1.1 ${arrival.header('authorization') === 'Bearer token-2' ? 200 : 401} X\r\nContent-Length: 5\r\n\r\n`,
        )
      : valid(arrival, n);
  const expecting = 'POST /api/x HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc';
  const answer = await ask(t, outrider.port, expecting);
  t.is(answer.text, 'abc');
  const head = await ask(t, outrider.port, 'HEAD /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n', { toHead: true });
  t.is(head.status, 200);
  t.is(head.header('content-length'), '5');
});

test('rule 23: a large rejection passes whole when the renewal fails', async (t) => {
  const { outrider, upstream, tokens, warm } = await givenTokens(t);
  await warm();
  const held = gate();
  tokens.script = async () => {
    await held.opened;
    return { status: 500, body: 'down' };
  };
  const body = randomBytes(3_000_000);
  upstream.handler = (arrival) => arrival.reply(401, { body });
  const call = outrider.call('/api/x', { body: 'abc' });
  await tokens.call(2);
  held.open();
  const answer = await call;
  t.is(answer.status, 401);
  t.true(answer.body.equals(body));
});

test('rule 26: a caller who goes while waiting for the first token is never sent, and frees the place', async (t) => {
  const held = gate();
  const { outrider, upstream, tokens } = await givenTokens(t, {
    script: async ({ n }) => {
      await held.opened;
      return granted(`token-${n}`);
    },
    extra: 'limits: { waiting: 2 }',
  });
  const leaver = await rawClient(t, outrider.port);
  await leaver.send('POST /api/gone HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc');
  await tokens.call(1);
  leaver.reset();
  await until('the caller to be gone', () => outrider.logs().length === 1, 2_000).catch(() => {});
  const stays = outrider.call('/api/stays', { body: 'abc' });
  held.open();
  t.is((await stays).status, 200);
  t.deepEqual(
    upstream.requests.map(({ target }) => target),
    ['/stays'],
  );
});

test('rule 26: a caller who goes in mid-wait does not spoil the token for the others', async (t) => {
  const held = gate();
  const { outrider, tokens } = await givenTokens(t, {
    script: async ({ n }) => {
      await held.opened;
      return granted(`token-${n}`);
    },
  });
  const leaver = await rawClient(t, outrider.port);
  await leaver.send('GET /api/gone HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await tokens.call(1);
  leaver.reset();
  const others = Array.from({ length: 5 }, () => outrider.call('/api/x'));
  held.open();
  t.true((await Promise.all(others)).every(({ status }) => status === 200));
  t.is(tokens.calls.length, 1);
});
