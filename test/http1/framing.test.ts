import test from 'ava';
import { Http1Error, type Http1ErrorCode } from '../../src/http1/error.ts';
import { answerFraming, connectionOptions, requestFraming, type Framing } from '../../src/http1/framing.ts';

type Told = Framing['kind'] | number | Http1ErrorCode;

function told(framing: () => Framing): Told {
  try {
    const found = framing();
    return found.kind === 'length' ? found.bytes : found.kind;
  } catch (error) {
    if (!(error instanceof Http1Error)) throw error;
    return error.code;
  }
}

const TABLE: readonly (readonly [fields: readonly string[], minor: 0 | 1, answer: Told, request: Told])[] = [
  [[], 1, 'close', 'none'],
  [['Content-Length', '0'], 1, 0, 0],
  [['CONTENT-length', '12'], 1, 12, 12],
  [['Content-Length', '0012'], 1, 12, 'bad_length'],
  [['Content-Length', '999999999999999'], 1, 999_999_999_999_999, 999_999_999_999_999],
  ...['', '+2', '-2', '0x2', '2, 2', '2 2', '2.0', '1e3', '1000000000000000', '٢', 'ab'].map(
    (length): (typeof TABLE)[number] => [['Content-Length', length], 1, 'bad_length', 'bad_length'],
  ),
  [['Content-Length', '2', 'content-length', '2'], 1, 'two_lengths', 'two_lengths'],
  [['Transfer-Encoding', 'chunked'], 1, 'chunked', 'chunked'],
  [['transfer-encoding', 'ChUnKeD'], 1, 'chunked', 'chunked'],
  [['Transfer-Encoding', 'chunked'], 0, 'coding_in_1_0', 'coding_in_1_0'],
  ...['gzip', 'gzip, chunked', 'chunked, chunked', 'xchunked', 'identity', '', 'chunked\xa0', 'chunked;q=1'].map(
    (coding): (typeof TABLE)[number] => [['Transfer-Encoding', coding], 1, 'bad_coding', 'bad_coding'],
  ),
  [['Transfer-Encoding', 'chunked', 'transfer-encoding', 'chunked'], 1, 'two_codings', 'two_codings'],
  [['Transfer-Encoding', 'chunked', 'Content-Length', '2'], 1, 'length_and_coding', 'length_and_coding'],
  [['Content-Length', '2', 'Transfer-Encoding', 'chunked'], 1, 'length_and_coding', 'length_and_coding'],
  [['Content_Length', '9', 'Content-Length', '2'], 1, 2, 2],
];

for (const [fields, minor, answer, request] of TABLE) {
  test(`the length by ${JSON.stringify(fields)} in HTTP/1.${minor}`, (t) => {
    const list = [...fields];
    t.is(
      told(() => answerFraming({ status: 200, reason: '', minor, fields: list }, 'GET')),
      answer,
    );
    t.is(
      told(() => requestFraming({ method: 'GET', target: '/', minor, fields: list }).framing),
      request,
    );
  });
}

test('some answers have no body, whatever they say', (t) => {
  for (const fields of [[], ['Content-Length', '5'], ['Transfer-Encoding', 'chunked']]) {
    for (const [method, status] of [
      ['HEAD', 200],
      ['GET', 204],
      ['POST', 304],
      ['GET', 103],
    ] as const) {
      t.is(
        told(() => answerFraming({ status, reason: '', minor: 1, fields }, method)),
        'none',
      );
    }
  }
});

test('what an answer without a body says of its length is sound all the same', (t) => {
  for (const [fields, expected] of [
    [['Transfer-Encoding', 'identity'], 'bad_coding'],
    [['Content-Length', '5', 'Content-Length', '5'], 'two_lengths'],
  ] as const)
    t.is(
      told(() => answerFraming({ status: 304, reason: '', minor: 1, fields: [...fields] }, 'HEAD')),
      expected,
    );
});

test('connection options are read from all fields, in lower case', (t) => {
  t.deepEqual(connectionOptions(['Connection', 'Close, X-a', 'A', 'b', 'connection', 'keep-alive']), [
    'close',
    'x-a',
    'keep-alive',
  ]);
});
