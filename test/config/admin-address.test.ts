import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import fc from 'fast-check';
import { findAdmin, readAdminAddress } from '../../src/config/admin-address.ts';
import { parseConfig } from '../../src/config/load.ts';
import { addressText } from '../../src/core/address.ts';

const ENV = { HOST: '127.0.0.1:7001', EMPTY: '' };

function fileOf(t: ExecutionContext, text: string): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'outrider-admin-'));
  t.teardown(() => fs.rmSync(dir, { recursive: true, force: true }));
  fs.writeFileSync(path.join(dir, 'address'), '127.0.0.1:7002\n');
  const file = path.join(dir, 'proxy.config.yaml');
  fs.writeFileSync(file, text);
  return file;
}

const shown = async (file: string): Promise<string> => {
  const address = await readAdminAddress(file, ENV);
  return address === false ? 'off' : addressText(address);
};

/** What `admin` may look like, and the address that it stands for. */
const FORMS: readonly (readonly [text: string, address: string])[] = [
  ['routes: []', '127.0.0.1:8081'],
  ['admin:\nroutes: []', '127.0.0.1:8081'],
  ['admin: null', '127.0.0.1:8081'],
  ['admin: {}', '127.0.0.1:8081'],
  ['admin: # nothing\n  # yet\n', '127.0.0.1:8081'],
  ['admin: false # off', 'off'],
  ['admin: "false"', 'off'],
  ['admin:\n  address: 127.0.0.1:9000', '127.0.0.1:9000'],
  ['admin:\n  token: abc+/=\n  address: "127.0.0.1:9000" # here', '127.0.0.1:9000'],
  ["admin:\n\n    # somewhere\n    address: '127.0.0.1:9000'\n\n\nroutes: []", '127.0.0.1:9000'],
  ['admin:\r\n  address: 127.0.0.1:9000\r\nroutes: []\r\n', '127.0.0.1:9000'],
  ['admin:\n  address: ${HOST}', '127.0.0.1:7001'],
  ['admin:\n  address: ${NOT_SET:-127.0.0.1:9000} # by default', '127.0.0.1:9000'],
  ['admin:\n  address: "${EMPTY:-${HOST}}"', '127.0.0.1:7001'],
  ['admin:\n  address: ${EMPTY}', '127.0.0.1:8081'],
  ['admin:\n  address: ${file:address}', '127.0.0.1:7002'],
  ['admin: { address: "[::1]:9000" }', '[::1]:9000'],
  ['admin: { address: 127.0.0.1:9000, token: "x" }', '127.0.0.1:9000'],
  // What only YAML's own reader understands.
  ['{ "admin": { "address": "127.0.0.1:9000" } }', '127.0.0.1:9000'],
  ['---\nadmin:\n  address: 127.0.0.1:9000', '127.0.0.1:9000'],
  ['admin:\n  address:\n    127.0.0.1:9000', '127.0.0.1:9000'],
  ['admin: {\n  address: "127.0.0.1:9000"\n  }', '127.0.0.1:9000'],
  ['admin:\n  address: "127.0.0.1:\\x39000"', '127.0.0.1:9000'],
  ['state_dir: &a 127.0.0.1:9000\nadmin: { address: *a }', '127.0.0.1:9000'],
  ['"admin":\n  address: 127.0.0.1:9000', '127.0.0.1:9000'],
];

for (const [text, address] of FORMS) {
  test(`the admin address is read as the proxy reads it: ${JSON.stringify(text)}`, async (t) => {
    const file = fileOf(t, text);
    t.is(await shown(file), address);
    const { config } = parseConfig(text, file, { env: ENV });
    t.is(config && (config.admin === false ? 'off' : addressText(config.admin.address)), address);
  });
}

/** What is wrong elsewhere, before it, behind it, or both. */
const MISTAKES = [
  'routes: [{ provider: nobody }]',
  'rotues: []',
  'rotues',
  'routes: [',
  'routes: "never closed',
  'providers: { p: { profile: phonepe, credentials: { client_secret: "${file:/gone}" } } }',
  'providers: { p: { credentials: { client_secret: ${UNSET} } } }',
  'listen: { address: nowhere }',
  'routes:\n\t- a: b',
  'a: b: c',
];

