import test from 'ava';
import type { ExecutionContext } from 'ava';
import { startOutrider } from '../helpers/outrider.ts';
import { ask } from '../helpers/raw.ts';
import { startUpstream } from '../helpers/upstream.ts';
import type { Arrival, Upstream } from '../helpers/upstream.ts';
import { givenPlain, givenTokens } from './given.ts';

/** The header lines as they arrived, less those that rule 13 sets aside and Via. */
const lines = (arrival: Arrival | undefined): string[] =>
  (arrival?.head ?? '')
    .split('\r\n')
    .slice(1, -2)
    .filter((line) => !/^(host|connection|content-length|transfer-encoding|via):/i.test(line));

/** A route whose static profile injects as `inject` (a flow map) says. */
async function givenInjection(t: ExecutionContext, inject: string): Promise<{ port: number; upstream: Upstream }> {
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(
    t,
    `
profiles:
  static: { title: Static, credentials: { key: { secret: true } }, inject: ${inject} }
providers:
  static: { profile: static, credentials: { key: k3y } }
routes:
  - { name: api, match: { path: /api }, provider: static, upstream: "${upstream.origin}" }`,
  );
  return { port: outrider.port, upstream };
}

test('rule 13: order, case and repeats of headers stay as they came', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  const sent = [
    'x-B: 1',
    'X-a: 2',
    'Accept: */*',
    'COOKIE: a=1',
    'cookie: b=2',
    'X-a: 3',
    'x-A: 2',
    'User-Agent: old/1',
    'Date: now',
    'X-Empty: ',
  ];
  await ask(
    t,
    outrider.port,
    `GET /api/x HTTP/1.1\r\n${sent[0]}\r\nHost: localhost\r\n${sent.slice(1).join('\r\n')}\r\n\r\n`,
  );
  t.deepEqual(
    lines(upstream.requests[0]).map((line) => line.trimEnd()),
    sent.map((line) => line.trimEnd()),
  );
});

test('rule 13: nothing is added to a request but Host, Connection, framing and Via', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  await ask(t, outrider.port, 'GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await ask(t, outrider.port, 'POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n');
  t.deepEqual(lines(upstream.requests[0]), []);
  t.is(upstream.requests[0]?.header('content-length'), undefined);
  t.is(upstream.requests[0]?.header('transfer-encoding'), undefined);
  t.deepEqual(lines(upstream.requests[1]), []);
  t.is(upstream.requests[1]?.header('content-length'), '0');
});

test('rule 13: an injected header takes the place of the first one replaced and all others go', async (t) => {
  const { outrider, upstream } = await givenTokens(t);
  const sent = 'A: 1\r\nAUTHORIZATION: Bearer theirs\r\nB: 2\r\nauthorization: Basic eA==\r\nC: 3\r\n';
  await ask(t, outrider.port, `GET /api/x HTTP/1.1\r\nHost: localhost\r\n${sent}\r\n`);
  t.deepEqual(
    lines(upstream.requests[0]).map((line) => line.replace(/^authorization/i, 'authorization')),
    ['A: 1', 'authorization: Bearer token-1', 'B: 2', 'C: 3'],
  );
});

test('rule 13: an injected header that the caller did not send comes at the end', async (t) => {
  const { outrider, upstream } = await givenTokens(t);
  await ask(t, outrider.port, 'GET /api/x HTTP/1.1\r\nA: 1\r\nHost: localhost\r\nB: 2\r\n\r\n');
  t.deepEqual(lines(upstream.requests[0]), ['A: 1', 'B: 2', 'authorization: Bearer token-1']);
});

