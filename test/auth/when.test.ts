import test from 'ava';
import fc from 'fast-check';
import type { FieldCondition, WhenSpec } from '../../src/config/profile/profile.ts';
import { RequestDraft } from '../../src/auth/draft.ts';
import { compileWhen } from '../../src/auth/when.ts';
import { benchOf, credentialsOf, outbound, profileOf, type ProfileParts, providerOf, signOf, text } from './helpers.ts';

const JSON_TYPE = ['Content-Type', 'application/json'];
const FORM_TYPE = ['Content-Type', 'application/x-www-form-urlencoded'];
const NO_CONTENT_TYPE: readonly string[] = [];

type Request = NonNullable<Parameters<typeof outbound>[0]>;
type Wanted = FieldCondition['wanted'];

const oneOf = (...texts: readonly string[]): Wanted => ({ texts, isAny: true });
const noneOf = (...texts: readonly string[]): Wanted => ({ texts, isAny: false });

function fits(when: WhenSpec, request: Request): boolean {
  const whole = outbound({ method: 'POST', ...request });
  const path = whole.target.split('?')[0] as string;
  return compileWhen(when).fits(
    whole.method,
    path,
    () => new RequestDraft({ ...whole, origin: '', pathBelow: (at) => at }),
  );
}

const holds = (place: FieldCondition['place'], name: string, wanted: Wanted, request: Request): boolean =>
  fits({ fields: [{ place, name, wanted }] }, request);

const form = (body: string): { headers: string[]; body: string } => ({ headers: FORM_TYPE, body });
const json = (body: string): { headers: string[]; body: string } => ({ headers: JSON_TYPE, body });

for (const [body, present, is1, isEmptyOr1, is2] of [
  ['a=1', true, true, true, false],
  ['a=%31&b=2', true, true, true, false],
  ['%61=1', true, true, true, false],
  ['a=2', true, false, false, true],
  ['a=', false, false, true, false],
  ['a', false, false, true, false],
  ['b=1', false, false, true, false],
  ['A=1', false, false, true, false],
  ['a=1+', true, false, false, false],
  ['', false, false, true, false],
] as const) {
  test(`the form field of "${body}" is judged by its decoded name and value`, (t) => {
    t.is(holds('form', 'a', 'present', form(body)), present);
    t.is(holds('form', 'a', 'absent', form(body)), !present);
    t.is(holds('form', 'a', oneOf('1'), form(body)), is1);
    t.is(holds('form', 'a', oneOf('', '1'), form(body)), isEmptyOr1);
    t.is(holds('form', 'a', noneOf('', '1'), form(body)), !isEmptyOr1);
    t.is(holds('form', 'a', oneOf('2', '3'), form(body)), is2);
    t.is(holds('form', 'a', oneOf('present', 'absent'), form(body)), false);
  });
}

test('a field of a multipart form is one of the form', (t) => {
  const headers = ['Content-Type', 'multipart/form-data; boundary=x'];
  const body = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n';
  t.true(holds('form', 'a', oneOf('1'), { headers, body }));
  t.true(holds('form', 'b', 'absent', { headers, body }));
});

for (const [body, present, value] of [
  ['{"a":{"b":"x"}}', true, 'x'],
  [String.raw`{"\u0061":{"b":"\u0078"}}`, true, 'x'],
  ['{"a":{"b":1.10}}', true, '1.10'],
  ['{"a":{"b":false}}', true, 'false'],
  ['{"a":{"b":0}}', true, '0'],
  ['{"a":{"b":"null"}}', true, 'null'],
  ['{"a":{"b":null}}', false, ''],
  ['{"a":{"b":""}}', false, ''],
  ['{"a":{}}', false, ''],
  ['{"a":1}', false, ''],
  ['[1]', false, ''],
] as const) {
  test(`the JSON field of ${body} is judged by its way, numbers as they are spelled`, (t) => {
    t.is(holds('json', 'a.b', 'present', json(body)), present);
    t.is(holds('json', 'a.b', 'absent', json(body)), !present);
    t.true(holds('json', 'a.b', oneOf(value), json(body)));
    t.false(holds('json', 'a.b', noneOf('z', value), json(body)));
    t.false(holds('json', 'a.b', oneOf('1.1', 'zero'), json(body)));
  });
}

