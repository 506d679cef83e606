import test from 'ava';
import { assertProblem } from '../helpers/problem.ts';
import { ask } from '../helpers/raw.ts';
import { givenPlain } from './given.ts';

const get = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

const REFUSED = [
  // dot segments, plain
  '/api/.',
  '/api/..',
  '/api/./x',
  '/api/../x',
  '/../api/x',
  '/./api/x',
  '/api/x/..',
  '/api/x/.',
  '/api/../../etc',
  // percent-encoded, in whole or in part
  '/api/%2e/x',
  '/api/%2E%2E/x',
  '/api/%2e%2e/x',
  '/api/.%2e/x',
  '/api/%2E./x',
  '/api/x/%2e%2e',
  '/%2e%2e/api/x',
  // with parameters
  '/api/..;x/y',
  '/api/..;/y',
  '/api/.;x/y',
  '/api/%2e%2e;a=b/y',
  '/api/x/..;',
  '/api/..%3bx/y',
  '/api/..%3Bx',
  // double-encoded
  '/api/%252e%252e/x',
  '/api/%252E/x',
  '/api/.%252e/x',
  '/api/%252e%252e%252fx',
  '/api/..%252fx',
  '/api/..%255cx',
  // behind encoded separators
  '/api/a%2F..%2Fb',
  '/api/a%2f%2e%2e%2fb',
  '/api/..%2Fx',
  '/api/x%2F..',
  '/api/a%5C..%5Cb',
  '/api/..%5cx',
  '/api/a%2F.%2Fb',
  '/api%2F..%2Fx',
  '/api/..%2f..%5c..;/x',
  // backslashes
  '/api\\x',
  '\\api/x',
  '/api/..\\x',
  '/api/a\\..\\b',
  '/\\evil.test/x',
  // slashes at the start
  '//api/x',
  '///api/x',
  '//evil.test/api/x',
  '//',
  // the rest
  '/api/x#frag',
  '/api/x#',
  '/api?x#frag',
  '#',
  '/api/%00',
  '/api/x%00.json',
  '/api/%',
  '/api/%z',
  '/api/%zz',
  '/api/%4',
  '/api/%4g',
  '/api/%u002e',
  '/api/a\x01b',
  '/api/a\x7fb',
  '/api/caf\xc3\xa9',
  '/api/\xff',
  '/api/a\tb',
  '*',
];

for (const target of REFUSED) {
  test(`rule 08: ${JSON.stringify(target)} is refused`, async (t) => {
    const { outrider, upstream } = await givenPlain(t);
    assertProblem(t, await ask(t, outrider.port, get(target)), { status: 400, code: 'bad_request' });
    const absolute = `http://localhost:${outrider.port}${target}`;
    if (target.startsWith('/')) {
      assertProblem(t, await ask(t, outrider.port, get(absolute)), { status: 400, code: 'bad_request' });
    }
    t.is(upstream.connections, 0);
  });
}

test('rule 08: OPTIONS * is refused', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  const answer = await ask(t, outrider.port, 'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assertProblem(t, answer, { status: 400, code: 'bad_request' });
  t.is(upstream.connections, 0);
});

const KEPT = [
  '/x',
  '/x/',
  '/x//y',
  '/x///',
  '/a%2Fb',
  '/a%2fb',
  '/a%5Cb',
  '/%7Euser',
  '/~user',
  '/%41',
  '/a%20b',
  '/a+b',
  '/...',
  '/..a',
  '/a..',
  '/a..b',
  '/.well-known/x',
  '/.hidden',
  '/a.',
  '/%2ehidden',
  '/a;b=c',
  '/;x',
  '/a:b@c',
  "/a!$&'()*,=",
  '/%E2%82%AC',
  '/%C0%AF',
  '/%ff',
  '/%2525',
  '/%252f',
  '/x?',
  '/x??',
  '/x?a=1&a=2&a=1',
  '/x?a&&b=&=c',
  '/x?a=%2F%2f',
  '/x?next=/../y',
  '/x?u=http://evil.test//x',
  '/x?q=%2e%2e%2f',
  '/x?a+b=c%20d',
  '/x?a=|b"<>^`{}',
  '/x?sig=%zz',
  '/a|b"<>^`{}',
  '/x?a=..;x',
  '/X/Y',
  '/x?a=1?b=2',
  '/:80',
  '/@evil.test',
];

for (const rest of KEPT) {
  test(`rule 08: ${rest} is forwarded byte for byte`, async (t) => {
    const { outrider, upstream } = await givenPlain(t);
    const answer = await ask(t, outrider.port, get(`/api${rest}`));
    t.is(answer.status, 200, answer.text);
    t.is(upstream.requests[0]?.target, rest);
    t.is((await ask(t, outrider.port, get(`http://localhost:${outrider.port}/api${rest}`))).status, 200);
    t.is(upstream.requests[1]?.target, rest, 'in absolute form');
  });
}

for (const target of ['/apix', '/api%2Fx', '/API/x', '/%61pi/x', '/', '/ap', '/x/api', '/api;x']) {
  test(`rule 08: ${target} is not below /api, by its raw bytes`, async (t) => {
    const { outrider, upstream } = await givenPlain(t);
    assertProblem(t, await ask(t, outrider.port, get(target)), { status: 404, code: 'route_not_found' });
    t.is(upstream.connections, 0);
  });
}

const JOINED: readonly (readonly [base: string, target: string, upstreamTarget: string])[] = [
  ['', '/api', '/'],
  ['', '/api?x=1', '/?x=1'],
  ['', '/api/', '/'],
  ['', '/api/?', '/?'],
  ['', '/api//', '//'],
  ['/', '/api/x', '/x'],
  ['/base', '/api', '/base'],
  ['/base', '/api?x=1', '/base?x=1'],
  ['/base', '/api/', '/base/'],
  ['/base/', '/api', '/base'],
  ['/base/', '/api/x//y?z', '/base/x//y?z'],
  ['/ba%2Fse', '/api/%7E', '/ba%2Fse/%7E'],
];

for (const [base, target, expected] of JOINED) {
  test(`rule 08: ${target} below an upstream at "${base}" is ${expected}`, async (t) => {
    const { outrider, upstream } = await givenPlain(t, { base });
    t.is((await ask(t, outrider.port, get(target))).status, 200);
    t.is(upstream.requests[0]?.target, expected);
  });
}

test('rule 08: with strip_prefix false the whole path follows', async (t) => {
  const { outrider, upstream } = await givenPlain(t, { base: '/base', route: 'strip_prefix: false' });
  t.is((await ask(t, outrider.port, get('/api/x?y'))).status, 200);
  t.is(upstream.requests[0]?.target, '/base/api/x?y');
});
