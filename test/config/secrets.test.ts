import fs from 'node:fs';
import path from 'node:path';
import { inspect } from 'node:util';
import test from 'ava';
import { formatDiagnostic } from '../../src/config/diagnostics/diagnostics.ts';
import { loadConfig } from '../../src/config/load.ts';
import { CERTIFICATE, CERTIFICATE_KEY } from '../contract/certificate.ts';
import { parse } from './helpers.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

const SECRET = 'hunter2-hunter2';

/** Everything that anybody could print of a loaded config. */
function everything(loaded: ReturnType<typeof parse>): string {
  return [
    ...loaded.diagnostics.map((each) => formatDiagnostic(each, loaded.text, { color: false })),
    JSON.stringify(loaded),
    inspect(loaded, { depth: Infinity, showHidden: true, getters: true }),
  ].join('\n');
}

const SOUND = `listen: { access_tokens: [${SECRET}-1, "\${TOKEN}"] }
admin: { token: ${SECRET}-2 }
providers:
  p:
    profile: phonepe
    environment: sandbox
    credentials: { client_id: visible-id, client_secret: ${SECRET}-3 }
  q:
    profile: bearer
    credentials:
      token: \${TOKEN}
routes:
  - { provider: p, match: { path: /p } }
`;

test('a sound config shows no secret however it is printed', (t) => {
  const loaded = parse(SOUND, { env: { TOKEN: `${SECRET}-4` } });
  t.deepEqual(loaded.diagnostics, []);
  t.false(everything(loaded).includes(SECRET));
});

test('every secret is known to the log, and nothing else is', (t) => {
  const { config } = parse(SOUND, { env: { TOKEN: `${SECRET}-4` } });
  t.deepEqual(
    [...new Set(config?.secretTexts())].toSorted(),
    [1, 2, 3, 4].map((n) => `${SECRET}-${n}`),
  );
});

test("tokens of callers, keys of listeners and providers, and old credentials are the config's secrets", (t) => {
  const pair = `certificate: ${JSON.stringify(CERTIFICATE)}, key: ${JSON.stringify(CERTIFICATE_KEY)}`;
  const { config } = parse(`
listen: { tls: { ${pair} } }
callbacks_listen: { tls: { ${pair} } }
callers: [{ name: shop, tokens: [canary-of-the-shop, canary-of-the-shop-too], routes: "*" }]
providers:
  p:
    profile: phonepe-x-verify
    environment: sandbox
    credentials: { merchant_id: SHOP, salt_key: canary-salt }
    old_credentials: [{ salt_key: canary-old-salt, salt_index: 1 }]
    tls: { ${pair} }
callbacks: [{ match: { path: /c }, verify: p, forward: "http://127.0.0.1:1/" }]
routes: [{ match: { path: /p }, provider: p }]`);
  const texts = [...(config?.secretTexts() ?? [])];
  for (const secret of ['canary-of-the-shop', 'canary-of-the-shop-too', 'canary-salt', 'canary-old-salt'])
    t.true(texts.includes(secret), secret);
  const [line = ''] = CERTIFICATE_KEY.split('\n').slice(1);
  t.is(texts.filter((text) => text === line).length, 3, 'each line of the keys of both listeners and of the provider');
});

test("a simulator's stand-ins are no secrets", (t) => {
  const { config } = parse('providers: { p: { profile: phonepe, environment: simulator } }');
  t.deepEqual([...(config?.secretTexts() ?? [])], []);
  t.deepEqual(Object.fromEntries(config?.providers.get('p')?.credentials.current.values ?? []), {
    client_id: 'test',
    client_secret: 'test',
    webhook_password: 'test',
    webhook_username: 'test',
  });
});

