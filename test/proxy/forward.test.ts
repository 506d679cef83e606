import test from 'ava';
import { createRequestHeaders, answerHeaders } from '../../src/proxy/forwarded-headers.ts';

const VIA = '1.1 outrider-x';
const plain = createRequestHeaders({ set: new Map(), remove: [] }, VIA);

test('what is for one hop, framing and what a caller could claim about itself goes; the rest stays in order and spelling', (t) => {
  const headers = ['X-One', '1', 'Host', 'h', 'connection', 'close', 'TE', 'trailers', 'Expect', '100-continue'];
  headers.push(
    'Content-Length',
    '3',
    'Transfer-Encoding',
    'chunked',
    'Proxy-Authorization',
    'x',
    'X-Forwarded-For',
    'y',
  );
  headers.push(
    'Forwarded',
    'for=z',
    'X-Outrider-Token',
    'secret',
    'X-Original-URL',
    '/admin',
    'x-one',
    '2',
    'Via',
    '1.0 a',
  );
  t.deepEqual(plain(headers, []), ['X-One', '1', 'x-one', '2', 'Via', '1.0 a', 'Via', VIA]);
});

test('what Connection names goes too', (t) => {
  t.deepEqual(plain(['X-Hop', '1', 'x-HOP', '2', 'X-End', '3'], ['x-hop']), ['X-End', '3', 'Via', VIA]);
});

test('a route removes headers, and sets one in the place of the first that it replaces, else at the end', (t) => {
  const forward = createRequestHeaders(
    {
      set: new Map([
        ['X-Key', 'ours'],
        ['X-New', 'n'],
      ]),
      remove: ['Cookie'],
    },
    VIA,
  );
  const headers = ['x-key', 'theirs', 'A', '1', 'X-KEY', 'theirs too', 'cookie', 'c'];
  t.deepEqual(forward(headers, ['x-key']), ['X-Key', 'ours', 'A', '1', 'X-New', 'n', 'Via', VIA]);
  t.deepEqual(headers.length, 8, 'the caller’s own are left alone');
});

test('an answer loses what is for one hop, and what its Connection names, but never Content-Length', (t) => {
  const headers = ['Content-Length', '3', 'Connection', 'X-Hop, content-length, close', 'x-hop', '1', 'Trailer', 'T'];
  headers.push('Keep-Alive', 'timeout=5', 'Proxy-Authenticate', 'Basic', 'Set-Cookie', 'a', 'Set-Cookie', 'b');
  const passed = ['Content-Length', '3', 'Set-Cookie', 'a', 'Set-Cookie', 'b', 'Via', VIA];
  t.deepEqual(answerHeaders({ status: 200, headers }, ['Via', VIA], false), passed);
});

test('a 204 has no Content-Length', (t) => {
  const headers = ['Content-Length', '0', 'X', '1'];
  t.deepEqual(answerHeaders({ status: 204, headers }, [], false), ['X', '1']);
  t.deepEqual(answerHeaders({ status: 304, headers }, [], false), headers);
});

test('for a browser our own CORS headers take the place of the provider’s', (t) => {
  const headers = ['Access-Control-Allow-Origin', '*', 'Access-Control-Expose-Headers', 'X'];
  const ours = ['Access-Control-Allow-Origin', 'https://a.example'];
  t.deepEqual(answerHeaders({ status: 200, headers }, ours, true), ['Access-Control-Expose-Headers', 'X', ...ours]);
  t.deepEqual(answerHeaders({ status: 200, headers }, [], false), headers);
});
