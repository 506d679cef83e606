import test from 'ava';
import { persists, readRequest } from '../helpers/rfc9112.ts';

const VALID = [
  'GET / HTTP/1.1\r\n\r\n',
  'OPTIONS * HTTP/1.0\r\nHost:\r\nX-A:b\r\nX-A: \t c d \t\r\n\r\n',
  'POST /x HTTP/1.1\r\nContent-Length: 3\r\n\r\na\r\n',
  'POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;a="\\"\r"\r\n'.replace('\r"', '"') +
    'abc\r\n0\r\nX-T: 1\r\n\r\n',
];

for (const text of VALID) {
  test(`the reference reader takes ${JSON.stringify(text)} whole, and less of it for too little`, (t) => {
    const reading = readRequest(`${text}GET`);
    if (reading.kind !== 'request') return t.fail(JSON.stringify(reading));
    t.is(reading.request.end, text.length);
    t.deepEqual(reading.request.doubts, []);
    for (let length = 0; length < text.length; length++)
      t.is(readRequest(text.slice(0, length)).kind, 'incomplete', `${length}`);
  });
}

test('the reference reader yields what RFC 9112 says of a request', (t) => {
  const text =
    'PUT /a?b HTTP/1.1\r\nHost: h\r\nX-A:  b c\t\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\n\r\n\r\n1;x\r\na\r\n00\r\nT: u\r\n\r\n';
  const reading = readRequest(text);
  t.deepEqual(reading, {
    kind: 'request',
    request: {
      method: 'PUT',
      target: '/a?b',
      version: '1.1',
      fields: [
        ['Host', 'h'],
        ['X-A', 'b c'],
        ['Transfer-Encoding', 'Chunked'],
      ],
      framing: 'chunked',
      body: '\r\na',
      trailers: [['T', 'u']],
      end: text.length,
      doubts: [],
    },
  });
});

const post = (headers: string, body = ''): string => `POST / HTTP/1.1\r\n${headers}\r\n\r\n${body}`;
const INVALID: readonly (readonly [text: string, why: RegExp])[] = [
  ['GET / HTTP/1.1\n\r\n', /bare LF/],
  ['GET / HTTP/1.1\rHost: a\r\n\r\n', /bare CR/],
  ['GET /\r\n\r\n', /request line/],
  ['GET\t/ HTTP/1.1\r\n\r\n', /request line/],
  ['GET / HTTP/1.2\r\n\r\n', /version/],
  [post('X : a'), /not a header/],
  [post('X: a\r\n b'), /folded/],
  [post('X: a\x00'), /not a header/],
  [post('Content-Length: 1\r\nContent-Length: 1', 'a'), /more than one/],
  [post('Content-Length: 1\r\nTransfer-Encoding: chunked', '0\r\n\r\n'), /more than one/],
  [post('Content-Length: +1', 'a'), /Content-Length/],
  [post('Transfer-Encoding: gzip, chunked', '0\r\n\r\n'), /Transfer-Encoding/],
  [post('Transfer-Encoding: chunked', 'g\r\n'), /chunk size/],
  [post('Transfer-Encoding: chunked', '1\r\nab\r\n'), /longer/],
  [post('Transfer-Encoding: chunked', '0\r\nno trailer\r\n\r\n'), /not a header/],
];

for (const [text, why] of INVALID) {
  test(`the reference reader refuses ${JSON.stringify(text)}`, (t) => {
    const reading = readRequest(text);
    t.is(reading.kind, 'invalid');
    t.regex((reading as { why: string }).why, why);
  });
}

test('the reference reader knows when a connection ends (RFC 9112 §9.3)', (t) => {
  const after = (version: string, ...values: string[]): boolean | undefined =>
    persists({ version, fields: values.map((value) => ['Connection', value] as const), trailers: [] });
  t.deepEqual(
    [
      after('1.1'),
      after('1.1', 'x, Close'),
      after('1.1', 'keep-alive', 'close'),
      after('1.0'),
      after('1.0', 'Keep-Alive'),
    ],
    [true, false, false, false, true],
  );
});
