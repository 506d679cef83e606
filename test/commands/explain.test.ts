import test from 'ava';
import { configFile, run } from './run.ts';

const YAML = `
version: 1
providers:
  phonepe:
    profile: phonepe
    environment: sandbox
    credentials: { client_id: M1, client_secret: hunter-two-hunter }
  signed:
    profile: phonepe-x-verify
    environment: sandbox
    credentials: { merchant_id: M1, salt_key: salty-salt-salt }
routes:
  - { name: pay, match: { path: /phonepe }, provider: phonepe, headers: { set: { x-team: pay, x-api-token: abcdefghijkl } } }
  - { name: all, match: { path: / }, upstream: "http://127.0.0.1:9/base" }
  - { name: posts, match: { path: /posts, methods: [POST] }, upstream: "http://127.0.0.1:9" }
  - { name: sign, match: { path: /signed }, provider: signed }
`;

test.serial('route, reason, upstream, headers and the token call are shown, secrets by name only', async (t) => {
  const { file } = configFile(t, YAML);
  const args = ['explain', 'POST', 'http://127.0.0.1:8080/phonepe/checkout/v2/pay?a=%2F', '--config', file];
  const { code, stdout, stderr } = await run(t, [...args, '-H', 'Connection: x-gone', '-H', 'X-Gone: 1', '-d', '{}']);
  t.is(stderr, '');
  t.is(code, 0);
  t.regex(stdout, /^route +pay$/m);
  t.regex(stdout, /^why +its path \/phonepe is the longest .*all \/\)$/m);
  t.regex(stdout, /^provider +phonepe \(profile phonepe, environment sandbox\)$/m);
  t.regex(stdout, /^upstream +POST https:\/\/api-preprod\.phonepe\.com\/apis\/pg-sandbox\/checkout\/v2\/pay\?a=%2F$/m);
  t.regex(stdout, /^ +header +authorization: .*<access_token>$/im);
  t.regex(stdout, /^ +header +x-team: pay$/m);
  t.regex(stdout, /^ +header +x-api-token: \[redacted\]$/m);
  t.regex(stdout, /^drops\n {2}header +Connection\n {2}header +X-Gone$/m);
  t.regex(stdout, /POST https:\/\/api-preprod\.phonepe\.com\/apis\/pg-sandbox\/v1\/oauth\/token$/m);
  t.regex(stdout, /client_secret=<client_secret>/);
  t.notRegex(stdout, /hunter-two-hunter|abcdefghijkl/);
});

test.serial('--json has the same as data', async (t) => {
  const { file } = configFile(t, YAML);
  const { code, stdout } = await run(t, ['explain', 'GET', '/phonepe/x', '--json', '--config', file]);
  t.is(code, 0);
  const found = JSON.parse(stdout) as { headers: { name: string; value: string }[]; token: { method: string } };
  t.like(found, {
    method: 'GET',
    route: 'pay',
    provider: 'phonepe',
    profile: 'phonepe',
    environment: 'sandbox',
    upstream: 'https://api-preprod.phonepe.com/apis/pg-sandbox/x',
  });
  t.regex(found.headers.find(({ name }) => name.toLowerCase() === 'authorization')?.value ?? '', /<access_token>/);
  t.is(found.token.method, 'POST');
  t.notRegex(stdout, /hunter-two-hunter/);
});

test.serial('a signature shows the text that is signed, with the secret by name, and where it goes', async (t) => {
  const { file } = configFile(t, YAML);
  const { code, stdout, stderr } = await run(t, [
    'explain',
    'POST',
    '/signed/pg/v1/pay',
    '-d',
    '{"a":1}',
    '--config',
    file,
  ]);
  t.is(code, 0, stderr);
  t.regex(stdout, /^signs\n {2}text +eyJhIjoxfQ==\/pg\/v1\/pay<salt_key>\n {2}with +sha256/m);
  t.regex(stdout, /^ {2}place +header x-verify$/im);
  t.regex(stdout, /^ {2}header +x-verify: [0-9a-f]{64}###1$/im);
  t.notRegex(stdout, /salty-salt-salt/);
});

for (const [what, args, pattern] of [
  ['no route', ['DELETE', '/posts'], undefined],
  ['a path that is refused', ['GET', '/a/../b'], /error\[bad_request\]: .*dot segment.*400/],
  ['a foreign host', ['GET', 'http://evil.test/phonepe'], /error\[host_denied\]: .*403/],
  [
    'the provider’s own address',
    ['GET', 'https://api-preprod.phonepe.com/apis/pg-sandbox/x'],
    /error\[destination_denied\]: .*"pay".*\/phonepe/,
  ],
] as const) {
  test.serial(`what would be refused is explained as an error: ${what}`, async (t) => {
    const { file } = configFile(t, YAML.replace(/.*name: all.*\n/, ''));
    const { code, stdout, stderr } = await run(t, ['explain', ...args, '--config', file]);
    t.is(code, 1);
    t.is(stdout, '');
    t.regex(stderr, pattern ?? /error\[route_not_found\]: .*"posts" wants method POST.*404/);
    t.notRegex(stderr, /^\s+at /m);
  });
}