for (const mistake of MISTAKES) {
  test(`a mistake elsewhere doesn't matter: ${JSON.stringify(mistake)}`, async (t) => {
    const admin = 'admin:\n  address: 127.0.0.1:9000';
    for (const text of [`${mistake}\n${admin}\n`, `${admin}\n${mistake}\n`]) {
      const file = fileOf(t, text);
      t.is(await shown(file), '127.0.0.1:9000', text);
    }
  });
}

test('a relative socket lies beside the config', async (t) => {
  const file = fileOf(t, 'admin: { address: "unix:run/admin.sock" }');
  t.is(await shown(file), `unix:${path.join(path.dirname(file), 'run/admin.sock')}`);
});

test('an address that cannot be read is told, with a remedy', async (t) => {
  for (const [text, code, message] of [
    ['admin: { address: nowhere }', 'invalid_value', /`admin.address`, "nowhere", is not an address/],
    ['admin: 127.0.0.1:9000', 'invalid_value', /`admin`, "127.0.0.1:9000", is not/],
    ['admin: [1]', 'invalid_type', /`admin` is not a single value/],
    ['admin:\n  address: ${NOT_SET}', 'unset_variable', /NOT_SET is not set/],
    ['admin:\n  address: ${file:gone}', 'unreadable_file', /gone can't be read: it is not there/],
    ['admin:\n  address: "${A"', 'bad_interpolation', /never closed/],
    ['admin: { address: ${HOST} }', 'yaml_syntax', /is not YAML/],
    ['{ "admin": [', 'yaml_syntax', /not YAML/],
  ] as const) {
    const file = fileOf(t, text);
    const error = await t.throwsAsync(() => readAdminAddress(file, ENV), { code }, text);
    t.regex(error?.message ?? '', message);
    t.truthy((error as Error & { help?: string }).help);
  }
  await t.throwsAsync(() => readAdminAddress('/nowhere.yaml', ENV), { code: 'missing_config' });
});

test('the quick reader says what the reader of the config says, or nothing', (t) => {
  const word = fc.constantFrom(
    'a',
    'admin',
    'address',
    '127.0.0.1:9000',
    'false',
    'null',
    '~',
    '"',
    "'",
    '${HOST}',
    'x y',
    '#c',
    '|',
    '>',
    '*a',
    '&a',
  );
  const mark = fc.constantFrom(
    ': ',
    ':',
    ' ',
    '  ',
    '\n',
    '\n  ',
    '\n    ',
    '{ ',
    ' }',
    '[',
    ']',
    ', ',
    '- ',
    ' # ',
    '\r\n',
    '\t',
    '---\n',
  );
  const soup = fc.array(fc.oneof(word, mark), { maxLength: 24 }).map((parts) => parts.join(''));
  const value = fc.oneof(word, soup);
  const block = fc
    .tuple(
      fc.constantFrom('admin:', 'admin: ', 'x: ', 'admin: {', 'admin:\n  address: ', 'admin: { address: '),
      value,
      fc.constantFrom('', ' }', '\n', ' # c'),
    )
    .map((parts) => parts.join(''));
  const document = fc.oneof(
    soup,
    fc.array(fc.oneof(block, soup), { minLength: 1, maxLength: 4 }).map((parts) => parts.join('\n')),
  );
  let said = 0;
  fc.assert(
    fc.property(document, (text) => {
      const found = findAdmin(text);
      if (found === undefined) return;
      const { config, diagnostics } = parseConfig(text, '/tmp/none.yaml', { env: ENV });
      // With unknown keys it would not start, but the text is understood.
      const known = new Set(['unknown_key', 'no_routes', 'unsafe_bind', 'unsafe_admin', 'duplicate_address']);
      if (diagnostics.some(({ code, path: at }) => !known.has(code) || at.startsWith('admin'))) return;
      const raw = found.key === 'absent' ? '' : found.raw.replaceAll('${HOST}', ENV.HOST);
      const expected = raw === 'false' && found.key === 'admin' ? 'off' : raw || '127.0.0.1:8081';
      const { admin } =
        config ??
        parseConfig(text.replaceAll(/^(?:a|x|false|null):/gm, 'version:'), '/tmp/none.yaml', { env: ENV }).config ??
        {};
      if (admin === undefined) return;
      said++;
      t.is(admin === false ? 'off' : addressText(admin.address), expected, JSON.stringify(text));
    }),
    { numRuns: 3_000 },
  );
  t.log(`${said} texts compared`);
  t.true(said > 100, 'positive control');
});
