import { METHODS } from 'node:http';
import test from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import { until } from '../helpers/http1.ts';
import { assertProblem } from '../helpers/problem.ts';
import { ask, rawClient } from '../helpers/raw.ts';
import { givenPlain } from './given.ts';

const head = (lines: string, start = 'GET /api/x HTTP/1.1'): string => `${start}\r\nHost: localhost\r\n${lines}\r\n`;

test('rule 6: each method that Node knows is taken, and none besides', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  const forwarded = METHODS.filter((method) => method !== 'CONNECT' && method !== 'TRACE');
  for (const method of forwarded) {
    const client = await rawClient(t, outrider.port);
    await client.send(head('', `${method} /api/x HTTP/1.1`));
    t.is((await client.answer({ toHead: method === 'HEAD' })).status, 200, method);
    client.socket.destroy();
  }
  t.deepEqual(
    upstream.requests.map(({ method }) => method),
    forwarded,
  );
  for (const method of ['FROB', 'get', 'GETX', 'PRI', 'DESCRIBE', 'M-SEARCHX', 'A'.repeat(10_000), 'BREW', 'X-GET']) {
    const answer = await ask(t, outrider.port, head('', `${method} /api/x HTTP/1.1`));
    assertProblem(t, answer, { status: 400, code: 'bad_request' });
  }
  t.is(upstream.requests.length, forwarded.length);
});

// oxlint-disable-next-line no-control-regex
for (const byte of Array.from({ length: 32 }, (_, code) => code)
  .filter((code) => code !== 9)
  .concat(0x7f)) {
  const name = byte.toString(16).padStart(2, '0');
  test(`rule 9: the control character ${name} in a value is 400, wherever it stands`, async (t) => {
    const { outrider, upstream } = await givenPlain(t);
    const char = String.fromCharCode(byte);
    for (const value of [`a${char}b`, `${char}b`, `a${char}`, `a ${char}`, char]) {
      const answer = await ask(t, outrider.port, head(`X-A: ${value}\r\n`));
      assertProblem(t, answer, { status: 400, code: 'bad_request' });
    }
    t.is(upstream.connections, 0);
  });
}

test('rule 9: a tab in a value, and bytes above 127, pass as they are', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  t.is((await ask(t, outrider.port, head('X-A: a\tb\xff\xc3\xa9\r\n'))).status, 200);
  t.is(upstream.requests[0]?.header('x-a'), 'a\tb\xff\xc3\xa9');
});

const LIMITS = 'limits: { url_bytes: 100B, header_bytes: 300B, headers: 5 }';
const long = (bytes: number): string => `X: ${'v'.repeat(bytes)}\r\n`;

for (const [what, wire, status] of [
  ['a target at its limit', head('', `GET /api/${'x'.repeat(95)} HTTP/1.1`), 200],
  ['a target one byte beyond it', head('', `GET /api/${'x'.repeat(96)} HTTP/1.1`), 414],
  ['a long target before a version that is none', head('', `GET /api/${'x'.repeat(96)} HTTP/7`), 414],
  [
    'a control character within a target that would be too long',
    head('', `GET /api/\x01${'x'.repeat(200)} HTTP/1.1`),
    400,
  ],
  ['a method that is none before a long target', head('', `FROB /api/${'x'.repeat(200)} HTTP/1.1`), 400],
  ['a long target before large headers', head(long(400), `GET /api/${'x'.repeat(200)} HTTP/1.1`), 414],
  ['headers too large, no end of them', `GET /api/x HTTP/1.1\r\nHost: localhost\r\n${long(400)}`, 431],
  ['a bad line before headers that are too large', head(`bad\r\n${long(400)}`), 400],
  ['a bad line behind headers that are too large', head(`${long(400)}bad\r\n`), 431],
  ['a bad line before one header too many', head(`${'A: b\r\n'.repeat(3)}b@d: x\r\n${'A: b\r\n'.repeat(3)}`), 400],
  ['one header too many before a bad line', head(`${'A: b\r\n'.repeat(5)}b@d: x\r\n`), 431],
  ['a first line that is none, of any length', `${'x'.repeat(5_000)}\r\n`, 400],
  ['two blanks, and then too much', head(long(400), `GET  /api/${'x'.repeat(200)} HTTP/1.1`), 400],
] as const) {
  test(`rule 9: what breaks first is what is told: ${what}`, async (t) => {
    const { outrider, upstream } = await givenPlain(t, { extra: LIMITS });
    for (const pieces of [[wire], wire.match(/[^]{1,7}/g) ?? []]) {
      const client = await rawClient(t, outrider.port);
      for (const piece of pieces) void client.send(piece);
      const answer = await client.answer();
      t.is(answer.status, status, answer.text);
      if (status > 400) {
        assertProblem(t, answer, { status, code: status === 414 ? 'uri_too_long' : 'headers_too_large' });
        await client.closed();
      }
    }
    t.is(upstream.requests.length, status === 200 ? 2 : 0);
  });
}

test('rule 9: the refusal of a HEAD has no body, and says how long it would be', async (t) => {
  const { outrider } = await givenPlain(t);
  const client = await rawClient(t, outrider.port);
  await client.send(head('bad header\r\n', 'HEAD /api/x HTTP/1.1'));
  const answer = await client.answer({ toHead: true });
  t.is(answer.status, 400);
  t.true(Number(answer.header('content-length')) > 0);
  await client.closed();
  t.true(client.received().toString().endsWith('\r\n\r\n'));
});

