import test from 'ava';
import { assertProblem } from '../helpers/problem.ts';
import { ask, rawClient } from '../helpers/raw.ts';
import { givenPlain } from './given.ts';

const post = (headers: string, body = '', version = '1.1'): string =>
  `POST /api/x HTTP/${version}\r\nHost: localhost\r\n${headers}\r\n${body}`;
const CHUNKED = '3\r\nabc\r\n0\r\n\r\n';
const SMUGGLED = '0\r\n\r\nGET /api/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n';

const REFUSED: Readonly<Record<string, string>> = {
  'Content-Length then Transfer-Encoding': post('Content-Length: 3\r\nTransfer-Encoding: chunked\r\n', CHUNKED),
  'Transfer-Encoding then Content-Length': post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', SMUGGLED),
  'Content-Length: 0 with Transfer-Encoding': post('Content-Length: 0\r\nTransfer-Encoding: chunked\r\n', SMUGGLED),
  'Content-Length twice, equal': post('Content-Length: 3\r\nContent-Length: 3\r\n', 'abc'),
  'Content-Length twice, different': post('Content-Length: 3\r\nContent-Length: 0\r\n', 'abc'),
  'Content-Length twice in two cases': post('Content-Length: 3\r\ncontent-length: 3\r\n', 'abc'),
  'Content-Length: +3': post('Content-Length: +3\r\n', 'abc'),
  'Content-Length: -3': post('Content-Length: -3\r\n', 'abc'),
  'Content-Length: 0x3': post('Content-Length: 0x3\r\n', 'abc'),
  'Content-Length: 003': post('Content-Length: 003\r\n', 'abc'),
  'Content-Length: 00': post('Content-Length: 00\r\n'),
  'Content-Length: 3, 3': post('Content-Length: 3, 3\r\n', 'abc'),
  'Content-Length: 3,': post('Content-Length: 3,\r\n', 'abc'),
  'Content-Length: 3 3': post('Content-Length: 3 3\r\n', 'abc'),
  'Content-Length: 3.0': post('Content-Length: 3.0\r\n', 'abc'),
  'Content-Length: 1e1': post('Content-Length: 1e1\r\n', 'abcdefghij'),
  'Content-Length: 3_0': post('Content-Length: 3_0\r\n', 'abc'),
  'Content-Length: "3"': post('Content-Length: "3"\r\n', 'abc'),
  'Content-Length: 3;x': post('Content-Length: 3;x\r\n', 'abc'),
  'Content-Length empty': post('Content-Length:\r\n', 'abc'),
  'Content-Length of blanks': post('Content-Length:   \r\n', 'abc'),
  'Content-Length: abc': post('Content-Length: abc\r\n', 'abc'),
  'Content-Length beyond 2^64': post('Content-Length: 18446744073709551619\r\n', 'abc'),
  'Content-Length beyond 2^53': post('Content-Length: 9007199254740993\r\n', 'abc'),
  'Transfer-Encoding: xchunked': post('Transfer-Encoding: xchunked\r\n', CHUNKED),
  'Transfer-Encoding: chunkedx': post('Transfer-Encoding: chunkedx\r\n', CHUNKED),
  'Transfer-Encoding: identity': post('Transfer-Encoding: identity\r\n'),
  'Transfer-Encoding: gzip': post('Transfer-Encoding: gzip\r\n', CHUNKED),
  'Transfer-Encoding: gzip, chunked': post('Transfer-Encoding: gzip, chunked\r\n', CHUNKED),
  'Transfer-Encoding: chunked, gzip': post('Transfer-Encoding: chunked, gzip\r\n', CHUNKED),
  'Transfer-Encoding: chunked, identity': post('Transfer-Encoding: chunked, identity\r\n', CHUNKED),
  'Transfer-Encoding: chunked, chunked': post('Transfer-Encoding: chunked, chunked\r\n', CHUNKED),
  'Transfer-Encoding: ,chunked': post('Transfer-Encoding: ,chunked\r\n', CHUNKED),
  'Transfer-Encoding: chunked,': post('Transfer-Encoding: chunked,\r\n', CHUNKED),
  'Transfer-Encoding: chunked;q=1': post('Transfer-Encoding: chunked;q=1\r\n', CHUNKED),
  'Transfer-Encoding: "chunked"': post('Transfer-Encoding: "chunked"\r\n', CHUNKED),
  "Transfer-Encoding: 'chunked'": post("Transfer-Encoding: 'chunked'\r\n", CHUNKED),
  'Transfer-Encoding: ch unked': post('Transfer-Encoding: ch unked\r\n', CHUNKED),
  'Transfer-Encoding: \\x0bchunked': post('Transfer-Encoding: \x0bchunked\r\n', CHUNKED),
  'Transfer-Encoding: \\x0cchunked': post('Transfer-Encoding: \x0cchunked\r\n', CHUNKED),
  'Transfer-Encoding: \\xa0chunked': post('Transfer-Encoding: \xa0chunked\r\n', CHUNKED),
  'Transfer-Encoding: chunked\\xa0': post('Transfer-Encoding: chunked\xa0\r\n', CHUNKED),
  'Transfer-Encoding: chunKed with a Kelvin sign': post('Transfer-Encoding: chun\xe2\x84\xaaed\r\n', CHUNKED),
  'Transfer-Encoding empty': post('Transfer-Encoding:\r\n', CHUNKED),
  'Transfer-Encoding twice, equal': post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', CHUNKED),
  'Transfer-Encoding twice, identity last': post(
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n',
    CHUNKED,
  ),
  'Transfer-Encoding twice, nonsense first': post('Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n', CHUNKED),
  'Transfer-Encoding in HTTP/1.0': post('Transfer-Encoding: chunked\r\n', CHUNKED, '1.0'),
  'Transfer-Encoding: xchunked on a GET':
    'GET /api/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n',
  'HTTP/2.0': 'GET /api/x HTTP/2.0\r\nHost: localhost\r\n\r\n',
  'HTTP/1.2': 'GET /api/x HTTP/1.2\r\nHost: localhost\r\n\r\n',
  'HTTP/0.9 as a version': 'GET /api/x HTTP/0.9\r\nHost: localhost\r\n\r\n',
  'no version': 'GET /api/x\r\nHost: localhost\r\n\r\n',
  'a version of two digits': 'GET /api/x HTTP/1.10\r\nHost: localhost\r\n\r\n',
  'a lower-case version': 'GET /api/x http/1.1\r\nHost: localhost\r\n\r\n',
  'the HTTP/2 preface': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'no method': '/api/x HTTP/1.1\r\nHost: localhost\r\n\r\n',
  'a TLS hello': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
};

