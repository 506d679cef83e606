import { METHODS as METHODS_OF_NODE } from 'node:http';
import test from 'ava';
import fc from 'fast-check';
import { Http1Error } from '../../src/http1/error.ts';
import { HeadReader, type HeadKind, type RequestLimits } from '../../src/http1/head.ts';
import { LONGEST_METHOD, METHODS } from '../../src/http1/methods.ts';
import { everyCut } from './pieces.ts';

const LIMITS: Readonly<Record<HeadKind, number | RequestLimits>> = {
  answer: 1_000,
  trailers: 1_000,
  request: { targetBytes: 100, fieldBytes: 200, fields: 5 },
};

/** Reads a head in pieces; what was found and what is left behind it, or the error's code. */
function readIn(kind: HeadKind, pieces: readonly Buffer[], limit: number | RequestLimits = LIMITS[kind]): string {
  const reader = new HeadReader(kind, limit);
  try {
    for (const [index, piece] of pieces.entries()) {
      const end = reader.read(piece, 0);
      // The chunk is the socket's again.
      if (end < 0) {
        piece.fill(0x21);
        continue;
      }
      const rest = Buffer.concat([piece.subarray(end), ...pieces.slice(index + 1)]).toString('latin1');
      const head = kind === 'answer' ? reader.answer() : kind === 'request' ? reader.request() : reader.fields();
      return JSON.stringify([head, rest]);
    }
    return 'more';
  } catch (error) {
    if (!(error instanceof Http1Error)) throw error;
    return error.code;
  }
}

function eachCut(kind: HeadKind, bytes: string, limit?: number | RequestLimits): string {
  const results = new Set<string>();
  for (const pieces of everyCut(bytes))
    results.add(
      readIn(
        kind,
        pieces.map((piece) => Buffer.from(piece)),
        limit,
      ),
    );
  return [...results].join(' | ');
}

const answer = (status: number, reason: string, fields: readonly string[], rest = '', minor = 1): string =>
  JSON.stringify([{ status, reason, minor, fields }, rest]);

for (const [bytes, expected] of [
  ['HTTP/1.1 200 OK\r\n\r\n', answer(200, 'OK', [])],
  ['HTTP/1.0 404\r\n\r\nbody', answer(404, '', [], 'body', 0)],
  ['HTTP/1.1 200 \r\nA:b\r\n\r\n', answer(200, '', ['A', 'b'])],
  ['\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n\r\n', answer(200, 'OK', ['A', 'b'], '\r\n')],
  ['HTTP/1.1 299 \xe9\t!\r\nA: \t b c \t\r\na:\r\nX-\xe9: 1\r\n\r\n', 'bad_field'],
  ['HTTP/1.1 299 \xe9\t!\r\nA: \t b c \t\r\na:\r\nb: \r\n\r\n', answer(299, '\xe9\t!', ['A', 'b c', 'a', '', 'b', ''])],
  ['HTTP/1.1 200 OK\r\nA: \xe4\xb8\xad\r\n\r\n', answer(200, 'OK', ['A', '\xe4\xb8\xad'])],
  [
    'HTTP/1.1 200 OK\r\n__proto__: x\r\nconstructor: y\r\n\r\n',
    answer(200, 'OK', ['__proto__', 'x', 'constructor', 'y']),
  ],
  ['HTTP/1.1 200 OK\r\nA: b\r\n', 'more'],
  ['HTTP/1.1 200 OK\r\nA: b\r\n\r', 'more'],
  ['HTTP/1.1 200 OK\nA: b\r\n\r\n', 'bad_start_line'],
  ['HTTP/1.1 200 OK\r\nA: b\n\r\n', 'bad_field'],
  ['HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n', 'bad_field'],
  ['HTTP/1.1 200 OK\r\nA : b\r\n\r\n', 'bad_field'],
  ['HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n', 'bad_field'],
  ['HTTP/1.1 200 OK\r\nA: \x07\r\n\r\n', 'bad_field'],
  ['HTTP/1.1 200 OK\r\nA: b\x7f\r\n\r\n', 'bad_field'],
  ['HTTP/1.1 200 OK\r\n: b\r\n\r\n', 'bad_field'],
  ['HTTP/1.1 200 OK\r\nAb\r\n\r\n', 'bad_field'],
  ['HTTP/1.1 200 OK\r\nA: b\r\n\n', 'bad_field'],
  ['HTTP/1.1  200 OK\r\nA: b\r\n\r\n', 'bad_start_line'],
  ['HTTP/1.2 200 OK\r\n\r\n', 'bad_start_line'],
  ['HTTP/2', 'bad_start_line'],
  ['http/1.1 200 OK\r\n\r\n', 'bad_start_line'],
  ['SSH-2.0-OpenSSH\r\n', 'bad_start_line'],
  ['\nHTTP/1.1 200 OK\r\n\r\n', 'bad_start_line'],
  ['HTTP/1.1 099 OK\r\n\r\n', 'bad_start_line'],
  ['HTTP/1.1 2000 OK\r\n\r\n', 'bad_start_line'],
] as const) {
  test(`the head of an answer, in whatever pieces: ${JSON.stringify(bytes)}`, (t) => {
    const results = eachCut('answer', bytes).split(' | ');
    // What is no status line may be seen at its first byte, or only at its end.
    t.deepEqual(results, [expected]);
  });
}

