import test from 'ava';
import { OutriderError } from '../../src/core/errors.ts';
import { checkTarget, joinTarget, parseAbsolute } from '../../src/proxy/target.ts';

for (const target of [
  '/',
  '/pay?a=b&c=%41',
  '/a.b/c..d/...',
  "/-_~!$&'()*+,;=:@",
  '/caf%C3%A9',
  '/a//b',
  '/x?next=/../y',
  '/x?a=%zz',
  '/a%2Fb',
]) {
  test(`a target that all servers understand alike passes: ${target}`, (t) => {
    t.notThrows(() => checkTarget(target));
  });
}

for (const [target, why] of [
  ['pay', /not a path/],
  ['*', /not a path/],
  ['', /not a path/],
  ['/a b', /control or non-ASCII/],
  ['/a\u0000', /control or non-ASCII/],
  ['/caf\u00e9', /control or non-ASCII/],
  ['/a?b=\u00e9', /control or non-ASCII/],
  ['/a#b', /fragment/],
  ['/a?b#c', /fragment/],
  ['//evil.example/x', /two slashes/],
  ['/a\\b', /backslash/],
  ['/a%4', /percent escape/],
  ['/a%zz', /percent escape/],
  ['/a%00', /NUL/],
  ['/a/../b', /dot segment/],
  ['/a/%2e%2E', /dot segment/],
  ['/a/%252e%252e/b', /dot segment/],
  ['/a/..;x=1/b', /dot segment/],
] as const) {
  test(`a target that servers understand in different ways is refused: ${JSON.stringify(target)}`, (t) => {
    const error = t.throws(() => checkTarget(target), { instanceOf: OutriderError });
    t.is(error?.code, 'bad_request');
    t.regex(error?.detail ?? '', why);
  });
}

test('an absolute target is taken apart as it is written; other forms are none', (t) => {
  t.deepEqual(parseAbsolute('HTTPS://Api.Example:8443/a?b'), {
    scheme: 'https',
    authority: 'Api.Example:8443',
    target: '/a?b',
  });
  t.is(parseAbsolute('http://h')?.target, '/');
  t.is(parseAbsolute('http://h?x=1')?.target, '/?x=1');
  t.is(parseAbsolute('http://[::1]:80/x')?.authority, '[::1]:80');
  for (const other of ['/a', '*', 'h:443', 'ftp://h/', 'http:/h']) t.is(parseAbsolute(other), undefined, other);
});

test('an absolute target with userinfo or without a host is refused', (t) => {
  t.throws(() => parseAbsolute('http://user:pass@h/'), { instanceOf: OutriderError, message: /userinfo/ });
  t.throws(() => parseAbsolute('http:///x'), { instanceOf: OutriderError, message: /no host/ });
  t.is(parseAbsolute('http://h/@x')?.target, '/@x', 'behind the host it is a character like others');
});

for (const [target, cut, basePath, expected] of [
  ['/api/pay?x=1', 4, '', '/pay?x=1'],
  ['/api/pay', 4, '/v1', '/v1/pay'],
  ['/api', 4, '', '/'],
  ['/api', 4, '/v1', '/v1'],
  ['/api?x=1', 4, '/v1', '/v1?x=1'],
  ['/api?x=1', 4, '', '/?x=1'],
  ['/api/', 4, '/v1', '/v1/'],
  ['/a%2Fb', 0, '/v1', '/v1/a%2Fb'],
  ['/', 0, '', '/'],
] as const) {
  test(`${target} less ${cut} characters, below "${basePath}", is ${expected}`, (t) => {
    t.is(joinTarget(target, { cut, basePath }), expected);
  });
}