for (const [what, bytes] of Object.entries(REFUSED)) {
  test(`rule 06: ${what} is refused, nothing dialled, the connection closed`, async (t) => {
    const { outrider, upstream } = await givenPlain(t);
    const answer = await ask(t, outrider.port, bytes);
    assertProblem(t, answer, { status: 400, code: 'bad_request' });
    await answer.client.closed();
    t.is(
      answer.client
        .received()
        .toString('latin1')
        .match(/HTTP\/1\.1 \d{3} /g)?.length,
      1,
      'one answer only',
    );
    t.is(upstream.connections, 0);
  });
}

const ACCEPTED: Readonly<Record<string, readonly [string, string]>> = {
  'Transfer-Encoding: chunked': [post('Transfer-Encoding: chunked\r\n', CHUNKED), 'abc'],
  'transfer-encoding: CHUNKED': [post('transfer-encoding: CHUNKED\r\n', CHUNKED), 'abc'],
  'Content-Length: 3': [post('Content-Length: 3\r\n', 'abc'), 'abc'],
  'Content-Length: 0': [post('Content-Length: 0\r\n'), ''],
  'Content-Length between blanks': [post('Content-Length:  3 \r\n', 'abc'), 'abc'],
  'no framing at all': [post(''), ''],
  'Content-Length in HTTP/1.0': [post('Content-Length: 3\r\n', 'abc', '1.0'), 'abc'],
  'a chunk size in capitals': [post('Transfer-Encoding: chunked\r\n', 'A\r\n0123456789\r\n0\r\n\r\n'), '0123456789'],
  'chunk sizes with leading zeros': [post('Transfer-Encoding: chunked\r\n', '003\r\nabc\r\n000\r\n\r\n'), 'abc'],
  'a body that looks like a request': [
    post('Content-Length: 49\r\n', 'GET /api/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n..'),
    'GET /api/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n..',
  ],
};

for (const [what, [bytes, body]] of Object.entries(ACCEPTED)) {
  test(`rule 06: ${what} is forwarded as one request with the same body`, async (t) => {
    const { outrider, upstream } = await givenPlain(t);
    t.is((await ask(t, outrider.port, bytes)).status, 200);
    t.is(upstream.requests.length, 1);
    t.is((await upstream.requests[0]?.body())?.bytes.toString('latin1'), body);
    t.deepEqual(upstream.violations, []);
  });
}

for (const method of ['GET', 'DELETE', 'OPTIONS', 'PATCH', 'PUT', 'REPORT']) {
  test(`rule 06: a chunked ${method} keeps its framing over a reused connection`, async (t) => {
    const { outrider, upstream } = await givenPlain(t);
    const body = '2f\r\nGET /api/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n\r\n0\r\n\r\n';
    const client = await rawClient(t, outrider.port);
    for (let i = 1; i <= 2; i++) {
      await client.send(`${method} /api/${i} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n${body}`);
      t.is((await client.answer()).status, 200);
    }
    t.deepEqual(
      upstream.requests.map(({ target }) => target),
      ['/1', '/2'],
    );
    t.is((await upstream.requests[1]?.body())?.length, 0x2f);
    t.deepEqual(upstream.violations, []);
  });
}

for (const name of ['content-length', 'transfer-encoding', 'Content-Length, Transfer-Encoding', 'host']) {
  test(`rule 06: Connection: ${name} can't take the framing away`, async (t) => {
    const { outrider, upstream } = await givenPlain(t);
    const smuggled = 'GET /api/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const framed = [
      post(`Content-Length: ${smuggled.length}\r\nConnection: ${name}\r\n`, smuggled),
      post(
        `Connection: ${name}\r\nTransfer-Encoding: chunked\r\n`,
        `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`,
      ),
    ];
    for (const bytes of framed) {
      const answer = await ask(t, outrider.port, bytes);
      t.true([200, 400].includes(answer.status), answer.text);
    }
    for (const request of upstream.requests) {
      t.is(request.target, '/x');
      t.is((await request.body()).bytes.toString(), smuggled);
    }
    t.deepEqual(upstream.violations, []);
  });
}
