import { createHash, generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import { configFile, run } from './run.ts';

const YAML = `
version: 1
profiles:
  stacked:
    extends: payu-partner
    credentials: { salt: { secret: true }, pin: { secret: true } }
    inject: { form: { pin: "{{credentials.pin}}" } }
    sign:
      - text: "{{request.method}}\\n{{request.path}}\\n\\n{{request.headers.authorization}}\\x07"
        algorithm: hmac-sha256
        key: "{{credentials.salt}}"
        set: { query: sig }
providers:
  phonepe:
    profile: phonepe
    environment: sandbox
    credentials: { client_id: M1, client_secret: hunter-two-hunter }
  signed:
    profile: phonepe-x-verify
    environment: sandbox
    credentials: { merchant_id: M1, salt_key: salty-salt-salt }
  user:
    profile: phonepe-user
    environment: sandbox
    credentials: { merchant_id: M1, salt_key: salty-salt-salt }
  stacked:
    profile: stacked
    environment: test
    credentials: { client_id: c, client_secret: hunter-two-hunter, salt: salty-salt-salt, pin: pin-pin-pin-pin }
routes:
  - { name: user, match: { path: /user }, provider: user }
  - { name: stacked, match: { path: /stacked }, provider: stacked }
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
  const digest = createHash('sha256').update('eyJhIjoxfQ==/pg/v1/paysalty-salt-salt').digest('hex');
  t.true(
    stdout.endsWith(`
sends
  body  {"request":"eyJhIjoxfQ=="}

signs
  text    eyJhIjoxfQ==/pg/v1/pay<salt_key>
  with    sha256
  digest  ${digest}
  gives   ${digest}###1
  place   header x-verify
`),
    stdout,
  );
  t.regex(stdout, new RegExp(`^  header  x-verify: ${digest}###1$`, 'm'));
  t.notRegex(stdout, /salty-salt-salt/);
});

