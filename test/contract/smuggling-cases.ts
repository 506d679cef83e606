/** What the caller sends, and either the status of the refusal (nothing is sent, the connection closes) or what the origin sees. */
export type Case = readonly [text: string, expected: number | readonly string[]];

export const NEXT = 'GET /api/next HTTP/1.1\r\nHost: localhost\r\n\r\n';
const SMUGGLED = 'GET /api/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n';
const size = SMUGGLED.length.toString(16);
const request = (start: string, headers: string, body = ''): string =>
  `${start}\r\nHost: localhost\r\n${headers}\r\n${body}`;
const post = (headers: string, body = ''): string => request('POST /api/x HTTP/1.1', headers, body) + NEXT;
const get = (headers: string): string => request('GET /api/x HTTP/1.1', headers) + NEXT;
const chunked = (chunks: string): string => post('Transfer-Encoding: chunked\r\n', chunks);

const ALONE = ['GET /x', 'GET /next'];
const EMPTY = ['POST /x', 'GET /next'];
const HELLO = ['POST /x hello', 'GET /next'];

export const LENGTHS_AND_CODINGS: Readonly<Record<string, Case>> = {
  'CL.TE': [post('Content-Length: 6\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\nG'), 400],
  'TE.CL': [post(`Transfer-Encoding: chunked\r\nContent-Length: 4\r\n`, `${size}\r\n${SMUGGLED}\r\n0\r\n\r\n`), 400],
  'TE.TE, the second hidden': [post('Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n', '0\r\n\r\n'), 400],
  'TE.TE, the first hidden': [post('Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), 400],
  'TE.0: a coding on an OPTIONS': [
    request('OPTIONS /api/x HTTP/1.1', 'Transfer-Encoding: chunked\r\n', `${size}\r\n${SMUGGLED}\r\n0\r\n\r\n`) + NEXT,
    [`OPTIONS /x ${SMUGGLED}`, 'GET /next'],
  ],
  'CL.0: a body that is a request': [
    post(`Content-Length: ${SMUGGLED.length}\r\n`, SMUGGLED),
    [`POST /x ${SMUGGLED}`, 'GET /next'],
  ],
  '0.CL: a request behind a body of none': [
    post('Content-Length: 0\r\n', SMUGGLED),
    ['POST /x', 'GET /smuggled', 'GET /next'],
  ],
  'a GET with a body': [
    request('GET /api/x HTTP/1.1', `Content-Length: ${SMUGGLED.length}\r\n`, SMUGGLED) + NEXT,
    [`GET /x ${SMUGGLED}`, 'GET /next'],
  ],
  'a HEAD with a body': [
    request('HEAD /api/x HTTP/1.1', `Content-Length: ${SMUGGLED.length}\r\n`, SMUGGLED) + NEXT,
    [`HEAD /x ${SMUGGLED}`, 'GET /next'],
  ],
  'a DELETE with a body in chunks': [
    request('DELETE /api/x HTTP/1.1', 'Transfer-Encoding: chunked\r\n', `${size}\r\n${SMUGGLED}\r\n0\r\n\r\n`) + NEXT,
    [`DELETE /x ${SMUGGLED}`, 'GET /next'],
  ],
  'a GET with a length of 0': [get('Content-Length: 0\r\n'), ALONE],
  'a body in chunks of nothing': [chunked('0\r\n\r\n'), EMPTY],
  'a refused path with a body that is a request': [
    request('POST /nowhere HTTP/1.1', `Content-Length: ${SMUGGLED.length}\r\n`, SMUGGLED) + NEXT,
    ['GET /next'],
  ],
  'Connection: content-length': [post('Connection: content-length\r\nContent-Length: 5\r\n', 'hello'), HELLO],
  'Connection: transfer-encoding': [
    post('Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\n\r\n'),
    HELLO,
  ],
  'a length that a Trailer announces': [post('Trailer: Content-Length\r\nContent-Length: 5\r\n', 'hello'), HELLO],
  'a blank line in the midst of the head': [post('\r\nContent-Length: 5\r\n', 'hello'), ['POST /x']],
};

export const CHUNKS: Readonly<Record<string, Case>> = {
  'two chunks': [chunked('3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n'), HELLO],
  'leading zeros': [chunked(`${'0'.repeat(40)}5\r\nhello\r\n000\r\n\r\n`), HELLO],
  'a size beyond 2^64': [chunked('10000000000000005\r\nhello\r\n0\r\n\r\n'), 400],
  'a size that 32 bits would take for 5': [`${chunked('100000005\r\nhello\r\n0\r\n\r\n')}`, []],
  'a size of 0x5': [chunked('0x5\r\nhello\r\n0\r\n\r\n'), 400],
  'a size of +5': [chunked('+5\r\nhello\r\n0\r\n\r\n'), 400],
  'a size of -0': [chunked('-0\r\n\r\n'), 400],
  'a size behind a blank': [chunked(' 5\r\nhello\r\n0\r\n\r\n'), 400],
  'a size before a blank': [chunked('5 \r\nhello\r\n0\r\n\r\n'), 400],
  'a size before a tab': [chunked('5\t\r\nhello\r\n0\r\n\r\n'), 400],
  'a size in quotes': [chunked('"5"\r\nhello\r\n0\r\n\r\n'), 400],
  'a size with NUL': [chunked('5\x00\r\nhello\r\n0\r\n\r\n'), 400],
  'a size with an underscore': [chunked('0_5\r\nhello\r\n0\r\n\r\n'), 400],
  'no size': [chunked('\r\n\r\n'), 400],
  'an LF behind the size': [chunked('5\nhello\r\n0\r\n\r\n'), 400],
  'a CR behind the size': [chunked('5\rhello\r\n0\r\n\r\n'), 400],
  'CR CR LF behind the size': [chunked('5\r\r\nhello\r\n0\r\n\r\n'), 400],
  'an extension': [chunked('5;a\r\nhello\r\n0\r\n\r\n'), HELLO],
  'extensions with values': [chunked('5;a=b;c="d;\\"e";f\r\nhello\r\n0;last\r\n\r\n'), HELLO],
  'a line end in a quoted extension': [chunked('5;a="\r\n"\r\nhello\r\n0\r\n\r\n'), 400],
  'an LF in an extension': [chunked(`5;a\nhello\r\n0\r\n\r\n`), 400],
  'a CR in an extension': [chunked('5;a\rb\r\nhello\r\n0\r\n\r\n'), 400],
  'a LF in an extension that hides a chunk': [chunked(`2;\nxx\r\n${size}\r\n0\r\n\r\n${SMUGGLED}\r\n0\r\n\r\n`), 400],
  'blanks about an extension': [chunked('5 ; a=b\r\nhello\r\n0\r\n\r\n'), 400],
  'data shorter than its size': [chunked('6\r\nhello\r\n0\r\n\r\n'), 400],
  'data longer than its size': [chunked('4\r\nhello\r\n0\r\n\r\n'), 400],
  'data that an LF ends': [chunked('5\r\nhello\n0\r\n\r\n'), 400],
  'data that nothing ends': [chunked('5\r\nhello0\r\n\r\n'), 400],
  'two bytes in place of the line end': [chunked('5\r\nhelloXX0\r\n\r\n'), 400],
  'no empty line at the end': [chunked('5\r\nhello\r\n0\r\n'), 400],
  'an LF at the end': [chunked('5\r\nhello\r\n0\r\n\n'), 400],
  'an LF behind the last size': [chunked('5\r\nhello\r\n0\n\r\n'), 400],
  'a trailer': [chunked('5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n'), HELLO],
  'a trailer that looks like a credential': [chunked('5\r\nhello\r\n0\r\nAuthorization: x\r\n\r\n'), HELLO],
  'a length in the trailer': [chunked('5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n'), 400],
  'a coding in the trailer': [chunked('5\r\nhello\r\n0\r\nTransfer-Encoding: identity\r\n\r\n'), 400],
  'a Host in the trailer': [chunked('5\r\nhello\r\n0\r\nHost: evil.test\r\n\r\n'), HELLO],
  'an upgrade in the trailer': [chunked('5\r\nhello\r\n0\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n'), HELLO],
  'a folded trailer': [chunked('5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n'), 400],
  'a trailer that is a request': [chunked(`5\r\nhello\r\n0\r\n${SMUGGLED}`), 400],
};

const V10 = 'GET /api/x HTTP/1.0';

export const HEADS: Readonly<Record<string, Case>> = {
  'a folded length': [post('Content-Length:\r\n 5\r\n', 'hello'), 400],
  'a header that is folded into the coding': [post('X: y\r\n Transfer-Encoding: chunked\r\n', '0\r\n\r\n'), 400],
  'a CR that hides a coding': [post('X: y\rTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), 400],
  'an LF that hides a length': [post('X: y\nContent-Length: 5\r\n', 'hello'), 400],
  'a hyphen of Unicode': [post('Content\xe2\x80\x90Length: 5\r\n', 'hello'), 400],
  'a name with a hard blank': [post('Content-Length\xa0: 5\r\n', 'hello'), 400],
  'a tab within a name': [post('Transfer\tEncoding: chunked\r\n', '0\r\n\r\n'), 400],
  'Content-Length_': [post('Content-Length_: 5\r\n', 'hello'), 400],
  '_Transfer-Encoding': [post('_Transfer-Encoding: chunked\r\n', '0\r\n\r\n'), 400],
  'Content--Length is another header': [post('Content--Length: 5\r\n'), EMPTY],
  'a NUL within a name': [get('X\x00Y: z\r\n'), 400],
  'a NUL within a value': [get('X: \x00\r\n'), 400],
  'an empty line before the request': [`\r\n${get('')}`, ALONE],
  'an empty line between requests': [post('Content-Length: 5\r\n', 'hello\r\n'), HELLO],
  'a blank before the request': [` ${get('')}`, 400],
  'a BOM before the request': [`\xef\xbb\xbf${get('')}`, 400],
  'a PROXY line before the request': [`PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n${get('')}`, 400],
  'HTTP/1.0': [request(V10, '') + NEXT, ['GET /x']],
  'HTTP/1.0 kept alive': [request(V10, 'Connection: keep-alive\r\n') + NEXT, ALONE],
  'HTTP/1.1 closed': [get('Connection: close\r\n'), ['GET /x']],
  'closed among other options': [get('Connection: x, CLOSE ,y\r\n'), ['GET /x']],
  'closed in the second of two headers': [get('Connection: keep-alive\r\nConnection: close\r\n'), ['GET /x']],
  'lower-case http/1.1': [request('GET /api/x http/1.1', '') + NEXT, 400],
  'HTTP/1.1 before more': [request('GET /api/x HTTP/1.1 HTTP/1.1', '') + NEXT, 400],
  'a blank behind the version': [request('GET /api/x HTTP/1.1 ', '') + NEXT, 400],
  'a tab in the request line': [request('GET\t/api/x HTTP/1.1', '') + NEXT, 400],
  'a method of RTSP': [request('DESCRIBE /api/x RTSP/1.0', '') + NEXT, 400],
  'the length of RTSP': [request('SET_PARAMETER /api/x RTSP/1.0', 'Content-Length: 5\r\n', 'hello') + NEXT, 400],
  'a method that nobody knows': [request('FROB /api/x HTTP/1.1', '') + NEXT, 400],
  'a method in lower case': [request('get /api/x HTTP/1.1', '') + NEXT, 400],
  'an authority as target': [request('GET localhost:80 HTTP/1.1', '') + NEXT, 400],
  'absolute form without Host': ['GET http://localhost/api/x HTTP/1.1\r\n\r\n', 400],
  'an upgrade to h2c': [
    get('Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n'),
    ALONE,
  ],
  'an upgrade to websocket with a body': [
    post('Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n', 'hello'),
    HELLO,
  ],
  'an upgrade by Proxy-Connection': [get('Proxy-Connection: Upgrade\r\nUpgrade: h2c\r\n'), ALONE],
  'an upgrade that Connection does not name': [get('Upgrade: h2c\r\n'), ALONE],
};

export const EXPECTATIONS: Readonly<Record<string, Case>> = {
  'Expect with the body in one': [
    request('POST /api/x HTTP/1.1', 'Expect: 100-continue\r\nContent-Length: 5\r\n', 'hello'),
    ['POST /x hello'],
  ],
  'Expect with no body': [
    request('POST /api/x HTTP/1.1', 'Expect: 100-continue\r\nContent-Length: 0\r\n'),
    ['POST /x'],
  ],
  'Expect on a GET': [request('GET /api/x HTTP/1.1', 'Expect: 100-continue\r\n'), ['GET /x']],
  'Expect with chunks': [
    request(
      'POST /api/x HTTP/1.1',
      'Expect: 100-CONTINUE\r\nTransfer-Encoding: chunked\r\n',
      '5\r\nhello\r\n0\r\n\r\n',
    ),
    ['POST /x hello'],
  ],
  'Expect twice': [
    request('POST /api/x HTTP/1.1', 'Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 5\r\n', 'hello'),
    ['POST /x hello'],
  ],
  'Expect in HTTP/1.0': [
    request('POST /api/x HTTP/1.0', 'Expect: 100-continue\r\nContent-Length: 5\r\n', 'hello'),
    ['POST /x hello'],
  ],
  'Expect of two values': [post('Expect: 100-continue, 100-continue\r\nContent-Length: 5\r\n', 'hello'), 417],
  'another Expect': [post('Expect: 200-ok\r\nContent-Length: 5\r\n', 'hello'), 417],
  'another Expect first': [post('Expect: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n', 'hello'), 417],
  'an empty Expect': [get('Expect:\r\n'), 417],
  'another Expect before a length of 05': [post('Expect: x\r\nContent-Length: 05\r\n', 'hello'), 400],
  'another Expect before two Hosts': [get('Expect: x\r\nHost: evil.test\r\n'), 400],
  'another Expect before an odd coding': [
    post('Expect: x\r\nTransfer-Encoding: chunked, identity\r\n', '0\r\n\r\n'),
    400,
  ],
  'another Expect before both framings': [
    post('Expect: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    400,
  ],
};
