import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { ConfigError } from '../../src/config/diagnostics/config-error.ts';
import { readSecretFile } from '../../src/config/yaml/files.ts';
import { interpolate } from '../../src/config/yaml/interpolate.ts';
import { parse, problems } from './helpers.ts';
import { parseConfig } from '../../src/config/load.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

const ENV = { A: 'alpha', EMPTY: '', DOLLAR: '$A ${A}', YAML: 'x: [1' };
const outside = { env: ENV, directory: '/etc/outrider', readFile: (file: string) => `<${file}>` };
const text = (raw: string): string => interpolate(raw, outside).text;
const code = (raw: string): string => {
  try {
    text(raw);
  } catch (error) {
    if (error instanceof ConfigError) return error.code;
  }
  return 'none';
};

test('variables are replaced, in any number and place', (t) => {
  t.is(text('${A}'), 'alpha');
  t.is(text('<${A}${A}>'), '<alphaalpha>');
  t.is(text('${EMPTY}'), '');
});

test('a default holds when the variable is unset or empty', (t) => {
  t.is(text('${A:-b}'), 'alpha');
  t.is(text('${B:-b}'), 'b');
  t.is(text('${EMPTY:-b}'), 'b');
  t.is(text('${B:-}'), '');
  t.is(text('${B:-http://h:1/?a=b&c}'), 'http://h:1/?a=b&c');
  t.is(text('${B:-${A}-${C:-c}}'), 'alpha-c');
});

test('a complaint is told when the variable is unset or empty', (t) => {
  t.is(text('${A:?needed}'), 'alpha');
  for (const raw of ['${B:?ask Ana}', '${EMPTY:?ask Ana}']) {
    const error = t.throws(() => text(raw), { instanceOf: ConfigError });
    t.is(error.code, 'unset_variable');
    t.regex(error.message, /ask Ana/);
  }
});

test('two dollars are one, and a dollar before anything else is itself', (t) => {
  t.is(text('$$'), '$');
  t.is(text('$${A}'), '${A}');
  t.is(text('$$$$'), '$$');
  t.is(text('$$$${A}'), '$${A}');
  t.is(text('$A $ $(x) pa$$w0rd $'), '$A $ $(x) pa$w0rd $');
});

test('what comes from outside is not looked into again', (t) => {
  t.is(text('${DOLLAR}'), '$A ${A}');
});

test('files are found from where the config lies', (t) => {
  t.is(text('${file:/run/x}'), '</run/x>');
  t.is(text('${file:secrets/x}!'), '</etc/outrider/secrets/x>!');
  t.is(text('${file:/${A}/x}'), '</alpha/x>');
  t.deepEqual(interpolate('${file:a}${A}${file:/b}', outside).files, ['/etc/outrider/a', '/b']);
});

test('what is begun and not one of the forms is refused', (t) => {
  for (const raw of [
    '${',
    '${A',
    '${}',
    '${1}',
    '${A-b}',
    '${A:b}',
    '${ A}',
    '${A:-b',
    '${file:}',
    '${file:/x',
    '${A:?x',
  ]) {
    t.is(code(raw), 'bad_interpolation', raw);
  }
  t.is(code('${B}'), 'unset_variable');
  t.is(code('${toString}'), 'unset_variable');
});

test('a value from outside can not change the structure of the file', (t) => {
  const loaded = parse('routes:\n  - { match: { path: /p }, upstream: "http://h", name: "${NAME}" }\n', {
    env: { NAME: 'a"}]\nadmin: false' },
  });
  t.deepEqual(problems(loaded), ['invalid_value routes[0].name']);
});

test('a replaced text is typed by its place', (t) => {
  const env = { PORT: '9000', AUTH: 'true', N: '7', D: '3s', S: '2MiB', MODE: 'none' };
  const { config, diagnostics } = parse(
    `listen: { address: "[::1]:\${PORT}", allow_unauthenticated: "\${AUTH}" }
limits: { headers: "\${N}" }
timeouts: { connect: "\${D}" }
replay: { memory: "\${S}" }
forward: { mode: "\${MODE}" }
routes: [{ match: { path: /p }, upstream: "http://h:\${PORT}", strip_prefix: "\${OFF:-false}" }]
`,
    { env },
  );
  t.deepEqual(diagnostics, []);
  t.like(config, {
    listen: { address: { host: '::1', port: 9000 }, allowUnauthenticated: true },
    limits: { headers: 7 },
    timeouts: { connectMs: 3000 },
    replay: { memoryBytes: 2 * 1024 * 1024 },
  });
  t.like(config?.routes[0], { upstream: 'http://h:9000', stripPrefix: false });
});

