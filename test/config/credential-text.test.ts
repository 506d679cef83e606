import test from 'ava';
import { suspicionOf } from '../../src/config/checks/credential-text.ts';
import { parse, problems } from './helpers.ts';

const CREDENTIALS = (profile: string, credentials: string, more = ''): string =>
  `providers: { p: { profile: ${profile}, ${more} credentials: { ${credentials} } } }
routes: [{ match: { path: /p }, provider: p, upstream: "http://h" }]
`;

const PEM = '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END PRIVATE KEY-----';
const BASE64 = `${'QUJD'.repeat(16)}\n${'REVG'.repeat(16)}\nRw==`;

test('what slipped into a credential on the way is suspicious, and told by its kind', (t) => {
  for (const [text, kind] of [
    ['abc ', 'ends with white space'],
    [' abc', 'begins with white space'],
    ['abc\t', 'ends with white space'],
    ['\u00a0abc', 'begins with white space'],
    ['abc\u3000', 'ends with white space'],
    ['abc\u2028', 'ends with white space'],
    ['\ufeffabc', 'begins with a byte order mark'],
    ['abc\ufeff', 'ends with a byte order mark'],
    ['abc\n', 'ends with a line break'],
    ['\r\nabc', 'begins with a line break'],
    ['abc\ndef', 'holds a line break'],
    ['abc\rdef', 'holds a line break'],
    ['a\0b', 'holds a control character'],
    ['a\tb', 'holds a control character'],
    ['a\x7fb', 'holds a control character'],
    ['a\u0085b', 'holds a control character'],
    ['a\u009fb', 'holds a control character'],
    [`${PEM} `, 'ends with white space'],
    [`\n${PEM}`, 'begins with white space'],
    [PEM.replace('MC4', 'MC4\0'), 'holds a control character'],
    [`${BASE64}\n\nabc`, 'holds a line break'],
    [`${BASE64} `, 'ends with white space'],
    ['abcd\nefghi', 'holds a line break'],
    ['oldsalt1\nnewsalt2', 'holds a line break'],
    ['099eb0cd-02cf-4e2a-8aca-3e6c6aff0399\n6b451f58-d565-4890-836f-6fb1gjt84d97', 'holds a line break'],
    ['099eb0cd-02cf-4e2a-8aca-3e6c6aff0399\r\n6b451f58-d565-4890-836f-6fb1gjt84d97\r\n', 'ends with a line break'],
    ['eyJhIjox\nfQ', 'holds a line break'],
    [`${'QUJD'.repeat(14)}\n${'REVG'.repeat(14)}`, 'holds a line break'],
    [`${'QUJ-'.repeat(16)}\n${'REVG'.repeat(16)}`, 'holds a line break'],
    [`${'QUJD'.repeat(15)}QQ==\n${'REVG'.repeat(16)}`, 'holds a line break'],
    ['abcd\n', 'ends with a line break'],
  ] as const) {
    t.is(suspicionOf(text), kind, JSON.stringify(text));
  }
});

test('a credential as it should be is not suspicious', (t) => {
  for (const text of [
    '',
    'abc',
    'a b',
    'pässwörd €',
    'a\u200bb',
    PEM,
    `${PEM}\n`,
    `${PEM.replaceAll('\n', '\r\n')}\r\n`,
    `${PEM}\n${PEM}\n`,
    `Bag Attributes\n${PEM}`,
    BASE64,
    `${BASE64}\n`,
    BASE64.replaceAll('\n', '\r\n'),
    `${'QU/D'.repeat(19)}\n${'RE+G'.repeat(19)}\nRw==\n`,
    `${'QUJD'.repeat(15)}\nQQ`,
  ]) {
    t.is(suspicionOf(text), undefined, JSON.stringify(text));
  }
});

test('any credential may be suspicious, by whatever way it came; the value is used', (t) => {
  const env = { SALT: 'abc\n', BLANK: 'abc \n', PEM: `${PEM}\n` };
  const salted = (salt: string): ReturnType<typeof parse> =>
    parse(CREDENTIALS('payu-hash', `key: k, salt: ${salt}`, 'environment: test,'), { env });
  t.deepEqual(problems(salted('"${SALT}"')), []);
  t.deepEqual(problems(salted('"${PEM}"')), []);
  for (const salt of ['"${BLANK}"', '"${SALT}${SALT}"', '" abc"', '"a\\0b"']) {
    const loaded = salted(salt);
    t.deepEqual(problems(loaded), ['suspicious_secret providers.p.credentials.salt'], salt);
    t.is(loaded.diagnostics[0]?.severity, 'warning');
  }
  t.is(salted('"${BLANK}"').config?.providers.get('p')?.credentials.current.values.get('salt'), 'abc ');
  t.deepEqual(problems(parse(CREDENTIALS('query-key', 'name: "k ", value: v'))), [
    'suspicious_secret providers.p.credentials.name',
  ]);
});

test('where no header can hold it, that is all that is said of a credential', (t) => {
  t.deepEqual(problems(parse(CREDENTIALS('bearer', 'token: "a\\nb "'))), [
    'invalid_value providers.p.credentials.token',
  ]);
  t.deepEqual(problems(parse(CREDENTIALS('bearer', 'token: " ab"'))), [
    'suspicious_secret providers.p.credentials.token',
  ]);
});