for (const [bytes, expected] of [
  ['GET / HTTP/1.1\r\nHost: a\r\n\r\nrest', { method: 'GET', target: '/', minor: 1, fields: ['Host', 'a'] }],
  ['M-SEARCH * HTTP/1.0\r\n\r\n', { method: 'M-SEARCH', target: '*', minor: 0, fields: [] }],
  ['GET  / HTTP/1.1\r\n\r\n', 'bad_start_line'],
  ['GET / HTTP/1.1 \r\n\r\n', 'bad_start_line'],
  ['GET /\r\n\r\n', 'bad_start_line'],
  ['GET / HTTP/2.0\r\n\r\n', 'bad_start_line'],
  ['G\xe9T / HTTP/1.1\r\n\r\n', 'bad_start_line'],
  ['\r\n\r\nGET / HTTP/1.1\r\n\r\n', { method: 'GET', target: '/', minor: 1, fields: [] }],
  ['FROB / HTTP/1.1\r\n\r\n', 'bad_method'],
  ['get / HTTP/1.1\r\n\r\n', 'bad_method'],
  ['DESCRIBE / RTSP/1.0\r\n\r\n', 'bad_method'],
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'bad_method'],
  [`${'A'.repeat(200)} / HTTP/1.1\r\n\r\n`, 'bad_method'],
  ['nonsense\r\n\r\n', 'bad_start_line'],
  ['GET /\xe9 HTTP/1.1\r\n\r\n', 'bad_target'],
  ['GET /\x01 HTTP/1.1\r\n\r\n', 'bad_target'],
  ['GET /a b HTTP/1.1\r\n\r\n', 'bad_start_line'],
  ['GET / HTTP/1.1\nA: b\r\n\r\n', 'bad_start_line'],
  ['GET / http/1.1\r\n\r\n', 'bad_start_line'],
  ['GET / HTTP/1.2\r\n\r\n', 'bad_start_line'],
  ['GET / HTTP/1.10\r\n\r\n', 'bad_start_line'],
  [' GET / HTTP/1.1\r\n\r\n', 'bad_start_line'],
] as const) {
  test(`the head of a request, in whatever pieces: ${JSON.stringify(bytes)}`, (t) => {
    const rest = bytes.slice(/^(?:\r\n)*[^]*?\r\n\r\n/.exec(bytes)?.[0].length);
    t.is(eachCut('request', bytes), typeof expected === 'string' ? expected : JSON.stringify([expected, rest]));
  });
}

const TARGET = `/${'t'.repeat(99)}`;
const request = (target: string, fields: string, rest = ''): string => `GET ${target} HTTP/1.1\r\n${fields}\r\n${rest}`;
const line = (bytes: number): string => `A: ${'v'.repeat(bytes - 5)}\r\n`;

