import test from 'ava';
import { assertProblem } from '../helpers/problem.ts';
import { ask } from '../helpers/raw.ts';
import { givenPlain } from './given.ts';

const get = (headers: string): string => `GET /api/x HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;

const REFUSED: Readonly<Record<string, string>> = {
  'obs-fold with a blank': get('X-A: one\r\n two\r\n'),
  'obs-fold with a tab': get('X-A: one\r\n\ttwo\r\n'),
  'obs-fold of Transfer-Encoding': get('Transfer-Encoding:\r\n chunked\r\n'),
  'obs-fold before the first header': 'GET /api/x HTTP/1.1\r\n Host: localhost\r\n\r\n',
  'a bare LF after the request line': 'GET /api/x HTTP/1.1\nHost: localhost\r\n\r\n',
  'a bare LF after a header': 'GET /api/x HTTP/1.1\r\nHost: localhost\nX-A: b\r\n\r\n',
  'bare LFs throughout': 'GET /api/x HTTP/1.1\nHost: localhost\n\n',
  'a bare LF at the end of the head': 'GET /api/x HTTP/1.1\r\nHost: localhost\r\n\n',
  'a bare CR in a value': get('X-A: one\rtwo\r\n'),
  'a bare CR before another header': get('X-A: one\rTransfer-Encoding: chunked\r\n'),
  'a CR before CRLF': get('X-A: one\r\r\n'),
  'NUL in a value': get('X-A: one\x00two\r\n'),
  'NUL in a name': get('X-\x00A: one\r\n'),
  'a control character in a value': get('X-A: one\x01two\r\n'),
  'DEL in a value': get('X-A: one\x7ftwo\r\n'),
  'a blank before the colon': get('X-A : one\r\n'),
  'a tab before the colon': get('X-A\t: one\r\n'),
  'a blank before the colon of Content-Length': get('Content-Length : 0\r\n'),
  'a blank before the colon of Transfer-Encoding': get('Transfer-Encoding : chunked\r\n'),
  'no colon': get('X-A\r\n'),
  'an empty name': get(': one\r\n'),
  'a blank within a name': get('X A: one\r\n'),
  'a parenthesis in a name': get('X(A): one\r\n'),
  'a non-ASCII name': get('X-\xe9: one\r\n'),
  Transfer_Encoding: get('Transfer_Encoding: chunked\r\n'),
  transfer_encoding: get('transfer_encoding: chunked\r\n'),
  Content_Length: get('Content_Length: 5\r\n'),
  CONTENT_LENGTH: get('CONTENT_LENGTH: 5\r\n'),
  'Host with an underscore behind': get('Host_: evil.test\r\n'),
  'Host with an underscore before': get('_Host: evil.test\r\n'),
};

for (const [what, bytes] of Object.entries(REFUSED)) {
  test(`rule 09: ${what} is refused`, async (t) => {
    const { outrider, upstream } = await givenPlain(t);
    const answer = await ask(t, outrider.port, bytes);
    assertProblem(t, answer, { status: 400, code: 'bad_request' });
    t.is(upstream.connections, 0);
  });
}

test('rule 09: headers over header_bytes are 431, just below they pass', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  t.is((await ask(t, outrider.port, get(`X-Big: ${'b'.repeat(15_500)}\r\n`))).status, 200);
  const one = await ask(t, outrider.port, get(`X-Big: ${'b'.repeat(16_400)}\r\n`));
  assertProblem(t, one, { status: 431, code: 'headers_too_large' });
  const many = Array.from({ length: 100 }, (_, i) => `X-${i}: ${'b'.repeat(300)}\r\n`).join('');
  assertProblem(t, await ask(t, outrider.port, get(many)), { status: 431, code: 'headers_too_large' });
  assertProblem(t, await ask(t, outrider.port, get(`${'N'.repeat(20_000)}: b\r\n`)), {
    status: 431,
    code: 'headers_too_large',
  });
  t.is(upstream.connections, 1);
});

test('rule 09: headers beyond their number are 431, at it they pass', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  const some = (count: number): string => Array.from({ length: count }, (_, i) => `X-${i}: b\r\n`).join('');
  t.is((await ask(t, outrider.port, get(some(199)))).status, 200);
  t.is(upstream.requests[0]?.headers.filter((name) => name.startsWith('X-')).length, 199);
  assertProblem(t, await ask(t, outrider.port, get(some(200))), { status: 431, code: 'headers_too_large' });
  assertProblem(t, await ask(t, outrider.port, get(some(2_000))), { status: 431, code: 'headers_too_large' });
  t.is(upstream.connections, 1);
});

test('rule 09: a URL over url_bytes is 414, at it it passes', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  const target = (length: number): string => `/api/${'u'.repeat(length - 5)}`;
  const bytes = (length: number): string => `GET ${target(length)} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  t.is((await ask(t, outrider.port, bytes(8192))).status, 200);
  t.is(upstream.requests[0]?.target, target(8192).slice(4));
  for (const length of [8193, 20_000, 100_000]) {
    const answer = await ask(t, outrider.port, bytes(length));
    assertProblem(t, answer, { status: 414, code: 'uri_too_long' });
  }
  t.is(upstream.connections, 1);
});

