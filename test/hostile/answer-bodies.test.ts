import { gzipSync } from 'node:zlib';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { gate } from '../helpers/http1.ts';
import { givenStage, told, writes } from './play.ts';
import type { Script } from './play.ts';

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const SECOND = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL';

interface Case {
  readonly script: Script;
  readonly expected: string;
  readonly method?: string;
}

/** Whatever an answer's body does, the next request gets its own answer. */
async function eachBodyIsTold(t: ExecutionContext, cases: Readonly<Record<string, Case>>): Promise<void> {
  const { play, next } = await givenStage(t);
  for (const [what, { script, expected, method = 'GET' }] of Object.entries(cases)) {
    t.is(told(await play(script, { method })), expected, what);
    await next(what);
  }
}

const of = (expected: string, bytes: string, then?: 'stay' | 'end' | 'reset', method?: string): Case => ({
  expected,
  script: writes(bytes, then),
  ...(method !== undefined && { method }),
});

test('rule 18: a chunked body is taken to the letter, or cut', async (t) => {
  const chunked = (expected: string, chunks: string, then?: 'end' | 'reset'): [string, Case] => [
    JSON.stringify(chunks),
    of(expected, CHUNKED + chunks, then),
  ];
  const cut = (chunks: string, then?: 'end' | 'reset'): [string, Case] => chunked('cut', chunks, then);
  await eachBodyIsTold(
    t,
    Object.fromEntries([
      chunked('200 ab', '2\r\nab\r\n0\r\n\r\n'),
      chunked('200 abc', '1\r\na\r\n2\r\nbc\r\n0\r\n\r\n'),
      chunked('200 abcdefghij', 'A\r\nabcdefghij\r\n000\r\n\r\n'),
      chunked('200 ab', '00000000000000000000000002\r\nab\r\n0\r\n\r\n'),
      chunked('200 ab', '2;a=b;c="d e"\r\nab\r\n0;f\r\n\r\n'),
      chunked('200 ab', '2\r\nab\r\n0\r\nX-Sum: 1\r\nSet-Cookie: a\r\n\r\n'),
      chunked('200 ab', '2\r\nab\r\n0\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n'),
      cut('+2\r\nab\r\n0\r\n\r\n'),
      cut('-2\r\nab\r\n0\r\n\r\n'),
      cut('0x2\r\nab\r\n0\r\n\r\n'),
      cut(' 2\r\nab\r\n0\r\n\r\n'),
      cut('2 \r\nab\r\n0\r\n\r\n'),
      cut('2\t;a\r\nab\r\n0\r\n\r\n'),
      cut('2_\r\nab\r\n0\r\n\r\n'),
      cut('g\r\nab\r\n0\r\n\r\n'),
      cut('\r\nab\r\n0\r\n\r\n'),
      cut(';a\r\nab\r\n0\r\n\r\n'),
      cut('2\nab\r\n0\r\n\r\n'),
      cut('2\rab\r\n0\r\n\r\n'),
      cut('2;a\nb\r\nab\r\n0\r\n\r\n'),
      cut('2;a\x00\r\nab\r\n0\r\n\r\n'),
      cut('2\r\nab\n0\r\n\r\n'),
      cut('2\r\nab0\r\n\r\n'),
      cut('2\r\nabc\r\n0\r\n\r\n'),
      cut('2\r\nab\r\n0\n\n'),
      cut('2\r\nab\r\n0\r\n\n'),
      cut('2\r\nab\r\n0\r\nnonsense\r\n\r\n'),
      cut('2\r\nab\r\n0\r\nX: a\r\n b\r\n\r\n'),
      cut('2\r\nab\r\n0\r\nContent-Length: 5\r\n\r\n'),
      cut('10000000000000002\r\nab\r\n0\r\n\r\n'),
      cut('ffffffffffffffff\r\nab\r\n0\r\n\r\n', 'end'),
      cut('5\r\nab', 'end'),
      cut('5\r\nab', 'reset'),
      cut('2\r\nab\r\n', 'end'),
      cut('2\r\nab\r\n', 'reset'),
      cut('2\r\nab\r\n0\r\n', 'end'),
      cut('2\r\nab\r\n0\r\nX: y\r\n', 'end'),
      cut('', 'end'),
    ]),
  );
});

test('rule 14: a trailer says nothing about the next answer on its connection', async (t) => {
  const { play } = await givenStage(t);
  for (const trailer of [
    'X-Sum: 1',
    'Connection: close',
    'Connection: upgrade\r\nUpgrade: x',
    'Proxy-Connection: close',
    'Transfer-Encoding: identity',
    'Transfer-Encoding: chunked',
    'Upgrade: x',
  ]) {
    for (const [answer, expected] of [
      ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab', '200 ab'],
      [`${CHUNKED}2\r\nab\r\n0\r\n\r\n`, '200 ab'],
      ['HTTP/1.1 204 No Content\r\n\r\n', '204'],
    ] as const) {
      t.is(told(await play(writes(`${CHUNKED}1\r\na\r\n0\r\n${trailer}\r\n\r\n`))), '200 a', trailer);
      t.is(told(await play(writes(answer))), expected, `${answer} after ${trailer}`);
    }
  }
});