test('a list or map of JSON is present and has no value', (t) => {
  for (const body of ['{"a":[]}', '{"a":{}}', '{"a":{"b":1}}']) {
    t.true(holds('json', 'a', 'present', json(body)));
    t.false(holds('json', 'a', oneOf('', '[]', '{}'), json(body)));
    t.true(holds('json', 'a', noneOf('', '[]', '{}'), json(body)));
  }
});

test('query parameters are judged decoded, headers without case of their names', (t) => {
  t.true(holds('query', 'a b', oneOf('x&y'), { target: '/p?a+b=x%26y&c' }));
  t.true(holds('query', 'c', 'absent', { target: '/p?a+b=x%26y&c' }));
  t.true(holds('query', 'c', 'absent', { target: '/p' }));
  t.true(holds('headers', 'x-mode', oneOf('live'), { headers: ['X-Mode', 'live'] }));
  t.false(holds('headers', 'x-mode', oneOf('live'), { headers: ['X-Mode', 'LIVE'] }));
  t.true(holds('headers', 'x-mode', 'absent', { headers: ['X-Mode', ''] }));
});

test('a body of another kind has no such fields', (t) => {
  for (const [headers, body] of [
    [JSON_TYPE, '{"a":"1"}'],
    [['Content-Type', 'application/octet-stream'], Buffer.from([0xff, 0xfe])],
    [NO_CONTENT_TYPE, '{"a":"1"}'],
    [NO_CONTENT_TYPE, 'some words'],
    [FORM_TYPE, ''],
  ] as const) {
    t.true(holds('form', 'a', 'absent', { headers, body: body as string }));
  }
  for (const [headers, body] of [
    [FORM_TYPE, 'a=1'],
    [NO_CONTENT_TYPE, 'a=1'],
    [NO_CONTENT_TYPE, ''],
    [JSON_TYPE, ''],
    [['Content-Type', 'text/csv'], '{"a":1}'],
  ] as const) {
    t.true(holds('json', 'a', 'absent', { headers, body }));
  }
  t.true(holds('form', 'a', oneOf('1'), { headers: NO_CONTENT_TYPE, body: 'a=1' }));
  t.true(holds('json', 'a', oneOf('1'), { headers: NO_CONTENT_TYPE, body: '{"a":1}' }));
});

for (const [what, place, request] of [
  ['a form field that came twice', 'form', form('a=1&%61=1')],
  ['a JSON field that came twice', 'json', json('{"a":1,"a":1}')],
  ['a query parameter that came twice', 'query', { target: '/p?a=1&a=' }],
  ['a header that came twice', 'headers', { headers: ['A', '1', 'a', '1'] }],
  ['a form in broken UTF-8', 'form', form('b=\xff')],
  ['a form field whose escapes are no UTF-8', 'form', form('a=%ff')],
  ['a compressed form', 'form', { headers: [...FORM_TYPE, 'Content-Encoding', 'gzip'], body: 'x' }],
  [
    'a multipart form with a file',
    'form',
    {
      headers: ['Content-Type', 'multipart/form-data; boundary=x'],
      body: '--x\r\nContent-Disposition: form-data; name=b; filename=c\r\n\r\n\r\n--x--',
    },
  ],
  ['broken JSON', 'json', json('{"a":')],
  ['two Content-Types', 'form', { headers: [...FORM_TYPE, ...JSON_TYPE], body: 'a=1' }],
] as const) {
  test(`${what} is refused where a condition looks at it`, (t) => {
    const headers = 'headers' in request ? request.headers : [];
    const body = 'body' in request ? Buffer.from(request.body, 'latin1') : undefined;
    for (const wanted of ['present', 'absent', oneOf('1'), noneOf('1')] as const) {
      t.like(
        t.throws(() => holds(place, 'a', wanted, { ...request, headers, ...(body && { body }) })),
        { code: 'bad_body', status: 400, outcome: 'not_sent' },
      );
    }
  });
}

test('a field that came twice is found whatever the other conditions say', (t) => {
  const fields: readonly FieldCondition[] = [
    { place: 'form', name: 'b', wanted: 'present' },
    { place: 'form', name: 'a', wanted: 'absent' },
  ];
  t.like(
    t.throws(() => fits({ fields }, form('a=1&a=2'))),
    { code: 'bad_body' },
  );
  t.false(fits({ methods: ['GET'], fields }, form('a=1&a=2')));
});