test('an optional value that ends up empty counts as absent', (t) => {
  const { config, diagnostics } = parse(
    `listen: { address: "\${X:-}", allowed_hosts: ["\${X:-}", a.test] }
admin: { token: "\${X:-}" }
limits: { headers: "\${X:-}" }
state_dir: \${X:-}
providers:
  p: { profile: phonepe, environment: simulator, scope: ["\${X:-}"], endpoints: { api: "\${X:-}" } }
routes:
  - { name: "\${X:-}", provider: p, match: { path: /p, hosts: ["\${X:-}"], headers: { a: "\${X:-}" } }, upstream: "\${X:-}", headers: { set: { b: "\${X:-}" } } }
`,
  );
  t.deepEqual(diagnostics, []);
  t.deepEqual(config?.listen.allowedHosts, ['a.test']);
  t.is(config?.limits.headers, 200);
  t.like(config?.routes[0], { name: 'p', upstream: undefined });
  t.is(config?.routes[0]?.match.headers.size, 0);
  t.is(config?.routes[0]?.headers.set.size, 0);
});

test('what is one reference as a whole loses all line breaks at its end, and nothing else', (t) => {
  const env = { LF: 'a\n', MANY: 'a\r\n\n\r\r\n', INNER: 'a\nb\n', BLANK: 'a \n', BREAKS: '\n\n', NEL: 'a\u0085' };
  const cut = (raw: string): string => interpolate(raw, { ...outside, env, readFile: () => 'a\n\r\n' }).text;
  t.is(cut('${LF}'), 'a');
  t.is(cut('${MANY}'), 'a');
  t.is(cut('${INNER}'), 'a\nb');
  t.is(cut('${BLANK}'), 'a ');
  t.is(cut('${BREAKS}'), '');
  t.is(cut('${NEL}'), 'a\u0085');
  t.is(cut('${MANY:-b}'), 'a');
  t.is(cut('${MANY:?needed}'), 'a');
  t.is(cut('${UNSET:-${MANY}}'), 'a');
  t.is(cut('${UNSET:-b\n}'), 'b');
  t.is(cut('${file:x}'), 'a');
  t.is(cut('${UNSET:-${file:x}}'), 'a');
  t.is(cut('${LF}${LF}'), 'a\na\n');
  t.is(cut('${MANY}.'), 'a\r\n\n\r\r\n.');
  t.is(cut(' ${LF}'), ' a\n');
  t.is(cut('$$${LF}'), '$a\n');
  t.is(
    interpolate('${file:x}', outside).again(() => 'b\n\n'),
    'b',
  );
  t.is(
    interpolate('<${file:x}', outside).again(() => 'b\n\n'),
    '<b\n\n',
  );
});

test('an access token that may be nothing is left out when it is, and only that', (t) => {
  const tokens = (entries: string, env: Record<string, string> = {}): string[] | undefined => {
    const { config, diagnostics } = parse(
      `admin: false\nlisten: { access_tokens: [${entries}] }\n${'routes: [{ match: { path: /p }, upstream: "http://h" }]'}`,
      { env },
    );
    t.deepEqual(
      diagnostics.map(({ code }) => code).filter((code) => code !== 'empty_secret'),
      [],
    );
    return config?.listen.accessTokens.map((token) => token.reveal());
  };
  t.deepEqual(tokens('"${X:-}", one'), ['one']);
  t.deepEqual(tokens('"${X:-${Y:-}}"'), []);
  t.deepEqual(tokens('"${X:-}"', { X: '' }), []);
  t.deepEqual(tokens('"${X:-}"', { X: 'two\n' }), ['two']);
  for (const entry of ['""', '"${X}"', '"${X:-}${Y:-}"', '"${X:-${file:/dev/null}}"', 'null']) {
    t.is(tokens(entry, { X: '' }), undefined, entry);
  }
});