const BROKEN: readonly string[] = [
  `providers:\n  p: { profile: phonepe, environment: nowhere, credentials: { client_secret: ${SECRET}, client_idd: ${SECRET} } }\n`,
  `providers:\n  p: { profile: nothing, credentials: { whatever: ${SECRET} }, extra: 1 }\n`,
  `providers:\n  p: { profile: bearer, token: ${SECRET} }\n`,
  `providers: { p: { profile: bearer, credentials: { token: [${SECRET}] } } }\n`,
  `providers: { p: { profile: bearer, credentials: { token: "\${NO:-${SECRET}}", x: 1 } } }\n`,
  `listen: { access_tokens: ["${SECRET}\\n"], x: 1 }\n`,
  `listen: { access_token: ${SECRET} }\n`,
  `admin: { token: ${SECRET}, nope: 1 }\n`,
  `store: { kind: redis, url: "redis://u:${SECRET}@h h/", password: ${SECRET}, x: 1 }\n`,
  `store: { encryption_key: ${SECRET}, old_encryption_keys: [${SECRET}] }\n`,
  `routes: [{ match: { path: /p }, upstream: "https://u:${SECRET}@h/" }]\n`,
  `providers:\n  p: { profile: bearer, credentials: { token: a, token: ${SECRET} } }\n`,
  `providers: { p: { profile: bearer, credentials: ${SECRET} } }\n`,
  `providers: { p: { profile: bearer, credentials: [token, ${SECRET}] } }\n`,
  `provider: { p: { profile: bearer, credentials: { token: ${SECRET} } } }\n`,
  `providers: [{ profile: bearer, credentials: { token: ${SECRET} } }]\n`,
  `listen: { access_tokens: ${SECRET} }\n`,
  `providers: { p: { profile: basic, credentials: { username: "a:${SECRET}", password: "${SECRET} " } } }\n`,
  `providers: { p: { profile: query-key, credentials: { name: k, value: "${SECRET}\\0" } } }\n`,
  `providers: { p: { profile: query-key, credentials: { name: k, value: "\\ufeff${SECRET}" } } }\n`,
  // Not YAML
  `providers:\n  p:\n    credentials:\n      client_secret: ${SECRET}: x\n`,
  `providers:\n  p:\n    credentials:\n      client_secret: "${SECRET}\n`,
  `listen:\n  access_tokens:\n  - ${SECRET}: : x\n\t- ${SECRET}\n`,
  `listen:\n  access_tokens:\n    - ${SECRET}\n    - "${SECRET}" x\n`,
  `{ token: ${SECRET}, [\n`,
  `client_secret: |\n  ${SECRET}\n ${SECRET}\n`,
  `listen:\n  access_tokens: [\n    ${SECRET},\n    ${SECRET}\nx: 1\n`,
  `providers: { p: { profile: bearer, credentials: {\n  token: ${SECRET} ] } }\n`,
  `providers: { p: { profile: header, credentials: { name: x,\n  value: ${SECRET} } }\n`,
  // No space behind a colon, no colon at all, or another sign in its place
  `providers:\n  p:\n    profile: bearer\n    credentials:\n      token:${SECRET}\n`,
  `providers:\n  p: { profile: bearer, credentials: { token:${SECRET} } }\n`,
  `providers:\n  p: { profile: bearer, credentials: { token=${SECRET} } }\n`,
  `providers:\n  p: { profile: header, credentials: { name: x, ${SECRET} } }\n`,
  `providers:\n  p: { profile: header, credentials: { name: x, value "${SECRET}" } }\n`,
  `store:\n  kind: redis\n  password:${SECRET}\n  url: redis://h\n`,
  `providers:\n  p:\n    profile: bearer\n    token:${SECRET}\n`,
  // Passwords that YAML takes for something else
  `providers: { p: { profile: bearer, credentials: { token: *${SECRET} } } }\n`,
  `providers: { p: { profile: bearer, credentials: { token: &${SECRET} } } }\n`,
  `providers: { p: { profile: bearer, credentials: { token: !${SECRET} } } }\n`,
  `%${SECRET}\n---\nversion: 1\n`,
  `store: { password: @${SECRET} }\n`,
  'store: { password: "${' + SECRET + '" }\n',
  `store: { password: x #${SECRET} }\n`,
  `store: { password: "\\q${SECRET}" }\n`,
  // Without the quotes that its braces need
  'providers: { p: { profile: bearer, credentials: { token: ${X:-' + SECRET + '}, x: ${Y} } } }\n',
  `listen:\n  access_tokens: [ {{${SECRET}}} ]\n`,
  `store:\n  password: {{${SECRET}}} {{${SECRET}\n`,
  // Where nobody looks for one
  `nope: 1\nstore: { kind: redis, url: "redis://u:${SECRET}@h" }\nproviders: [\n`,
  `routes: [{ match: { path: /p }, upstream: "http://h", headers: { set: { Authorization: "Bearer ${SECRET}" }, x: 1 } }]\n`,
  `routes: [{ match: { path: /p, headers: { x-api-key: ${SECRET} }, x: 1 }, upstream: "http://h" }]\n`,
  `routes: [{ match: { path: /p, x: 1 }, upstream: "http://h/?api_key=${SECRET}" }]\n`,
  `profiles: { m: { sign: [{ text: a, algorithm: hmac-sha256, key: ${SECRET}, set: { header: x }, x: 1 }] } }\n`,
  `profiles: { m: { credentials: { s: { secret: true, default: ${SECRET}, x: 1 } } } }\n`,
  `profiles: { m: { token: { fetch: { url: u, auth: { basic: [u, ${SECRET}] }, x: 1 } } } }\n`,
  `profiles: { m: { token: { fetch: { url: u, form: { client_secret: ${SECRET} }, x: 1 } } } }\n`,
];