test('rule 18: a body has the length that was said, or is cut', async (t) => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n';
  await eachBodyIsTold(t, {
    whole: of('200 abcd', `${head}abcd`),
    'whole, then FIN': of('200 abcd', `${head}abcd`, 'end'),
    'whole, with a close': of(
      '200 abcd',
      `HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nabcd`,
      'end',
    ),
    'nothing, then FIN': of('cut', head, 'end'),
    'less, then FIN': of('cut', `${head}abc`, 'end'),
    'less, then RST': of('cut', `${head}abc`, 'reset'),
    'less in HTTP/1.0': of('cut', `${head.replace('1.1', '1.0')}abc`, 'end'),
    more: of('200 abcd', `${head}abcdefgh`),
    'more, as an answer': of('200 abcd', `${head}abcd${SECOND}`),
    'more, as a 1xx': of('200 abcd', `${head}abcdHTTP/1.1 103 Early Hints\r\n\r\n`),
    'more, as half an answer': of('200 abcd', `${head}abcd${SECOND.slice(0, 20)}`),
    'more, as line breaks': of('200 abcd', `${head}abcd\r\n\r\n`),
    'more behind chunks': of('200 ab', `${CHUNKED}2\r\nab\r\n0\r\n\r\n${SECOND}`),
    'a length of 0, and an answer': of('200', `HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n${SECOND}`),
  });
});

test('rule 18: a body that the connection’s end delimits is whole at a FIN and cut at a RST', async (t) => {
  await eachBodyIsTold(
    t,
    Object.fromEntries(
      ['', 'Connection: close\r\n', 'Connection: keep-alive\r\n', 'Keep-Alive: timeout=5\r\n'].flatMap((headers) =>
        ['1.0', '1.1'].flatMap((version) => {
          const bytes = `HTTP/${version} 200 OK\r\n${headers}\r\n${SECOND}`;
          return [
            [`${version} ${headers}FIN`, of(`200 ${SECOND}`, bytes, 'end')],
            [`${version} ${headers}RST`, of('cut', bytes, 'reset')],
            [`${version} ${headers}FIN at once`, of('200', `HTTP/${version} 200 OK\r\n${headers}\r\n`, 'end')],
          ];
        }),
      ),
    ),
  );
});

test('rule 14: a HEAD, a 204 and a 304 have no body, whatever follows their head', async (t) => {
  const { play, next } = await givenStage(t);
  const framings = ['', 'Content-Length: 4\r\n', 'Content-Length: 0\r\n', 'Transfer-Encoding: chunked\r\n'];
  const bodies = ['', 'EVIL', '4\r\nEVIL\r\n0\r\n\r\n', SECOND, SECOND.slice(0, 17)];
  for (const [method, status] of [
    ['HEAD', 200],
    ['HEAD', 500],
    ['GET', 204],
    ['POST', 204],
    ['GET', 304],
  ] as const) {
    for (const framing of framings) {
      for (const body of bodies) {
        const what = `${method} ${status} ${framing}${body}`;
        const rest = method === 'POST' ? 'Content-Length: 3\r\n\r\nabc' : '\r\n';
        const seen = await play(writes(`HTTP/1.1 ${status} Told\r\n${framing}\r\n${body}`), { method, rest });
        t.is(told(seen), String(status), what);
        if (seen.kind !== 'answer') continue;
        t.false(seen.answer.head.includes('EVIL'), what);
        t.is(seen.answer.header('transfer-encoding'), undefined, what);
        const length = status === 204 ? undefined : /\d+/.exec(framing)?.[0];
        t.is(seen.answer.header('content-length'), length, what);
        await next(what);
      }
    }
  }
});

test('rule 14: the answer of an upstream that does not wait for the request goes to its request', async (t) => {
  const { play, next, upstream } = await givenStage(t);
  const before: Script = (arrival) => arrival.write(`HTTP/1.1 413 Too Much\r\nContent-Length: 2\r\n\r\nno${SECOND}`);
  for (const rest of [
    `Content-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`,
    `Transfer-Encoding: chunked\r\n\r\n${'4\r\nwxyz\r\n'.repeat(10_000)}0\r\n\r\n`,
  ]) {
    t.is(told(await play(before, { method: 'POST', rest })), '413 no');
    await next('an answer that came early');
  }
  t.is(upstream.requests.length, 4);
});

test('rule 14: two answers for one request: the first is it, the second is nobody’s', async (t) => {
  const { play, next } = await givenStage(t);
  for (const pause of [0, 1, 5, 30]) {
    const planted = gate();
    const seen = await play(async (arrival) => {
      await arrival.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst');
      await new Promise((resolve) => setTimeout(resolve, pause));
      await arrival.write(SECOND);
      planted.open();
    });
    t.is(told(seen), '200 first');
    await planted.opened;
    await next(`a second answer ${pause} ms later`);
  }
});

test('rule 14: a body that would grow a thousandfold passes packed as it is', async (t) => {
  const packed = gzipSync(Buffer.alloc(64 * 1024 * 1024));
  const { play, next } = await givenStage(t);
  const seen = await play((arrival) => arrival.reply(200, { headers: ['Content-Encoding', 'gzip'], body: packed }));
  if (seen.kind !== 'answer') throw new Error(told(seen));
  t.deepEqual(seen.answer.body, packed);
  t.is(seen.answer.header('content-encoding'), 'gzip');
  await next('a packed body');
});
