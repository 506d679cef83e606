import test from 'ava';
import { checkTarget } from '../../src/proxy/target.ts';
import { parse, problems } from './helpers.ts';

const ROUTE = 'routes: [{ match: { path: /p }, upstream: "http://h" }]\n';

/** Whether a config with this text in this place is valid. */
const isFine = (text: string): boolean => problems(parse(text)).length === 0;

function accepts(
  title: string,
  make: (value: string) => string,
  good: readonly string[],
  bad: readonly string[],
): void {
  test(title, (t) => {
    for (const value of good) t.true(isFine(make(JSON.stringify(value))), `refused: ${value}`);
    for (const value of bad) t.false(isFine(make(JSON.stringify(value))), `accepted: ${value}`);
  });
}

accepts(
  'an address is a host with a port, or a socket',
  (value) => `listen: { address: ${value}, allow_unauthenticated: true }\nadmin: false\n${ROUTE}`,
  [
    '127.0.0.1:8080',
    '[::1]:0',
    '[2001:db8::1]:1',
    'localhost:65535',
    'unix:/run/o.sock',
    'unix:o.sock',
    'a-b.example:1',
  ],
  [
    '8080',
    ':8080',
    '127.0.0.1',
    '127.0.0.1:65536',
    '127.0.0.1:-1',
    '127.0.0.1:x',
    '::1:80',
    '[::1]',
    '[zz]:1',
    'http://h:1',
    '*:1',
    'unix:',
    'a b:1',
    `unix:/${'x'.repeat(200)}`,
  ],
);

accepts(
  'a duration has a unit',
  (value) => `timeouts: { response: ${value} }\n${ROUTE}`,
  ['1ms', '250ms', '10s', '5m', '24h', '1d'],
  ['5', '0s', '-1s', '1.5s', '1 s', '10S', '1w', 'forever', '25d', '99999999999999999999h'],
);

accepts(
  'a size has a binary unit',
  (value) => `replay: { memory: ${value} }\n${ROUTE}`,
  ['0B', '64KiB', '1MiB', '1GiB'],
  ['64', '64KB', '1MB', '-1B', '1.5MiB', '64 KiB'],
);

accepts(
  'a whole number stays within its limits',
  (value) => `limits: { headers: ${value} }\n${ROUTE}`,
  ['1', '200'],
  ['0', '-1', '1.5', '1e3', '0x10', 'many', '99999999'],
);

accepts(
  'an upstream is a URL to which a path can be appended',
  (value) => `routes: [{ match: { path: /p }, upstream: ${value} }]\n`,
  [
    'http://h',
    'https://h:8443/a/b',
    'http://[::1]:80/a',
    'HTTPS://Api.Example/A',
    'http://h/a%2Fb',
    'http://h/a;v=1',
    'http://h/',
    'https://my_host.-x-.example.',
    'https://bücher.example',
    'https://2130706433',
  ],
  [
    'h',
    'h:80',
    'ftp://h',
    'http://',
    'http://u@h',
    'http://u:p@h/',
    'http://h/?a',
    'http://h/#a',
    'http://h/a b',
    'http://h/ä',
    'http://h/%zz',
    'http://h/../a',
    'http://h/a/%2e%2e',
    'http://h/a/%252e%252e/b',
    'http://h/%2e;x',
    'http://h/..%2fx',
    'http://h/a%25252f%25252e',
    'http://h\\a',
    'http://h:99999',
    'http://h:0',
    'https://*.example',
    'https://a,b.example',
    'https://a..b',
    'https://.example',
    `https://${'a'.repeat(64)}.example`,
    `https://${'abc.'.repeat(64)}example`,
    '/a',
  ],
);

accepts(
  'a prefix is a path that the listener accepts',
  (value) => `routes: [{ match: { path: ${value} }, upstream: "http://h" }]\n`,
  ['/', '/a', '/a/b', '/a%2Fb', '/a//b', '/a;v=1', '/~a', "/a'(b)"],
  [
    'a',
    '//a',
    '/a/',
    '/a?b',
    '/a#b',
    '/a b',
    '/ä',
    '/a%',
    '/a%zz',
    '/a%00',
    '/a/../b',
    '/./a',
    '/a/%2e/b',
    '/a/..;x',
    '/a\\b',
    '/a%2f..%2fb',
    '*',
  ],
);

accepts(
  'a method is written as it is sent',
  (value) => `routes: [{ match: { path: /p, methods: [${value}] }, upstream: "http://h" }]\n`,
  ['GET', 'PATCH', 'PROPFIND', 'M-SEARCH'],
  ['get', 'G ET', 'TRACE', 'CONNECT', 'GET,POST'],
);

accepts(
  'a host is a name without scheme and port',
  (value) =>
    `listen: { allowed_hosts: [${value}] }\nroutes: [{ match: { path: /p, hosts: [${value}] }, upstream: "http://h" }]\n`,
  ['a.test', 'Phonepe.Localhost', '10.0.0.1', '[::1]', 'my_host'],
  ['a.test:80', 'http://a', 'a/b', '*.test', 'a b', '.'],
);

