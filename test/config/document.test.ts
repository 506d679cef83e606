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

/** Line, column and length of each diagnostic. */
const places = (text: string): string[] =>
  parse(text).diagnostics.map(({ code, line, column, length }) => `${code} ${line}:${column}+${length}`);

test('braces that were meant for us are one mistake a line, wherever YAML takes them for its own', (t) => {
  const CASES: readonly (readonly [text: string, ...found: string[]])[] = [
    ['credentials: { client_id: ${X}, client_secret: ${Y} }', 'yaml_syntax 1:27+4'],
    ['{ a: ${X} }', 'yaml_syntax 1:6+4'],
    ['a: [${X}, ${Y}, ${Z}]', 'yaml_syntax 1:5+4'],
    ['a: {\n  b: ${X},\n  c: ${Y} }', 'yaml_syntax 2:6+4', 'yaml_syntax 3:6+4'],
    ['a: { b: { c: [${X:-y}] } }', 'yaml_syntax 1:15+7'],
    ['a: { b: ${X:-${Y:-}} }', 'yaml_syntax 1:9+12'],
    ['a: { b: ${file:/run/x} }', 'yaml_syntax 1:9+14'],
    ['a: { b: ${X:?not, set: yet} }', 'yaml_syntax 1:9+19'],
    ['a: [https://${HOST}/x, b]', 'yaml_syntax 1:13+7'],
    ['a: { ${X}: b }', 'yaml_syntax 1:6+4'],
    ['a: { b: $${X} }', 'yaml_syntax 1:10+4'],
    ['a: { b: {{uuid}} }', 'yaml_syntax 1:9+8'],
    ['a: { b: Bearer {{token.access_token}} }', 'yaml_syntax 1:16+22'],
    ['a: [{{uuid}}, {{now.s}}]', 'yaml_syntax 1:5+8'],
    ['a: {{uuid}}', 'yaml_syntax 1:4+8'],
    ['a: {{uuid | base64}}:{{now.s}}', 'yaml_syntax 1:4+17'],
    ['- {{uuid}}\n- ok\n- {{now.s}} x', 'yaml_syntax 1:3+8', 'yaml_syntax 3:3+9'],
    ['a: {{uuid}}\nb: [${X}]', 'yaml_syntax 1:4+8', 'yaml_syntax 2:5+4'],
    ['a: [${X}]\r\nb: [${Y}]\r\n', 'yaml_syntax 1:5+4', 'yaml_syntax 2:5+4'],
  ];
  for (const [text, ...found] of CASES) {
    t.deepEqual(places(text), found, text);
    t.true(
      parse(text).diagnostics.every(({ help }) => help?.includes('in quotes')),
      text,
    );
  }
});

test('another mistake of YAML is told beside such braces, at its own place', (t) => {
  t.deepEqual(places('a: { b: ${X} }\nc: d: e\n'), ['yaml_syntax 1:9+4', 'yaml_syntax 2:4+1']);
  t.deepEqual(places('a: [1, 2\nb: { c: ${X} }\n'), ['yaml_syntax 2:1+1', 'yaml_syntax 2:9+4']);
  t.deepEqual(places('a: { b: ${X} }\n---\nc: 1\n'), ['yaml_syntax 1:9+4', 'multiple_documents 2:1+3']);
});

test("braces in quotes, in plain text, in a block and in a comment are nobody else's", (t) => {
  for (const text of [
    'state_dir: ${X:-a}',
    'state_dir: a{{b}}',
    'state_dir: "{{b}}"',
    'listen: { allowed_hosts: ["${X:-}", \'${X:-}\'] }',
    'state_dir: |\n  ${X:-a} {{b}}',
    'state_dir: a # [${X}] {{',
    'listen: {} # ${X}',
    'state_dir: [{ {',
  ]) {
    t.false(
      parse(`${text}\n`).diagnostics.some(({ help }) => help?.includes('in quotes')),
      text,
    );
  }
});
