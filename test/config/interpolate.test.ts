import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { Fault } from '../../src/config/fault.ts';
import { readSecretFile } from '../../src/config/files.ts';
import { interpolate } from '../../src/config/interpolate.ts';
import { parse, problems } from './helpers.ts';
import { parseConfig } from '../../src/config/load.ts';

const ENV = { A: 'alpha', EMPTY: '', DOLLAR: '$A ${A}', YAML: 'x: [1' };
const outside = { env: ENV, directory: '/etc/outrider', readFile: (file: string) => `<${file}>` };
const text = (raw: string): string => interpolate(raw, outside).text;
const code = (raw: string): string => {
  try {
    text(raw);
  } catch (error) {
    if (error instanceof Fault) return error.code;
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
    const error = t.throws(() => text(raw), { instanceOf: Fault });
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

test('one trailing newline of a file is cut, and no more', (t) => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'outrider-'));
  t.teardown(() => fs.rmSync(directory, { recursive: true }));
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
  t.throws(() => readSecretFile(write(new Uint8Array([0xff, 0xfe]))), { instanceOf: Fault, message: /UTF-8/ });
  t.throws(() => readSecretFile(write('x'.repeat(70_000))), { instanceOf: Fault, message: /64KiB/ });
  t.throws(() => readSecretFile(directory), { instanceOf: Fault, message: /directory/ });
  const file = path.join(directory, 'proxy.config.yaml');
  write('from a file\n');
  const { config } = parseConfig(
    'providers: { p: { profile: bearer, credentials: { token: "${file:secret}" } } }\n',
    file,
    { env: {} },
  );
  t.is(config?.providers.get('p')?.credentials.current.values.get('token'), 'from a file');
});