for (const [what, bytes, expected] of [
  ['a target of the longest kind', request(TARGET, ''), 'taken'],
  ['one byte more', request(`${TARGET}t`, ''), 'target_too_long'],
  ['no end of a target', `GET ${TARGET}t`, 'target_too_long'],
  ['a long target before a bad version', request(`${TARGET}t`, '').replace('HTTP/1.1', 'HTTP/9'), 'target_too_long'],
  ['a bad byte within the limit of a target', request(`${TARGET.slice(1)}\x01tttt`, ''), 'bad_target'],
  ['fields of the largest kind', request('/', line(200)), 'taken'],
  ['fields of the largest kind, in two', request('/', line(150) + line(50)), 'taken'],
  ['a byte more of fields', request('/', line(201)), 'fields_too_large'],
  ['two bytes more of fields', request('/', line(202)), 'fields_too_large'],
  ['a byte more of fields, in two', request('/', line(150) + line(51)), 'fields_too_large'],
  ['another field behind the largest', request('/', line(200) + line(5)), 'fields_too_large'],
  ['blanks of a value count', request('/', `A: ${' '.repeat(200)}v\r\n`), 'fields_too_large'],
  ['a bad byte before the limit of fields', request('/', `A: \x01${line(300)}`), 'bad_field'],
  ['a bad byte behind the limit of fields', request('/', line(300).replace('\r', '\x01\r')), 'fields_too_large'],
  ['as many fields as there may be', request('/', 'A: b\r\n'.repeat(5)), 'taken'],
  ['one more', request('/', 'A: b\r\n'.repeat(6)), 'too_many_fields'],
  [
    'one more of which only a byte is there',
    'GET / HTTP/1.1\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA',
    'too_many_fields',
  ],
] as const) {
  test(`limits are broken at the byte that exceeds them, in whatever pieces: ${what}`, (t) => {
    const found = eachCut('request', bytes);
    t.is(found.startsWith('[') && !found.includes(' | ') ? 'taken' : found, expected);
  });
}

test('of a head that was broken off, what came before is known', (t) => {
  const bytes = 'GET /x?y HTTP/1.1\r\nX-Request-Id: a\r\nB: c\x01';
  for (const pieces of everyCut(bytes)) {
    const reader = new HeadReader('request', LIMITS.request);
    t.throws(() => pieces.forEach((piece) => reader.read(piece, 0)), { instanceOf: Http1Error });
    t.deepEqual(reader.request(), { method: 'GET', target: '/x?y', minor: 1, fields: ['X-Request-Id', 'a'] });
  }
});

test('the methods are those of Node', (t) => {
  t.deepEqual([...METHODS], METHODS_OF_NODE.toSorted());
  t.is(LONGEST_METHOD, Math.max(...METHODS_OF_NODE.map(({ length }) => length)));
});

test('trailers are a head without a first line', (t) => {
  t.is(eachCut('trailers', '\r\nx'), JSON.stringify([[], 'x']));
  t.is(eachCut('trailers', 'A: b\r\n\r\n'), JSON.stringify([['A', 'b'], '']));
  t.is(eachCut('trailers', 'nonsense\r\n\r\n'), 'bad_field');
  t.is(eachCut('trailers', `A: ${'b'.repeat(20)}\r\n\r\n`, 20), 'trailers_too_large');
});

test('a head may have so many bytes and not one more, in whatever pieces', (t) => {
  const bytes = 'HTTP/1.1 200 OK\r\nA: bcd\r\n\r\n';
  t.is(eachCut('answer', `${bytes}rest`, bytes.length), answer(200, 'OK', ['A', 'bcd'], 'rest'));
  t.is(eachCut('answer', `${bytes}rest`, bytes.length - 1), 'head_too_large');
  t.is(eachCut('answer', '\r\n'.repeat(40), 60), 'head_too_large');
});

test('a reader takes one head after the other', (t) => {
  const reader = new HeadReader('answer', 1_000);
  const bytes = Buffer.from('HTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n');
  const end = reader.read(bytes, 0);
  t.is(reader.answer().status, 103);
  reader.reset();
  t.is(reader.read(bytes, end), bytes.length);
  t.deepEqual(reader.answer().fields, []);
});

test('any head means the same in whatever pieces', (t) => {
  const odd = fc.constantFrom(
    'HTTP/1.1 200 OK',
    'A',
    ': ',
    ':',
    ' ',
    '\t',
    '\r\n',
    '\r',
    '\n',
    '\r\n\r\n',
    '\0',
    '\xff',
    'x',
  );
  fc.assert(
    fc.property(fc.array(odd, { maxLength: 12 }), fc.array(fc.nat(40), { maxLength: 5 }), (parts, cuts) => {
      const whole = Buffer.from(`HTTP/1.1 200 OK\r\n${parts.join('')}`, 'latin1');
      const places = [...new Set(cuts.map((cut) => Math.min(cut, whole.length)))].toSorted((a, b) => a - b);
      const pieces = [0, ...places].map((start, i) => Buffer.from(whole.subarray(start, places[i])));
      t.is(readIn('answer', pieces), readIn('answer', [Buffer.from(whole)]));
    }),
    { numRuns: 3_000 },
  );
});
