import test from 'ava';
import type { ExecutionContext } from 'ava';
import { givenStage, REFUSED, told, writes } from './play.ts';

const LENGTH = 'Content-Length: 2\r\n\r\nab';
const OK = 'HTTP/1.1 200 OK\r\n';

/** For each head of an answer: what the caller is told of it. Whatever that is, the next request gets its own answer. */
async function eachHeadIsTold(t: ExecutionContext, table: Readonly<Record<string, string>>): Promise<void> {
  const { play, next, upstream } = await givenStage(t);
  for (const [bytes, expected] of Object.entries(table)) {
    const what = JSON.stringify(bytes);
    t.is(told(await play(writes(bytes))), expected, what);
    await next(what);
  }
  t.is(upstream.requests.length, 2 * Object.keys(table).length, 'nothing was asked for twice');
}

test('error upstream_bad_response: an answer begins with a status line of HTTP/1.0 or 1.1', async (t) => {
  await eachHeadIsTold(t, {
    [`HTTP/1.1 200\r\n${LENGTH}`]: '200 ab',
    [`HTTP/1.1 200 \r\n${LENGTH}`]: '200 ab',
    [`HTTP/1.0 200 OK\r\n${LENGTH}`]: '200 ab',
    [`HTTP/1.1 299 All\tis \xe9\xff: well\r\n${LENGTH}`]: '299 ab',
    [`HTTP/1.1 599 OK\r\n${LENGTH}`]: '599 ab',
    [`HTTP/1.1 999 OK\r\n${LENGTH}`]: '999 ab',
    [`\r\n\r\nHTTP/1.1 200 OK\r\n${LENGTH}`]: '200 ab',
    [`HTTP/2.0 200 OK\r\n${LENGTH}`]: REFUSED,
    [`HTTP/2 200\r\n${LENGTH}`]: REFUSED,
    [`HTTP/0.9 200 OK\r\n${LENGTH}`]: REFUSED,
    [`HTTP/1.2 200 OK\r\n${LENGTH}`]: REFUSED,
    [`HTTP/3.0 200 OK\r\n${LENGTH}`]: REFUSED,
    [`HTTP/1.10 200 OK\r\n${LENGTH}`]: REFUSED,
    [`HTTP/01.1 200 OK\r\n${LENGTH}`]: REFUSED,
    [`HTTP/1 200 OK\r\n${LENGTH}`]: REFUSED,
    [`http/1.1 200 OK\r\n${LENGTH}`]: REFUSED,
    [`ICY 200 OK\r\n${LENGTH}`]: REFUSED,
    [`RTSP/1.0 200 OK\r\n${LENGTH}`]: REFUSED,
    [`ICE/1.0 200 OK\r\n${LENGTH}`]: REFUSED,
    [`POST / HTTP/1.1\r\n${LENGTH}`]: REFUSED,
    [` HTTP/1.1 200 OK\r\n${LENGTH}`]: REFUSED,
    [`\nHTTP/1.1 200 OK\r\n${LENGTH}`]: REFUSED,
    [`\xef\xbb\xbfHTTP/1.1 200 OK\r\n${LENGTH}`]: REFUSED,
    [`HTTP/1.1  200 OK\r\n${LENGTH}`]: REFUSED,
    [`HTTP/1.1\t200 OK\r\n${LENGTH}`]: REFUSED,
    [`HTTP /1.1 200 OK\r\n${LENGTH}`]: REFUSED,
    '<html>200 OK</html>\r\n\r\n': REFUSED,
    SSH: REFUSED,
    'HTTP/2': REFUSED,
    '\x16\x03\x01\x00\xa5\x01\n\n': REFUSED,
  });
});

test('error upstream_bad_response: a status has three digits, and is 100 at least', async (t) => {
  const statuses = '000 099 99 1000 20x 2x0 -200 +200 0200 2 ０ 200OK 200,'.split(' ');
  await eachHeadIsTold(
    t,
    Object.fromEntries(statuses.map((status) => [`HTTP/1.1 ${status} OK\r\n${LENGTH}`, REFUSED])),
  );
});

test('error upstream_bad_response: no line of a head is folded, cut short or holds a control character', async (t) => {
  const refused = [
    `HTTP/1.1 200 OK\n${LENGTH}`,
    `HTTP/1.1 200 OK\r${LENGTH}`,
    'HTTP/1.1 200 O\rK\r\nContent-Length: 2\r\n\r\nab',
    'HTTP/1.1 200 O\x00K\r\nContent-Length: 2\r\n\r\nab',
    'HTTP/1.1 200 O\x7fK\r\nContent-Length: 2\r\n\r\nab',
    `${OK}X: a\n${LENGTH}`,
    `${OK}Content-Length: 2\r\n\nab`,
    `${OK}Content-Length: 2\n\nab`,
    `${OK}Content-Length: 2\n\r\nab`,
    `${OK}Content-Length: 2\r\r\n\r\nab`,
    `${OK}X: a\r\n b\r\n${LENGTH}`,
    `${OK}X: a\r\n\tContent-Length: 9\r\n${LENGTH}`,
    `${OK} X: a\r\n${LENGTH}`,
    `${OK}X: a\rContent-Length: 9\r\n${LENGTH}`,
    `${OK}X: a\x00b\r\n${LENGTH}`,
    `${OK}X: a\x01b\r\n${LENGTH}`,
    `${OK}X: a\x0bb\r\n${LENGTH}`,
    `${OK}X: a\x7fb\r\n${LENGTH}`,
    `${OK}X\x00: a\r\n${LENGTH}`,
    `${OK}X : a\r\n${LENGTH}`,
    `${OK}Content-Length : 2\r\n\r\nab`,
    `${OK}Content-Length\t: 2\r\n\r\nab`,
    `${OK}X Y: a\r\n${LENGTH}`,
    `${OK}: a\r\n${LENGTH}`,
    `${OK}X\xe9: a\r\n${LENGTH}`,
    `${OK}X(: a\r\n${LENGTH}`,
    `${OK}"X": a\r\n${LENGTH}`,
    `${OK}X\r\n${LENGTH}`,
    `${OK}Transfer-Encoding\x0b: chunked\r\n${LENGTH}`,
  ];
  await eachHeadIsTold(t, Object.fromEntries(refused.map((bytes) => [bytes, REFUSED])));
});

