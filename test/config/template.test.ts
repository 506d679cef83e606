import test from 'ava';
import fc from 'fast-check';
import {
  isTemplateName,
  parseTemplate,
  TemplateError,
  yieldsBytes,
  type TemplateErrorCode,
} from '../../src/config/template/template.ts';

test('literals and names come apart in their order', (t) => {
  t.deepEqual(parseTemplate(''), []);
  t.deepEqual(parseTemplate('plain'), ['plain']);
  t.deepEqual(parseTemplate('{{token.token_type}} {{ token.access_token }}'), [
    { name: 'token.token_type', filters: [] },
    ' ',
    { name: 'token.access_token', filters: [] },
  ]);
  t.deepEqual(parseTemplate('{{request.body|sha256 | hex|upper}}'), [
    { name: 'request.body', filters: ['sha256', 'hex', 'upper'] },
  ]);
});

test('braces beside a name are text', (t) => {
  t.deepEqual(parseTemplate('{{{uuid}}}'), ['{', { name: 'uuid', filters: [] }, '}']);
  t.deepEqual(parseTemplate('{"a":{"b":1}}'), ['{"a":{"b":1}}']);
});

test('what is added to a time is read in milliseconds', (t) => {
  const later = (text: string): unknown => (parseTemplate(`{{${text}}}`)[0] as { laterMs?: number }).laterMs;
  t.is(later('now.s'), undefined);
  t.is(later('now.s + 300'), 300_000);
  t.is(later('now.s+5m | hex'), 300_000);
  t.is(later('now.ms - 5000'), -5_000);
  t.is(later('now.ms - 1d'), -86_400_000);
  t.is(later('now.iso + 330m'), 19_800_000);
  t.is(later('now.digits  -  3h'), -10_800_000);
});

const REFUSED: readonly [text: string, code: TemplateErrorCode, place: string][] = [
  ['a{{uuid', 'template_syntax', '{{uuid'],
  ['a{{ }}', 'template_syntax', '{{ }}'],
  ['{{a b}}', 'template_syntax', 'a b'],
  ['{{uuid |}}', 'template_syntax', '|'],
  ['{{uuid | sha256 | lower}}', 'template_syntax', 'lower'],
  ['x{{ nope }}', 'unknown_template_name', 'nope'],
  ['{{token.nope}}', 'unknown_template_name', 'token.nope'],
  ['{{credentials.}}', 'unknown_template_name', 'credentials.'],
  ['{{now.compact + 3h}}', 'template_syntax', 'now.compact + 3h'],
  ['{{now.http_date + 3h}}', 'template_syntax', 'now.http_date + 3h'],
  ['{{now.digits + 3}}', 'template_syntax', 'now.digits + 3'],
  ['{{now.s + 3w}}', 'template_syntax', 'now.s + 3w'],
  ['{{now.s + 99999d}}', 'template_syntax', 'now.s + 99999d'],
  ['{{now.iso + 24h}}', 'template_syntax', 'now.iso + 24h'],
  ['{{now.iso + 90s}}', 'template_syntax', 'now.iso + 90s'],
  ['{{now.s + }}', 'template_syntax', 'now.s +'],
  ['{{now.s + 1.5}}', 'template_syntax', 'now.s + 1.5'],
  ['{{now.s + 1 + 1}}', 'template_syntax', 'now.s + 1 + 1'],
  ['{{now.year + 1}}', 'unknown_template_name', 'now.year'],
  ['{{uuid + 1}}', 'template_syntax', 'uuid + 1'],
  ['{{uuid | rot13}}', 'unknown_filter', 'rot13'],
  ['{{uuid | toString}}', 'unknown_filter', 'toString'],
];

for (const [text, code, place] of REFUSED) {
  test(`${text} is refused with its place`, (t) => {
    const error = t.throws(() => parseTemplate(text), { instanceOf: TemplateError });
    t.is(error.code, code);
    t.is(text.slice(error.offset, error.offset + error.length), place);
  });
}

test('a digest yields bytes until something makes text of them', (t) => {
  t.true(yieldsBytes(['sha256']));
  t.true(yieldsBytes(['hex', 'sha512']));
  t.false(yieldsBytes(['sha256', 'base64url']));
  t.false(yieldsBytes([]));
});

test('names are known whole', (t) => {
  for (const name of [
    'scope',
    'uuid',
    'signature',
    'now.ms',
    'request.headers.x-a',
    'request.form.a',
    'request.json.a.b',
    'credentials.a',
    'values.a',
    'endpoints.api',
  ]) {
    t.true(isTemplateName(name), name);
  }
  for (const name of ['', 'token', 'now', 'now.year', 'request', 'request.json.', 'scopes', 'constructor'])
    t.false(isTemplateName(name), name);
});

test('any text is read or refused with a place inside of it', (t) => {
  const piece = fc.oneof(
    fc.string(),
    fc.constantFrom('{{', '}}', '{', '|', 'uuid', 'sha256', ' ', 'token.access_token'),
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const text = pieces.join('');
      try {
        const parts = parseTemplate(text);
        return parts.every((part) => part !== '');
      } catch (error) {
        return (
          error instanceof TemplateError &&
          error.offset >= 0 &&
          error.length > 0 &&
          error.offset + error.length <= text.length
        );
      }
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});
