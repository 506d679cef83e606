import test from 'ava';
import { stripVTControlCharacters } from 'node:util';
import { formatDiagnostic, type Diagnostic } from '../../src/config/diagnostics/diagnostics.ts';
import { parse } from './helpers.ts';

const plain = { color: false };

/** The example of the specification of the config, with its file. */
const EXAMPLE = `# yaml-language-server: $schema=./config/proxy.schema.json
version: 1

listen:
  address: 127.0.0.1:8080

admin:
  address: 127.0.0.1:8081

# Who authenticates how.

providers:
  phonepe:
    profile: phonpe
    environment: sandbox

routes:
  - provider: phonepe
    match: { path: /phonepe }
`;

test('a diagnostic has the layout of the specification', (t) => {
  const { diagnostics, text } = parse(EXAMPLE);
  t.is(diagnostics.length, 1);
  const [head, ...rest] = formatDiagnostic(diagnostics[0] as Diagnostic, text, plain).split('\n');
  t.is(head, 'error[unknown_profile]: no profile is called "phonpe"');
  t.deepEqual(rest.slice(0, -1), [
    '  --> proxy.config.yaml:14:14  (providers.phonepe.profile)',
    '   |',
    '14 |     profile: phonpe',
    '   |              ^^^^^^',
  ]);
  t.regex(
    rest.at(-1) ?? '',
    /^ {3}= help: did you mean "phonepe"\? Known profiles: .*, oauth2, oauth2-jwt, payu-bbps, .*phonepe, /,
  );
});

test('all problems are told at once, in the order of the file', (t) => {
  const { diagnostics } = parse(`listen:
  adress: 127.0.0.1:1
timeouts: { connect: soon }
providers:
  one: { profile: phonpe }
  two:
    profile: phonepe
    environment: sandbox
    credentials: { client_id: '', secret: x }
routes:
  - { provider: three, match: { path: three } }
`);
  t.deepEqual(
    diagnostics.map(({ code, line }) => `${line} ${code}`),
    [
      '2 unknown_key',
      '3 invalid_value',
      '5 unknown_profile',
      '9 missing_credential',
      '9 empty_secret',
      '9 unknown_credential',
      '11 unknown_provider',
      '11 invalid_value',
    ],
  );
});

const DIAGNOSTIC: Diagnostic = {
  severity: 'error',
  code: 'invalid_value',
  message: 'it is wrong',
  file: 'proxy.config.yaml',
  line: 1,
  column: 6,
  length: 3,
  path: 'a.b',
};

test('the mark stands under what is meant behind tabs, and a line break of Windows is no part of the line', (t) => {
  t.is(
    formatDiagnostic({ ...DIAGNOSTIC, column: 6 }, '\ta: \tfoo\r\nx', plain)
      .split('\n')
      .slice(3)
      .join('\n'),
    '1 | \ta: \tfoo\n  | \t   \t^^^',
  );
});

test('of a long line the part around what is meant is shown', (t) => {
  const line = `${'x'.repeat(5_000)}foo${'y'.repeat(5_000)}`;
  const lines = formatDiagnostic({ ...DIAGNOSTIC, column: 5_001 }, line, plain).split('\n');
  const start = (lines[4] ?? '').indexOf('^');
  t.is(lines[3]?.slice(start, start + 3), 'foo');
  t.true((lines[3] ?? '').length < 200);
});

test('control characters never reach the terminal', (t) => {
  const text = formatDiagnostic(
    { ...DIAGNOSTIC, message: 'a\u001b[31m', path: 'a\u0007', help: 'b\u0000' },
    'key: \u001b]0;owned\u0007',
    plain,
  );
  t.notRegex(text.replaceAll('\n', ''), /\p{Cc}/u);
});

test('colour adds nothing but colour', (t) => {
  const colored = formatDiagnostic({ ...DIAGNOSTIC, help: 'mend it' }, 'key: foo', { color: true });
  t.not(colored, stripVTControlCharacters(colored));
  t.is(stripVTControlCharacters(colored), formatDiagnostic({ ...DIAGNOSTIC, help: 'mend it' }, 'key: foo', plain));
});

test('a problem without a place is told without one', (t) => {
  const text = formatDiagnostic(
    { ...DIAGNOSTIC, line: 0, column: 0, length: 0, path: '', help: 'write one' },
    '',
    plain,
  );
  t.is(text, 'error[invalid_value]: it is wrong\n --> proxy.config.yaml\n  = help: write one');
});

test('a problem in another file brings its line along', (t) => {
  const text = formatDiagnostic({ ...DIAGNOSTIC, file: 'other.yaml', excerpt: 'key: foo' }, 'something else', plain);
  t.true(text.includes('1 | key: foo'));
});

test('a warning says that it is one', (t) => {
  t.true(
    formatDiagnostic({ ...DIAGNOSTIC, severity: 'warning' }, 'key: foo', plain).startsWith('warning[invalid_value]: '),
  );
});