test('error upstream_bad_response: the length of an answer is told in one way', async (t) => {
  const both = `Content-Length: 2\r\nTransfer-Encoding: chunked\r\n`;
  const chunks = '2\r\nab\r\n0\r\n\r\n';
  const codings =
    'xchunked|identity|gzip, chunked|chunked, gzip|chunked, identity|chunked, chunked|chunked,|,chunked|"chunked"|chunked;q=1|chunked\xa0||\x0bchunked|deflate'.split(
      '|',
    );
  const lengths = '5,5|2, 2|2,3|+2|-2|0x2|2_|2 2|2;|2.0|2e0|\u0662|99999999999999999999|1000000000000000||ab'.split(
    '|',
  );
  await eachHeadIsTold(t, {
    [`${OK}Content-Length: 2\r\n\r\nab`]: '200 ab',
    [`${OK}CONTENT-LENGTH:2\r\n\r\nab`]: '200 ab',
    [`${OK}Content-Length: \t 2\r\n\r\nab`]: '200 ab',
    [`${OK}Content-Length: 0002\r\n\r\nab`]: '200 ab',
    [`${OK}Transfer-Encoding: chunked\r\n\r\n${chunks}`]: '200 ab',
    [`${OK}transfer-encoding:ChUnKeD\r\n\r\n${chunks}`]: '200 ab',
    [`${OK}Transfer-Encoding: \t chunked\r\n\r\n${chunks}`]: '200 ab',
    [`${OK}Content-Length: 2 \r\n\r\nab`]: '200 ab',
    [`${OK}Transfer-Encoding: chunked\t\r\n\r\n${chunks}`]: '200 ab',
    [`${OK}Content_Length: 9\r\nContent-Length: 2\r\n\r\nab`]: '200 ab',
    [`${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\nab`]: REFUSED,
    [`${OK}Content-Length: 2\r\nX: y\r\ncontent-length: 2\r\n\r\nab`]: REFUSED,
    [`${OK}${both}\r\n${chunks}`]: REFUSED,
    [`${OK}${both}\r\nab`]: REFUSED,
    [`${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`]: REFUSED,
    [`${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n${chunks}`]: REFUSED,
    [`${OK}Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`]: REFUSED,
    [`HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`]: REFUSED,
    [`HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`]: REFUSED,
    ...Object.fromEntries(codings.map((coding) => [`${OK}Transfer-Encoding: ${coding}\r\n\r\n${chunks}`, REFUSED])),
    ...Object.fromEntries(
      lengths.map((length) => [`${OK}Content-Length: ${Buffer.from(length).toString('latin1')}\r\n\r\nab`, REFUSED]),
    ),
  });
});

test('error upstream_bad_response: a header that seems to end the head early is part of its line, or nothing', async (t) => {
  const { play, next } = await givenStage(t);
  const planted =
    'Location: /x%0d%0aSet-Cookie: a=1\r\nX-A: \\r\\nSet-Cookie: b\r\nX-B: \xc4\x8d\xc4\x8aSet-Cookie: c\r\n';
  const seen = await play(writes(`${OK}${planted}${LENGTH}`));
  if (seen.kind !== 'answer') throw new Error(told(seen));
  t.is(seen.answer.header('location'), '/x%0d%0aSet-Cookie: a=1');
  t.is(seen.answer.header('x-a'), '\\r\\nSet-Cookie: b');
  t.is(seen.answer.header('x-b'), '\xc4\x8d\xc4\x8aSet-Cookie: c');
  t.is(seen.answer.header('set-cookie'), undefined);
  await next('what looked like a line break');
});

test('a provider’s reason phrase passes as it came, in whatever pieces', async (t) => {
  const { play } = await givenStage(t);
  const bytes = `HTTP/1.1 402 Pay \xc3\xa9t first\r\n${LENGTH}`;
  for (const slice of [1, 3, bytes.length]) {
    const seen = await play(async (arrival) => {
      for (let at = 0; at < bytes.length; at += slice) {
        await arrival.write(bytes.slice(at, at + slice));
        await new Promise((resolve) => setImmediate(resolve));
      }
    });
    t.is(seen.kind === 'answer' ? seen.answer.head.split('\r\n')[0] : told(seen), 'HTTP/1.1 402 Pay \xc3\xa9t first');
  }
});