test('a suspicious value is never quoted', (t) => {
  const { diagnostics } = parse(CREDENTIALS('bearer', 'token: "hunter2-hunter2 "'));
  t.false(JSON.stringify(diagnostics).includes('hunter2'));
});

const OWN = (spec: string, credentials: string): ReturnType<typeof parse> =>
  parse(`profiles: { own: { credentials: { a: ${spec} }, inject: { headers: { x: "{{credentials.a}}" } } } }
${CREDENTIALS('own', credentials)}`);
const valueOf = ({ config }: ReturnType<typeof parse>): string | undefined =>
  config?.providers.get('p')?.credentials.current.values.get('a');

test('where the profile says so the empty text is a value, however it comes', (t) => {
  for (const spec of ['{ empty: true }', '{ empty: true, optional: true }', '{ empty: true, default: x }']) {
    for (const given of ['""', '"${NO:-}"', '"${NO:-}${NO:-}"']) {
      const loaded = OWN(spec, `a: ${given}`);
      t.deepEqual(problems(loaded), [], spec + given);
      t.is(valueOf(loaded), '', spec + given);
    }
  }
  t.deepEqual(problems(OWN('{ empty: true }', '')), ['missing_credential providers.p.credentials.a']);
  t.deepEqual(problems(OWN('{ empty: true }', 'a: null')), ['empty_secret providers.p.credentials.a']);
  t.deepEqual(problems(OWN('{ empty: false }', 'a: ""')), ['empty_secret providers.p.credentials.a']);
  t.deepEqual(problems(OWN('{ empty: true, optional: true }', '')), []);
});

test('in the simulator an empty credential that is a value stands, one that is left out is stood in for', (t) => {
  const text = (
    given: string,
  ): string => `profiles: { own: { extends: payu-hash, credentials: { salt: { empty: true } } } }
${CREDENTIALS('own', given, 'environment: simulator,')}`;
  const values = (given: string): unknown =>
    Object.fromEntries(parse(text(given)).config?.providers.get('p')?.credentials.current.values ?? []);
  t.deepEqual(values('salt: "${NO:-}"'), { key: 'test', salt: '' });
  t.deepEqual(values(''), { key: 'test', salt: 'test' });
});

test('an empty secret is not one to be looked for in the log', (t) => {
  const { config } = parse(CREDENTIALS('basic', 'username: key, password: ""'));
  t.deepEqual([...(config?.secretTexts() ?? [])], ['key']);
});

test('a credential holds none of the characters that its profile excludes', (t) => {
  const bad = ['invalid_value providers.p.credentials.a'];
  for (const given of ['a:b', ':', 'a:']) t.deepEqual(problems(OWN('{ without: ":" }', `a: "${given}"`)), bad, given);
  t.deepEqual(problems(OWN('{ without: ":/€" }', 'a: "a€b"')), bad);
  t.deepEqual(problems(OWN('{ without: ":/€" }', 'a: "a/b"')), bad);
  t.deepEqual(problems(OWN('{ without: ":/" }', 'a: "a;b"')), []);
  t.deepEqual(problems(OWN('{ without: "" }', 'a: "a:b"')), []);
});

test('nor does one whose value comes from a default', (t) => {
  const basic = (username: string, credentials: string, more = ''): string[] =>
    problems(
      parse(`profiles: { own: { extends: basic, credentials: { id: {}, username: { default: ${username} } ${more} } } }
${CREDENTIALS('own', `password: pw, ${credentials}`)}`),
    );
  const atId = ['invalid_value providers.p.credentials.id'];
  t.deepEqual(basic('"{{credentials.id}}"', 'id: "a:b"'), atId);
  t.deepEqual(basic('"{{credentials.id | upper}}"', 'id: "a:b"'), atId);
  t.deepEqual(basic('"{{credentials.id | json}}"', 'id: "a:b"'), atId);
  t.deepEqual(basic('"{{credentials.far}}"', 'id: "a:b"', ', far: { default: "x-{{credentials.id}}" }'), atId);
  t.deepEqual(basic('"{{credentials.id}}:x"', 'id: a'), atId);
  t.deepEqual(basic('"a:b"', 'id: a'), ['invalid_value providers.p.credentials']);
  t.deepEqual(basic('"{{credentials.id | base64}}"', 'id: a', ', password: { without: "=" }'), []);
  t.deepEqual(basic('x', 'id: a', ', other: { without: "=", default: "{{credentials.id | base64}}" }'), atId);
  for (const filter of ['urlencode', 'base64', 'hex', 'sha256 | hex']) {
    t.deepEqual(basic(`"{{credentials.id | ${filter}}}"`, 'id: "a:b"'), [], filter);
  }
  t.deepEqual(basic('"{{credentials.id}}"', 'id: "a:b", username: u'), []);
  t.deepEqual(basic('"{{credentials.id}}"', 'id: "ab"'), []);
});

test('a default that is refused is told of without its text', (t) => {
  const { diagnostics } =
    parse(`profiles: { own: { extends: basic, credentials: { id: {}, username: { default: "{{credentials.id}}" } } } }
${CREDENTIALS('own', 'password: pw, id: "hunter2:b"')}`);
  t.regex(diagnostics[0]?.message ?? '', /"username" holds ":".*; its value is its default$/);
  t.false(JSON.stringify(diagnostics).includes('hunter2'));
});