test('the body must be whole only where a condition may look into it', (t) => {
  const when = compileWhen({ methods: ['POST'], fields: [{ place: 'form', name: 'a', wanted: 'present' }] });
  t.true(when.needsBody('POST', FORM_TYPE));
  t.true(when.needsBody('POST', ['content-type', 'Multipart/Form-Data; boundary=x']));
  t.true(when.needsBody('POST', []));
  t.false(when.needsBody('POST', ['Content-Type', 'image/png']));
  t.false(when.needsBody('PUT', FORM_TYPE));
  t.false(compileWhen({ fields: [{ place: 'query', name: 'a', wanted: 'present' }] }).needsBody('POST', FORM_TYPE));
});

const SET = { header: 'x-sig', value: '{{signature}}' };
const HASHED: ProfileParts = {
  credentials: { salt: { secret: true } },
  refusals: [{ when: { fields: [{ place: 'form', name: 'v', wanted: noneOf('', '1', '2') }] }, detail: 'v is 1 or 2' }],
  sign: [
    signOf({
      when: { fields: [{ place: 'form', name: 'v', wanted: oneOf('1') }] },
      text: 'one{{credentials.salt}}',
      set: SET,
    }),
    signOf({
      when: { fields: [{ place: 'form', name: 'v', wanted: oneOf('2') }] },
      text: 'two{{credentials.salt}}',
      set: SET,
    }),
  ],
};

const authorize = (request: Request) => {
  const { auth } = benchOf(providerOf(profileOf(HASHED), credentialsOf({ salt: 's' })));
  return auth.forUpstream('https://api.example/base').authorize(outbound({ method: 'POST', ...request }));
};

test('a refusal comes before any signature, in its own words', (t) => {
  t.like(
    t.throws(() => authorize(form('v=3'))),
    { code: 'bad_body', detail: 'v is 1 or 2', outcome: 'not_sent' },
  );
});

test('a request whose fields no signature fits is not sent unsigned', (t) => {
  t.like(
    t.throws(() => authorize(form('w=1')), { message: /with these fields/ }),
    { code: 'method_not_allowed' },
  );
});

test('the signature whose conditions hold is the one that is put on', (t) => {
  const [one, two] = [authorize(form('v=1')), authorize(form('v=2'))];
  if (one instanceof Promise || two instanceof Promise) throw new Error('it waits, and has no token');
  t.not(one.headers.at(-1), two.headers.at(-1));
  t.is(text(one.body), '');
});

test('a condition sees what the caller sent, not what is put in', (t) => {
  const parts: ProfileParts = {
    ...HASHED,
    inject: { form: { v: '2' } },
  };
  const { auth } = benchOf(providerOf(profileOf(parts), credentialsOf({ salt: 's' })));
  const signed = auth.forUpstream('https://api.example').authorize(outbound({ method: 'POST', ...form('v=1&a=b') }));
  if (signed instanceof Promise) throw new Error('it waits, and has no token');
  const plain = authorize(form('v=1'));
  t.is(text(signed.body), 'a=b&v=2');
  t.is(signed.headers.at(-1), (plain as Awaited<typeof plain>).headers.at(-1));
});

const word = fc.string({ unit: fc.constantFrom('a', '1', ' ', '&', '=', '+', '%', 'é', '₹') });

test('any field and condition: a form, a query and JSON are judged alike', (t) => {
  const wanted = fc.oneof(
    fc.constantFrom<Wanted>('present', 'absent'),
    fc.array(word, { maxLength: 3 }).map((texts): Wanted => ({ texts, isAny: true })),
    fc.array(word, { maxLength: 3 }).map((texts): Wanted => ({ texts, isAny: false })),
  );
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(word, word), { selector: ([name]) => name }),
      word,
      wanted,
      (fields, name, condition) => {
        const value = fields.find(([known]) => known === name)?.[1] ?? '';
        const expected =
          condition === 'present'
            ? value !== ''
            : condition === 'absent'
              ? value === ''
              : condition.texts.includes(value) === condition.isAny;
        const list = new URLSearchParams(fields).toString();
        t.is(holds('form', name, condition, form(list)), expected);
        t.is(holds('query', name, condition, { target: `/p?${list}` }), expected);
        // A point would be a step of the way; none of these names has one.
        t.is(holds('json', name, condition, json(JSON.stringify(Object.fromEntries(fields)))), expected);
      },
    ),
    { numRuns: 1_000 },
  );
});