test('rule 09: far beyond all limits, a cookie is 431 and a URL 414', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  for (const length of [160_000, 200_000, 300_000]) {
    const cookie = await ask(t, outrider.port, get(`Cookie: ${'a=b; '.repeat(length / 5)}\r\n`));
    assertProblem(t, cookie, { status: 431, code: 'headers_too_large' });
    const url = await ask(t, outrider.port, get('').replace('/api/x', `/api/${'u'.repeat(length)}`));
    assertProblem(t, url, { status: 414, code: 'uri_too_long' });
  }
  t.is(upstream.connections, 0);
});

test('rule 09: the limits are those of the config', async (t) => {
  const { outrider } = await givenPlain(t, { extra: 'limits: { header_bytes: 1KiB, headers: 5, url_bytes: 64B }' });
  assertProblem(t, await ask(t, outrider.port, get(`X-Big: ${'b'.repeat(1100)}\r\n`)), {
    status: 431,
    code: 'headers_too_large',
  });
  assertProblem(t, await ask(t, outrider.port, get('A: b\r\n'.repeat(5))), { status: 431, code: 'headers_too_large' });
  const long = `GET /api/${'u'.repeat(60)} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  assertProblem(t, await ask(t, outrider.port, long), { status: 414, code: 'uri_too_long' });
  t.is((await ask(t, outrider.port, get('A: b\r\n'.repeat(4)))).status, 200);
});

test('rule 09: names that JavaScript knows, other underscores and odd tokens are headers like any other', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  const sent = [
    '__proto__',
    '1',
    'constructor',
    '2',
    'hasOwnProperty',
    '3',
    'toString',
    '4',
    'x_custom',
    '5',
    'Content_Type',
    '6',
    "!#$%&'*+-.^_`|~9",
    '7',
    '__proto__',
    '8',
  ];
  const lines = sent.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${sent[i + 1]}\r\n`] : [])).join('');
  t.is((await ask(t, outrider.port, get(lines))).status, 200);
  const arrived = upstream.requests[0]?.head ?? '';
  t.true(arrived.includes(lines), arrived);
});

test('rule 09: bytes above ASCII in a value stay as they came', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  t.is((await ask(t, outrider.port, get('X-Name: caf\xe9 \xc3\xa9\r\nX-Tab: a\tb\r\nX-Empty:\r\n'))).status, 200);
  t.is(upstream.requests[0]?.header('x-name'), 'caf\xe9 \xc3\xa9');
  t.is(upstream.requests[0]?.header('x-tab'), 'a\tb');
  t.is(upstream.requests[0]?.header('x-empty'), '');
});
