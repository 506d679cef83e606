import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import test from 'ava';
import { formatDiagnostic } from '../../src/config/diagnostics.ts';
import { loadConfig } from '../../src/config/load.ts';
import { parse } from './helpers.ts';

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

test("a simulator's stand-ins are no secrets", (t) => {
  const { config } = parse('providers: { p: { profile: phonepe, environment: simulator } }');
  t.deepEqual([...(config?.secretTexts() ?? [])], []);
  t.deepEqual(Object.fromEntries(config?.providers.get('p')?.credentials.current.values ?? []), {
    client_id: 'test',
    client_secret: 'test',
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
  // Not YAML
  `providers:\n  p:\n    credentials:\n      client_secret: ${SECRET}: x\n`,
  `providers:\n  p:\n    credentials:\n      client_secret: "${SECRET}\n`,
  `listen:\n  access_tokens:\n  - ${SECRET}: : x\n\t- ${SECRET}\n`,
  `listen:\n  access_tokens:\n    - ${SECRET}\n    - "${SECRET}" x\n`,
  `{ token: ${SECRET}, [\n`,
  `client_secret: |\n  ${SECRET}\n ${SECRET}\n`,
];

for (const [index, text] of BROKEN.entries()) {
  test(`a broken config shows no secret (${index + 1})`, (t) => {
    // A password in a URL is only kept from messages: its line is the operator's to see.
    const loaded = parse(text);
    t.true(loaded.diagnostics.length > 0);
    const shown = index === 10 ? JSON.stringify(loaded.diagnostics) : everything(loaded);
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

test('what a file holds is never quoted', (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'outrider-'));
  t.teardown(() => fs.rmSync(directory, { recursive: true }));
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