test('rule 9: what is refused before it is read whole is in the log, with its request id', async (t) => {
  const { outrider } = await givenPlain(t, { extra: `${LIMITS}\nlog: { format: json }` });
  const answer = await ask(t, outrider.port, head(`X-Request-Id: mine-1\r\n${long(400)}`, 'PUT /api/x?q=1 HTTP/1.1'));
  assertProblem(t, answer, { status: 431, code: 'headers_too_large' });
  t.is((JSON.parse(answer.text) as { request_id: string }).request_id, 'mine-1');
  await outrider.logged(1);
  const line =
    outrider
      .logText()
      .split('\n')
      .find((one) => one.includes('mine-1')) ?? '{}';
  t.like(JSON.parse(line), { method: 'PUT', path: '/api/x', status: 431, code: 'headers_too_large', attempts: 0 });
});

for (const [what, body, status] of [
  ['a line with a size of 4 KiB', `5;${'x'.repeat(4_000)}\r\nhello\r\n0\r\n\r\n`, 200],
  ['a line with a size beyond that', `5;${'x'.repeat(4_200)}\r\nhello\r\n0\r\n\r\n`, 400],
  ['many chunks of one byte', `${'1\r\nx\r\n'.repeat(20_000)}0\r\n\r\n`, 200],
  ['many chunks with an extension that is none to speak of', `${'1;abcdefghij\r\nx\r\n'.repeat(5_000)}0\r\n\r\n`, 200],
  ['extensions of more than 16 KiB in all', `${`1;${'x'.repeat(100)}\r\nx\r\n`.repeat(250)}0\r\n\r\n`, 400],
  ['trailers beyond header_bytes', `0\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
] as const) {
  test(`rule 9: of what chunks cost beyond what they carry, so much is borne: ${what}`, async (t) => {
    const { outrider, upstream } = await givenPlain(t);
    const client = await rawClient(t, outrider.port);
    await client.send(head('Transfer-Encoding: chunked\r\n', 'POST /api/x HTTP/1.1'));
    await client.send(body);
    const answer = await client.answer();
    t.is(answer.status, status, answer.text);
    if (status !== 200) {
      assertProblem(t, answer, {
        status,
        code: status === 431 ? 'headers_too_large' : 'bad_request',
      });
      await client.closed();
      t.true(
        upstream.requests.every(({ isComplete }) => !isComplete),
        'never completed',
      );
    }
  });
}

test('rule 10: an unused connection is kept for `timeouts.keep_alive`, which answers tell', async (t) => {
  const clock = fakeClock();
  const { outrider } = await givenPlain(t, { clock, extra: 'timeouts: { keep_alive: 5s }' });
  const client = await rawClient(t, outrider.port);
  await client.send(head(''));
  const answer = await client.answer();
  t.is(answer.header('keep-alive'), 'timeout=5');
  t.is(answer.header('connection'), 'keep-alive');
  for (let i = 0; i < 9; i++) await clock.advance(500);
  await client.send(head(''));
  t.is((await client.answer()).status, 200);
  for (let i = 0; i < 14; i++) await clock.advance(500);
  t.is(await client.closed(), 'end');
  const last = await ask(t, outrider.port, head('Connection: close\r\n'));
  t.is(last.header('keep-alive'), undefined);
  t.is(last.header('connection'), 'close');
});

test('rule 10: a caller who sends no more of a body is told after `timeouts.caller`, and that it may have been seen', async (t) => {
  const clock = fakeClock();
  const { outrider, upstream } = await givenPlain(t, {
    clock,
    handler: () => {},
    extra: 'timeouts: { caller: 20s, response: 10m, idle: 10m }',
  });
  const client = await rawClient(t, outrider.port);
  await client.send(`${head('Content-Length: 10\r\n', 'POST /api/x HTTP/1.1')}hello`);
  const arrival = await upstream.request(1);
  await until('the first half', () => arrival.bodyLength === 5);
  for (let i = 0; i < 19; i++) await clock.advance(1_000);
  t.is(client.received().length, 0);
  for (let i = 0; i < 4; i++) await clock.advance(1_000);
  const answer = await client.answer();
  assertProblem(t, answer, { status: 408, code: 'request_timeout', outcome: 'unknown', detail: /body/ });
  t.regex(answer.text, /timeouts\.caller/);
  await client.closed();
  await until('the end at the upstream', () => arrival.isBroken);
});

test('rule 10: a caller who takes nothing of an answer is cut after `timeouts.caller`, and the upstream with it', async (t) => {
  const clock = fakeClock();
  const { outrider, upstream } = await givenPlain(t, {
    clock,
    handler: (arrival) => arrival.reply(200, { body: 'x'.repeat(40_000_000) }),
    extra: 'timeouts: { caller: 20s, response: 10m, idle: 10m }',
  });
  const client = await rawClient(t, outrider.port);
  client.socket.pause();
  await client.send(head(''));
  const arrival = await upstream.request(1);
  for (let i = 0; i < 60; i++) await new Promise((resolve) => setTimeout(resolve, 5));
  for (let i = 0; i < 30; i++) await clock.advance(1_000);
  await arrival.closed;
  await outrider.logged(1);
  t.regex(outrider.logText(), /caller_gone/);
});