for (const [index, text] of BROKEN.entries()) {
  test(`a broken config shows no secret (${index + 1})`, (t) => {
    const loaded = parse(text);
    t.true(loaded.diagnostics.length > 0);
    const shown = everything(loaded);
    t.false(shown.includes(SECRET), shown);
  });
}

test('a secret from outside is kept out of messages about other values', (t) => {
  const env = { S: SECRET };
  const loaded = parse(
    'providers: { p: { profile: bearer, credentials: { token: "${S}" } } }\nroutes: [{ provider: "${S}", match: { path: "${S}" } }]\n',
    { env },
  );
  t.is(loaded.diagnostics.length, 2);
  t.false(everything(loaded).includes(SECRET));
});

test('a variable that sounds like a secret is not quoted where it does not belong', (t) => {
  const loaded = parse('timeouts: { connect: "${CLIENT_SECRET}" }\nroutes: []\n', { env: { CLIENT_SECRET: SECRET } });
  t.regex(everything(loaded), /the value of \$\{CLIENT_SECRET\} is not a duration/);
  t.false(everything(loaded).includes(SECRET));
});

test('a secret that a profile writes out as a default is known to the log', (t) => {
  const { config, diagnostics } =
    parse(`profiles: { m: { credentials: { s: { secret: true, default: ${SECRET} }, o: { default: open } }, inject: { headers: { x: "{{credentials.s}}" } } } }
providers: { p: { profile: m } }
routes: [{ provider: p, match: { path: /p }, upstream: "http://h" }]
`);
  t.deepEqual(diagnostics, []);
  t.deepEqual([...(config?.secretTexts() ?? [])], [SECRET]);
});

test('what is no secret is shown: keys, values in their place, references', (t) => {
  const loaded = parse(
    'listen:\n  adress: 127.0.0.1:80\nproviders:\n  p: { profile: phonpe, environment: sandbox, credentials: { client_secret: "${S:-}" } }\n',
  );
  const shown = everything(loaded);
  for (const part of ['adress: 127.0.0.1', 'p: { profile: phonpe, environment: sandbox, credentials: {']) {
    t.true(shown.includes(part), part);
  }
  t.regex(shown, /"phonpe".*did you mean \\?"phonepe/s);
});

test('what a file holds is never quoted', (t) => {
  const directory = temporaryDirectory(t);
  const file = path.join(directory, 'proxy.config.yaml');
  fs.writeFileSync(path.join(directory, 'secret'), SECRET);
  fs.writeFileSync(
    file,
    'limits: { headers: "${file:secret}" }\nforward: { mode: "${file:secret}" }\nroutes: [{ match: { path: "${file:secret}" } }]\n',
  );
  const loaded = loadConfig(file, { env: {} });
  t.is(loaded.diagnostics.filter(({ code }) => code === 'invalid_value').length, 3);
  t.false(everything(loaded).includes(SECRET));
});

test('a reference to a secret is shown, as it helps to find it', (t) => {
  const loaded = parse('providers:\n  p:\n    profile: bearer\n    credentials:\n      token: ${NOT_SET}\n');
  t.true(loaded.text.includes('token: ${NOT_SET}'));
});