test('rule 13: an injected query parameter replaces all under its name and leaves every other byte', async (t) => {
  const { port, upstream } = await givenInjection(t, '{ query: { api_key: "{{credentials.key}}" } }');
  const cases: readonly (readonly [string, string])[] = [
    ['/api/x', ''],
    ['/api/x?', ''],
    ['/api/x?a=1', 'a=1'],
    ['/api/x?a=1&api_key=theirs&b=%2f', 'a=1&b=%2f'],
    ['/api/x?api_key=theirs', ''],
    ['/api/x?api_key=theirs&a=b+c&api_key=again&a=b', 'a=b+c&a=b'],
    ['/api/x?a&api_key&b=', 'a&b='],
    ['/api/x?%61pi_key=theirs&a=1', 'a=1'],
    ['/api/x?api%5Fkey=theirs&xapi_key=1', 'xapi_key=1'],
    ['/api/x?a=1;api_key=2', 'a=1;api_key=2'],
    ['/api/x?API_KEY=1', 'API_KEY=1'],
  ];
  for (const [target] of cases) await ask(t, port, `GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  cases.forEach(([target, others], i) => {
    const arrived = upstream.requests[i]?.target ?? '';
    const fields = arrived
      .slice(arrived.indexOf('?') + 1)
      .split('&')
      .filter((field) => field !== '');
    t.deepEqual(
      fields.filter((field) => field.startsWith('api_key=')),
      ['api_key=k3y'],
      `${target} became ${arrived}`,
    );
    t.is(fields.filter((field) => !field.startsWith('api_key=')).join('&'), others, `${target} became ${arrived}`);
  });
});

test('rule 13: a value that a query can’t hold is escaped, not spliced', async (t) => {
  const { port, upstream } = await givenInjection(t, '{ query: { k: "a&b=c#d e%{{credentials.key}}" } }');
  await ask(t, port, 'GET /api/x?z=1 HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const query = new URLSearchParams(upstream.requests[0]?.target.split('?')[1]);
  t.deepEqual(
    [...query],
    [
      ['z', '1'],
      ['k', 'a&b=c#d e%k3y'],
    ],
  );
});

const FORM = 'Content-Type: application/x-www-form-urlencoded\r\n';

test('rule 13: injected form fields replace theirs, decoded, and are appended in the profile’s order', async (t) => {
  const { port, upstream } = await givenInjection(t, '{ form: { key: "{{credentials.key}}", other: "o & p" } }');
  const body = 'a=1&key=theirs&b=%2F+x&k%65y=theirs&a=2&&other=&c&=d';
  for (const framing of [
    `Content-Length: ${body.length}\r\n\r\n${body}`,
    `Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  ]) {
    const answer = await ask(t, port, `POST /api/x HTTP/1.1\r\nHost: localhost\r\n${FORM}${framing}`);
    t.is(answer.status, 200, answer.text);
  }
  for (const request of upstream.requests) {
    const arrived = (await request.body()).bytes.toString('latin1');
    t.regex(arrived, /^a=1&b=%2F\+x&a=2&&?c&=d&key=k3y&other=o(\+|%20)%26(\+|%20)p$/);
    t.is(request.header('content-length'), String(arrived.length));
    t.is(request.header('transfer-encoding'), undefined);
  }
  t.is(upstream.requests.length, 2);
});

test('rule 13: an injected JSON field replaces theirs and every other byte of the text stays', async (t) => {
  const { port, upstream } = await givenInjection(t, '{ json: { key: "{{credentials.key}}" } }');
  const cases: readonly (readonly [string, RegExp])[] = [
    [
      '{"a": 1.10, "key":"theirs" ,"big":12345678901234567890}',
      /^\{"a": 1\.10, ?"key": ?"k3y" ?,"big":12345678901234567890\}$/,
    ],
    ['{ "\\u006bey" : {"x":[1]}, "e":1e5 }', /^\{ "(\\u006b|k)ey" ?: ?"k3y", "e":1e5 \}$/],
    ['{"n":{"key":"kept"},"u":"\\u00e9\\/"}', /^\{"n":\{"key":"kept"\},"u":"\\u00e9\\\/", ?"key": ?"k3y"\}$/],
    ['{}', /^\{"key": ?"k3y"\}$/],
  ];
  for (const [body] of cases) {
    const answer = await ask(
      t,
      port,
      `POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    t.is(answer.status, 200, answer.text);
  }
  for (const [i, [, expected]] of cases.entries()) {
    const arrived = (await upstream.requests[i]?.body())?.bytes.toString('latin1') ?? '';
    t.regex(arrived, expected);
    t.is(upstream.requests[i]?.header('content-length'), String(arrived.length));
  }
});

test('rule 13: a streamed body keeps its framing', async (t) => {
  const { outrider, upstream } = await givenTokens(t);
  await ask(
    t,
    outrider.port,
    'POST /api/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  );
  await ask(t, outrider.port, 'POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc');
  t.is(upstream.requests[0]?.header('transfer-encoding'), 'chunked');
  t.is(upstream.requests[0]?.header('content-length'), undefined);
  t.is(upstream.requests[1]?.header('content-length'), '3');
  t.is(upstream.requests[1]?.header('transfer-encoding'), undefined);
});