test.serial(
  'each line of a text that is signed is a line, and a digest that hangs on the token is marked',
  async (t) => {
    const { file } = configFile(t, YAML);
    const args = ['explain', 'POST', '/stacked/v1/qr', '-d', 'a=1', '--config', file];
    const { code, stdout, stderr } = await run(t, args);
    t.is(code, 0, stderr);
    const shown = `
sends
  body  a=1&pin=%3Cpin%3E

signs
  text    POST
          /v1/qr
          
          Bearer <access_token>\\u0007
  with    hmac-sha256, key <salt>
  digest  `;
    t.true(stdout.includes(shown), stdout);
    t.regex(stdout, /^ {2}digest {2}[0-9a-f]{64} \(with the token's name in its place: what is sent is another\)$/m);
    t.notRegex(stdout, /salty-salt-salt|hunter-two-hunter|pin-pin/);
  },
);

test.serial("a token call's own signature is shown, with the body that is wrapped", async (t) => {
  const { file } = configFile(t, YAML);
  const args = ['explain', 'GET', '/user/v3/service/userdetails', '-H', 'X-Grant-Token: GRT1', '--config', file];
  const { code, stdout, stderr } = await run(t, args);
  t.is(code, 0, stderr);
  const wrapped = Buffer.from('{"grantToken":"GRT1"}').toString('base64');
  const digest = createHash('sha256').update(`${wrapped}/v3/service/auth/accesssalty-salt-salt`).digest('hex');
  t.true(
    stdout.endsWith(`
token call, when no token is at hand
  call   POST https://apps-uat.phonepe.com/v3/service/auth/access
  field  x-client-id=M1
  field  grantToken=<subject>
  field  x-verify=${digest}###1
  body   {"request":"base64({\\"grantToken\\":\\"<subject>\\"})"}

signs the token call
  text    base64({"grantToken":"<subject>"})/v3/service/auth/access<salt_key>
  with    sha256
  digest  ${digest}
  gives   ${digest}###1
  place   header x-verify
`),
    stdout,
  );
  t.notRegex(stdout, /salty-salt-salt|GRT1/);
});

test.serial('--json holds all of a signature, of the request and of the token call', async (t) => {
  const { file } = configFile(t, YAML);
  const explained = async (...args: readonly string[]): Promise<Record<string, unknown>> => {
    const { code, stdout } = await run(t, ['explain', ...args, '--json', '--config', file]);
    t.is(code, 0);
    t.notRegex(stdout, /salty-salt-salt|hunter-two-hunter|pin-pin|GRT1/);
    return JSON.parse(stdout) as Record<string, unknown>;
  };
  const stacked = await explained('POST', '/stacked/v1/qr', '-d', 'a=1');
  t.like(stacked, {
    body: 'a=1&pin=%3Cpin%3E',
    signatures: [{ algorithm: 'hmac-sha256', key: '<salt>', place: 'query sig', covers_token: true }],
    token: { body: null, signatures: [] },
  });
  const user = await explained('GET', '/user/v3/service/userdetails', '-H', 'X-Grant-Token: GRT1');
  const digest = createHash('sha256').update('/v3/service/userdetailssalty-salt-salt').digest('hex');
  t.is(user['body'], null);
  t.deepEqual(user['signatures'], [
    {
      text: '/v3/service/userdetails<salt_key>',
      algorithm: 'sha256',
      key: null,
      digest,
      place: 'header x-verify',
      value: `${digest}###1`,
      covers_token: false,
    },
  ]);
  t.like(user['token'], {
    body: '{"request":"base64({\\"grantToken\\":\\"<subject>\\"})"}',
    signatures: [{ text: 'base64({"grantToken":"<subject>"})/v3/service/auth/access<salt_key>', key: null }],
  });
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

const FORWARDING = YAML.replace('version: 1', 'version: 1\nforward: { mode: plain }').replace(
  /( *)- { name: posts.*\n/,
  (line) =>
    `${line}  - { name: checkout, provider: phonepe, upstream: "https://api-preprod.phonepe.com/apis/pg-sandbox/checkout" }\n`,
);

for (const [mode, connect] of [
  ['plain', /^CONNECT +refused: .*say http:\/\/ .*forward\.mode: intercept/m],
  ['intercept', /^CONNECT +TLS is ended here/m],
] as const) {
  test.serial(
    `with forward.mode ${mode}, a provider's own URL is explained as it goes through that door`,
    async (t) => {
      const { file } = configFile(t, FORWARDING.replace('mode: plain', `mode: ${mode}`));
      const url = 'https://api-preprod.phonepe.com/apis/pg-sandbox/checkout/v2/order/1?details=true';
      const { code, stdout, stderr } = await run(t, ['explain', 'GET', url, '--config', file]);
      t.is(code, 0, stderr);
      t.regex(stdout, /^door +forward proxy$/m);
      t.regex(stdout, connect);
      t.regex(stdout, /^route +checkout$/m);
      t.regex(
        stdout,
        /^why +its upstream \S+\/pg-sandbox\/checkout is the longest .*also: pay \S+\/pg-sandbox, sign \S+\/pg-sandbox\)$/m,
      );
      t.true(stdout.includes(`GET ${url}\n`), stdout);
      t.regex(stdout, /^ +header +authorization: O-Bearer <access_token>$/m);
      t.notRegex(stdout, /hunter-two-hunter/);
    },
  );
}

test.serial('with forwarding on, plain HTTP is carried over the scheme of the route', async (t) => {
  const { file } = configFile(t, FORWARDING);
  const url = 'http://api-preprod.phonepe.com/apis/pg-sandbox/checkout/x';
  const { stdout } = await run(t, ['explain', 'GET', url, '--json', '--config', file]);
  t.like(JSON.parse(stdout), {
    door: 'forward',
    connect: null,
    route: 'checkout',
    upstream: 'https://api-preprod.phonepe.com/apis/pg-sandbox/checkout/x',
  });
});

test.serial("with forwarding on, the proxy's own address is still the base-URL door", async (t) => {
  const { file } = configFile(t, FORWARDING);
  const { stdout } = await run(t, ['explain', 'GET', 'http://127.0.0.1:8080/phonepe/x', '--json', '--config', file]);
  t.like(JSON.parse(stdout), { door: 'base_url', connect: null, route: 'pay' });
});

test.serial('with forwarding on, a URL that no route leads to is refused, or passed on as it is', async (t) => {
  const args = ['explain', 'GET', 'https://elsewhere.test/x', '-H', 'Authorization: mine', '--json', '--config'];
  const refused = await run(t, [...args, configFile(t, FORWARDING).file]);
  t.is(refused.code, 1);
  t.like(JSON.parse(refused.stdout), { error: { status: 403, code: 'destination_denied' } });
  const open = FORWARDING.replace('mode: plain', 'mode: plain, unmatched: tunnel');
  const passed = await run(t, [...args, configFile(t, open).file]);
  t.like(JSON.parse(passed.stdout), {
    connect: 'tunnelled',
    route: '(unmatched)',
    provider: null,
    upstream: 'https://elsewhere.test/x',
  });
});

test('a token call is explained as answered by Outrider itself, or as refused', async (t) => {
  const { file } = configFile(t, YAML);
  const answered = await run(t, ['explain', 'POST', '/phonepe/v1/oauth/token', '--config', file]);
  t.is(answered.code, 0, answered.stderr);
  t.regex(answered.stdout, /^answer +200 from Outrider itself/m);
  const json = await run(t, ['explain', 'POST', '/phonepe/v1/oauth/token', '--json', '--config', file]);
  t.like(JSON.parse(json.stdout), { route: 'pay', provider: 'phonepe', answered_with: 'placeholder' });
  const refused = await run(t, ['explain', 'GET', '/phonepe/v1/oauth/token', '--config', file]);
  t.is(refused.code, 1);
  t.regex(refused.stderr, /token_endpoint_denied.*only POST gets a placeholder.*403/);
});

test.serial('a JWT is shown by its parts and places, and none is signed', async (t) => {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const yaml = `version: 1
profiles:
  bank:
    extends: oauth2-jwt
    credentials: { pin: { secret: true } }
    jwt:
      assertion: { algorithm: ES256, claims: { pin: "{{credentials.pin}}" } }
      proof: { algorithm: ES256, key: "{{credentials.private_key}}", claims: { sub: shop }, reuse: 5m }
    inject: { headers: { x-proof: "{{jwt.proof}}" } }
    sign:
      - { text: "{{request.path}}.{{jwt.proof}}", algorithm: ecdsa-p256-sha256, key: "{{credentials.private_key}}", set: { query: sig } }
providers:
  bank:
    profile: bank
    credentials: { client_id: shop, key_id: k1, pin: pin-pin-pin-pin, private_key: "\${KEY}" }
    endpoints: { token: "https://bank.example/token" }
routes: [{ match: { path: /bank }, provider: bank, upstream: "https://bank.example" }]
`;
  const { file } = configFile(t, yaml);
  const env = { KEY: key.export({ format: 'pem', type: 'pkcs8' }) as string };
  const { code, stdout, stderr } = await run(t, ['explain', 'GET', '/bank/a', '--config', file], { env });
  t.is(code, 0, stderr);
  const jwt = (name: string): string => new RegExp(`^jwt ${name}\\n(?: {2}.*\\n)*`, 'm').exec(stdout)?.[0] ?? '';
  t.regex(
    jwt('assertion'),
    /header +\{"alg":"ES256","typ":"JWT","kid":"k1"\}\n +claims +\{.*"aud":"https:\/\/bank\.example\/token".*"exp":\d{10},"pin":"<pin>"\}\n +with +ES256, key <private_key>\n +place +token call client_assertion\n +made +anew each time/,
  );
  t.regex(jwt('proof'), /place +header x-proof\n +place +what is signed for query sig\n +made +anew every 300 s/);
  t.regex(stdout, /text +\/a\.<jwt\.proof>\n +with +ecdsa-p256-sha256, key <private_key>\n +digest +[0-9a-f]{128}\n/);
  t.notRegex(stdout, /eyJ|pin-pin|PRIVATE KEY/);
});
