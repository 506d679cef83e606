import test from 'ava';
import { parse, problems } from './helpers.ts';

const ROUTE = 'routes: [{ match: { path: /p }, upstream: "http://127.0.0.1:1" }]\n';

test('deep nesting is a diagnostic, not a crash', (t) => {
  for (const text of [
    `a: ${'['.repeat(20_000)}`,
    `a: ${'{a: '.repeat(5_000)}`,
    '- '.repeat(5_000),
    `a: ${'['.repeat(300)}${']'.repeat(300)}\n`,
  ]) {
    const { config, diagnostics } = parse(text);
    t.is(config, undefined);
    t.true(diagnostics.length > 0);
    t.notRegex(diagnostics.map(({ message }) => message).join(), /call stack/);
  }
  const nested = parse(
    `profiles: { x: { token: { fetch: { url: a, json: ${'['.repeat(150)}${']'.repeat(150)} } } } }\n${ROUTE}`,
  );
  t.is(nested.diagnostics.length, 1);
  t.like(nested.diagnostics[0], { code: 'too_deep' });
});

test('aliases that multiply the file are refused, and cost nothing', (t) => {
  const levels = Array.from({ length: 20 }, (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`);
  const { diagnostics } = parse(['l0: &l0 [a, a]', ...levels].join('\n'));
  t.is(diagnostics.filter(({ code }) => code === 'too_many_aliases').length, 1);
});

test('an anchor saves writing things twice', (t) => {
  const { config, diagnostics } = parse(`routes:
  - match: { path: /a }
    upstream: http://127.0.0.1:1
    timeouts: &slow { response: 5m }
  - match: { path: /b }
    upstream: http://127.0.0.1:1
    timeouts: *slow
`);
  t.deepEqual(diagnostics, []);
  t.deepEqual(
    config?.routes.map(({ timeouts }) => timeouts.responseMs),
    [300_000, 300_000],
  );
});

test('an empty file is a config without routes', (t) => {
  for (const text of ['', '\n\n', '# nothing\n', '---\n', '~\n']) {
    const loaded = parse(text);
    t.deepEqual(problems(loaded), ['no_routes routes']);
    t.is(loaded.config?.routes.length, 0);
  }
});

test('a byte order mark and line breaks of Windows change no position', (t) => {
  const { diagnostics } = parse('\ufeffversion: 1\r\nadmim: false\r\n'.concat(ROUTE));
  t.like(diagnostics[0], { code: 'unknown_key', line: 2, column: 1, length: 5 });
  t.like(parse('\ufeffversoin: 1\n'.concat(ROUTE)).diagnostics[0], { line: 1, column: 1, length: 7 });
});

test('a key can not reach into the prototype of anything', (t) => {
  t.deepEqual(problems(parse(`__proto__: { version: 2 }\n${ROUTE}`)), ['yaml_syntax ']);
  t.deepEqual(problems(parse(`constructor: 1\n${ROUTE}`)), ['unknown_key constructor']);
  const { config, diagnostics } = parse(
    `routes: [{ match: { path: /p, headers: { constructor: a } }, upstream: "http://h" }]`,
  );
  t.deepEqual(diagnostics, []);
  t.deepEqual([...(config?.routes[0]?.match.headers ?? [])], [['constructor', 'a']]);
});

test('a scalar is typed by its place and not by its spelling', (t) => {
  const { config, diagnostics } = parse(`limits: { headers: "300" }
providers:
  p: { profile: basic, credentials: { username: 0123, password: 1.10 } }
  yes: { profile: basic, credentials: { username: null_, password: yes } }
routes:
  - { name: 1, match: { path: /a, headers: { x-version: 1.0 } }, provider: p, upstream: "http://h" }
`);
  t.deepEqual(diagnostics, []);
  t.is(config?.limits.headers, 300);
  t.is(config?.routes[0]?.name, '1');
  t.is(config?.routes[0]?.match.headers.get('x-version'), '1.0');
  t.deepEqual(Object.fromEntries(config?.providers.get('p')?.credentials.current.values ?? []), {
    username: '0123',
    password: '1.10',
  });
  t.is(config?.providers.get('yes')?.credentials.current.values.get('password'), 'yes');
});

test('an empty section counts as absent', (t) => {
  const { config, diagnostics } = parse(
    `listen:\nadmin:\n  token:\nforward:\nstore:\nstate_dir:\ntimeouts: {}\nlog:\nprofiles:\nproviders: ~\n${ROUTE}`,
  );
  t.deepEqual(diagnostics, []);
  t.deepEqual(config?.admin, { address: { host: '127.0.0.1', port: 8081 }, token: undefined });
});