test('an entry of a list that ends up empty is a mistake, unless it is one `${VAR:-}`', (t) => {
  const routes = (match: string): string => `routes: [{ match: { path: /p, ${match} }, upstream: "http://h" }]\n`;
  const env = { X: '', LF: '\n' };
  for (const [entries, index] of [
    ['"${X}"', 0],
    ['"", GET', 0],
    ['GET, null', 1],
    ['GET, "${X:-}${X:-}"', 1],
    ['"${LF}"', 0],
    ['"${X:-}", "${X:-${X}}"', 1],
  ] as const) {
    t.deepEqual(problems(parse(routes(`methods: [${entries}]`), { env })), [
      `invalid_value routes[0].match.methods[${index}]`,
    ]);
  }
  t.deepEqual(problems(parse(routes('hosts: ["${X}"]'), { env })), ['invalid_value routes[0].match.hosts[0]']);
  for (const [listen, at] of [
    ['allowed_hosts: ["${X}"]', 'allowed_hosts[0]'],
    ['allowed_origins: [""]', 'allowed_origins[0]'],
  ]) {
    t.deepEqual(problems(parse(`listen: { ${listen} }\n${routes('')}`, { env })), [`invalid_value listen.${at}`]);
  }
  const provider = (rest: string): string =>
    `providers: { p: { profile: phonepe, environment: simulator, ${rest} } }\nroutes: [{ match: { path: /p }, provider: p }]\n`;
  t.deepEqual(problems(parse(provider('scope: ["${X}"]'), { env })), ['invalid_value providers.p.scope[0]']);
  t.deepEqual(problems(parse(provider('renew: { on_status: ["${X}", 401] }'), { env })), [
    'invalid_value providers.p.renew.on_status[0]',
  ]);
  const { config, diagnostics } = parse(routes('methods: ["${X:-}", GET]'), { env });
  t.deepEqual(diagnostics, []);
  t.deepEqual(config?.routes[0]?.match.methods, ['GET']);
});

test('a token that is left out does not guard an address beyond loopback', (t) => {
  const loaded = parse(`listen: { address: "0.0.0.0:1", access_tokens: ["\${X:-}"] }
routes: [{ match: { path: /p }, upstream: "http://h" }]
`);
  t.deepEqual(problems(loaded), ['unsafe_bind listen.address']);
});

test('every list leaves out what may be nothing and is', (t) => {
  const { config, diagnostics } = parse(
    `listen: { allowed_origins: ["\${X:-}"] }
store: { kind: file, path: /tmp/x, encryption_key: "\${K}", old_encryption_keys: ["\${X:-}", "\${K}"] }
providers: { p: { profile: payu-partner, environment: simulator, scope: ["\${X:-}", refer_merchant] } }
routes: [{ provider: p, match: { path: /p, methods: ["\${X:-}"] }, headers: { remove: ["\${X:-}"] } }]
`,
    { env: { K: `${'A'.repeat(43)}=` } },
  );
  t.deepEqual(diagnostics, []);
  t.deepEqual(config?.listen.allowedOrigins, []);
  t.deepEqual(config?.providers.get('p')?.scope, ['refer_merchant']);
  t.like(config?.routes[0], { match: { methods: [] }, headers: { remove: [] } });
  t.is(config?.store.kind === 'file' && config.store.encryption?.oldKeys.length, 1);
});

test('one entry of the allowed hosts may hold several, with commas between them', (t) => {
  const hosts = (entries: string, HOSTS = ''): readonly string[] | string[] => {
    const loaded = parse(
      `listen: { allowed_hosts: [${entries}] }\nroutes: [{ match: { path: /p }, upstream: "http://h" }]\n`,
      { env: { HOSTS } },
    );
    return loaded.config?.listen.allowedHosts ?? problems(loaded);
  };
  t.deepEqual(hosts('"${HOSTS}"', 'A.test, b.test ,,[::1],\n'), ['a.test', 'b.test', '[::1]']);
  t.deepEqual(hosts('"a.test,b.test", c.test'), ['a.test', 'b.test', 'c.test']);
  t.deepEqual(hosts('" , "'), []);
  t.deepEqual(hosts('"a.test;b.test"'), ['invalid_value listen.allowed_hosts[0]']);
  t.deepEqual(hosts('"a.test,b.test:80"'), ['invalid_value listen.allowed_hosts[0]']);
});

test('reading a file cuts one newline at its end, and no more', (t) => {
  const directory = temporaryDirectory(t);
  const write = (content: string | Uint8Array): string => {
    const file = path.join(directory, 'secret');
    fs.writeFileSync(file, content);
    return file;
  };
  t.is(readSecretFile(write('abc')), 'abc');
  t.is(readSecretFile(write('abc\n')), 'abc');
  t.is(readSecretFile(write('abc\r\n')), 'abc');
  t.is(readSecretFile(write('abc\n\n')), 'abc\n');
  t.is(readSecretFile(write(' abc ')), ' abc ');
  t.throws(() => readSecretFile(write(new Uint8Array([0xff, 0xfe]))), { instanceOf: ConfigError, message: /UTF-8/ });
  t.throws(() => readSecretFile(write('x'.repeat(70_000))), { instanceOf: ConfigError, message: /64KiB/ });
  t.throws(() => readSecretFile(directory), { instanceOf: ConfigError, message: /directory/ });
  const file = path.join(directory, 'proxy.config.yaml');
  write('from a file\n');
  const { config } = parseConfig(
    'providers: { p: { profile: bearer, credentials: { token: "${file:secret}" } } }\n',
    file,
    { env: {} },
  );
  t.is(config?.providers.get('p')?.credentials.current.values.get('token'), 'from a file');
});