accepts(
  'an origin is what a browser sends',
  (value) => `listen: { allowed_origins: [${value}] }\n${ROUTE}`,
  ['https://shop.example', 'http://localhost:3000', 'HTTPS://Shop.Example', 'app://local'],
  ['shop.example', 'https://shop.example/', 'https://a/b', '*', 'null', 'https://*.example', 'https://u@h'],
);

accepts(
  'a header that a route sets can be one',
  (value) => `routes: [{ match: { path: /p }, upstream: "http://h", headers: { set: { x-a: ${value} } } }]\n`,
  ['a', 'a b\tc', '!~'],
  ['a\nb', 'ä', ' a', 'a ', '\u0000'],
);

accepts(
  'a route leaves the headers of the connection alone',
  (value) => `routes: [{ match: { path: /p }, upstream: "http://h", headers: { remove: [${value}] } }]\n`,
  ['x-a', 'Authorization', 'cookie'],
  [
    'host',
    'Connection',
    'content-length',
    'Transfer-Encoding',
    'te',
    'upgrade',
    'expect',
    'proxy-authorization',
    'via',
    'a b',
  ],
);

accepts(
  'an access token can stand in a header',
  (value) => `admin: false\nlisten: { access_tokens: [${value}] }\n${ROUTE}`,
  ['abc', 'a b', '${T:-x}'],
  ['', 'a\n', ' a', 'ä'],
);

const PROFILE = (rest: string): string => `profiles: { p: { inject: { headers: { a: b } }, ${rest} } }\n${ROUTE}`;

accepts(
  'a JSON pointer begins with a slash',
  (value) => PROFILE(`token: { fetch: { url: a }, read: { access_token: ${value} } }`),
  ['/a', '/a/0/b', '/a~1b/~0'],
  ['a', '/a~', '/~2'],
);

accepts(
  'renewing ahead is a share or a duration',
  (value) => PROFILE(`renew: { ahead: ${value} }`),
  ['20%', '0%', '12.5%', '5m', '30s'],
  ['20', '100%', '-1%', 'early'],
);

accepts(
  'a provider has a name that can stand in a path',
  (value) => `providers: { ${value}: { profile: bearer, credentials: { token: a } } }\n${ROUTE}`,
  ['a', 'payu-v2', 'A.b_c-1'],
  ['a b', '-a', 'a/b', '..', 'ä', 'x'.repeat(101)],
);

test('what is written in other letters or with a slash at the end means the same', (t) => {
  const { config } = parse(`listen: { allowed_hosts: [A.Test], allowed_origins: ["HTTPS://Shop.Example:443"] }
routes: [{ match: { path: /p, hosts: [B.Test], headers: { X-A: B }, methods: [GET, GET] }, upstream: "HTTPS://H.Test:443/A/", headers: { remove: [X-B, x-b] } }]
`);
  t.like(config?.listen, { allowedHosts: ['a.test'], allowedOrigins: ['https://shop.example'] });
  t.like(config?.routes[0], { upstream: 'https://h.test/A', headers: { remove: ['x-b'] } });
  t.deepEqual(config?.routes[0]?.match, {
    path: '/p',
    methods: ['GET'],
    hosts: ['b.test'],
    headers: new Map([['x-a', 'B']]),
  });
});

const DOTTED = [
  '/a/..',
  '/./a',
  '/a/%2e/b',
  '/a/..;x',
  '/a%2f..%2fb',
  '/a/%252e%252e',
  '/%2e;x',
  '/a/%25252e',
  '/..%2fx',
  '/a/.%2E',
  '/a%5c..%5cb',
  '/a/%25%32%65',
  '/a/%2e%2e%3bx',
  '/a/%25252525252e%252e/b',
];

test('a path that no request can have is told by the rule of the listener', (t) => {
  for (const path of DOTTED) {
    t.throws(() => checkTarget(path), { message: /dot segment/ }, path);
    t.deepEqual(
      problems(parse(`routes: [{ match: { path: "${path}" }, upstream: "http://h" }]\n`)),
      ['unreachable_path routes[0].match.path'],
      path,
    );
    t.deepEqual(
      problems(parse(`routes: [{ match: { path: /p }, upstream: "http://h${path}" }]\n`)),
      ['invalid_value routes[0].upstream'],
      path,
    );
    const api = `providers: { p: { profile: bearer, credentials: { token: a }, endpoints: { api: "http://h${path}" } } }\nroutes: [{ match: { path: /p }, provider: p, upstream: "http://h" }]\n`;
    t.deepEqual(problems(parse(api)), ['invalid_value providers.p.endpoints.api'], path);
  }
  for (const path of ['/a/...', '/.a', '/a..', '/a;..', '/a/%252e%252ea', '/a%3b%2e', '/%2525', '/a/.%20']) {
    t.notThrows(() => checkTarget(path), path);
    t.deepEqual(problems(parse(`routes: [{ match: { path: "${path}" }, upstream: "http://h" }]\n`)), [], path);
  }
});
