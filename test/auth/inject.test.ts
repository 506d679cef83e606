import test from 'ava';
import fc from 'fast-check';
import type { Authorized, Outbound } from '../../src/auth/authorizer.ts';
import { benchOf, credentialsOf, outbound, profileOf, type ProfileParts, providerOf, text } from './helpers.ts';

const UPSTREAM = 'https://api.example/base';

function authorize(parts: ProfileParts, values: Readonly<Record<string, string>>, request: Outbound): Authorized {
  const { auth } = benchOf(providerOf(profileOf(parts), credentialsOf(values)));
  const authorized = auth.forUpstream(UPSTREAM).authorize(request);
  if (authorized instanceof Promise) throw new Error('no token, and yet it waits');
  return authorized;
}

const BEARER: ProfileParts = {
  credentials: { token: { secret: true } },
  inject: { headers: { authorization: 'Bearer {{credentials.token}}' } },
};

test('a header goes to the end; the others keep order, case and repetition', (t) => {
  const request = outbound({ headers: ['X-B', '1', 'x-a', '2', 'X-B', '3'] });
  const authorized = authorize(BEARER, { token: 's3cret' }, request);
  t.deepEqual(authorized.headers, ['X-B', '1', 'x-a', '2', 'X-B', '3', 'authorization', 'Bearer s3cret']);
  t.deepEqual(request.headers, ['X-B', '1', 'x-a', '2', 'X-B', '3'], "the caller's list is untouched");
  t.is(authorized.auth, 'injected');
  t.is(authorized.generation, 0);
  t.is(authorized.body, undefined);
});

test('a header takes the place of the first one of its name, and the others of that name go', (t) => {
  const request = outbound({ headers: ['A', '1', 'AUTHORIZATION', 'x', 'B', '2', 'Authorization', 'y', 'C', '3'] });
  t.deepEqual(authorize(BEARER, { token: 'T' }, request).headers, [
    'A',
    '1',
    'authorization',
    'Bearer T',
    'B',
    '2',
    'C',
    '3',
  ]);
});

test('the name of a header or parameter can come from the operator', (t) => {
  const header = authorize(
    {
      credentials: { name: {}, value: { secret: true } },
      inject: { headers: { '{{credentials.name}}': '{{credentials.value}}' } },
    },
    { name: 'X-Api-Key', value: 'k' },
    outbound({ headers: ['x-api-key', 'mine'] }),
  );
  t.deepEqual(header.headers, ['X-Api-Key', 'k']);
  const query = authorize(
    {
      credentials: { name: {}, value: { secret: true } },
      inject: { query: { '{{credentials.name}}': '{{credentials.value}}' } },
    },
    { name: 'api key', value: 'k&=' },
    outbound({ target: '/base/x?a=1&api+key=mine&b=%7E&api%20key=2&' }),
  );
  t.is(query.target, '/base/x?a=1&b=%7E&api%20key=k%26%3D');
});

test('a parameter is added to a target with no query, and to one that ends in a question mark', (t) => {
  const inject = { query: { key: 'v' } };
  t.is(authorize({ inject }, {}, outbound({ target: '/base' })).target, '/base?key=v');
  t.is(authorize({ inject }, {}, outbound({ target: '/base/a%2Fb?' })).target, '/base/a%2Fb?key=v');
});

test('form fields go behind the others, in the order of the profile', (t) => {
  const request = outbound({
    method: 'POST',
    headers: ['content-type', 'application/x-www-form-urlencoded; charset=UTF-8'],
    body: 'z=1&b=caller&a=%7e&b=again',
  });
  const authorized = authorize({ inject: { form: { b: '1 2', c: '3' } } }, {}, request);
  t.is(text(authorized.body), 'z=1&a=%7e&b=1+2&c=3');
  t.is(text(request.body), 'z=1&b=caller&a=%7e&b=again');
});

test('a JSON field is placed in the text, whose other bytes stay', (t) => {
  const request = outbound({
    method: 'POST',
    headers: ['Content-Type', 'application/vnd.api+json'],
    body: '{ "amount": 1.10, "id": 12345678901234567890, "key": null }\n',
  });
  const authorized = authorize({ inject: { json: { key: 'k' } } }, {}, request);
  t.is(text(authorized.body), '{ "amount": 1.10, "id": 12345678901234567890, "key": "k" }\n');
});

test('a request without a body gets none', (t) => {
  for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS']) {
    const authorized = authorize({ inject: { form: { a: '1' }, json: {} } }, {}, outbound({ method, body: '' }));
    t.is(authorized.body, undefined);
    t.is(authorized.auth, 'skipped');
  }
});

test('an empty POST becomes a form of the fields alone, and says what it is', (t) => {
  const authorized = authorize({ inject: { form: { a: '1' } } }, {}, outbound({ method: 'POST', body: '' }));
  t.is(text(authorized.body), 'a=1');
  t.deepEqual(authorized.headers, ['content-type', 'application/x-www-form-urlencoded']);
});

const JSON_TYPE = ['content-type', 'application/json'];
const FORM = 'content-type';
const FORM_URL = 'application/x-www-form-urlencoded';
const FORM_TYPE = [FORM, FORM_URL];

for (const [what, headers, body, reason] of [
  ['no JSON', JSON_TYPE, '{"a":1,}', /must be JSON; it is not/],
  ['nothing', JSON_TYPE, '', /empty/],
  ['an array', JSON_TYPE, '[1]', /JSON object/],
  ['a number', [], '1', /JSON object/],
  ['a byte order mark', JSON_TYPE, '\ufeff{}', /byte order mark/],
  ['broken UTF-8', JSON_TYPE, Buffer.from('{"a":"\xff"}', 'latin1'), /UTF-8/],
  ['a form', FORM_TYPE, 'a=1', /Content-Type says otherwise/],
  ['another charset', ['Content-Type', 'application/json; charset=iso-8859-1'], '{}', /charset/],
  ['something compressed', [...JSON_TYPE, 'Content-Encoding', 'gzip'], '{}', /compressed/],
  ['something nested too deep to be anything', JSON_TYPE, '['.repeat(1_000_000), /must be JSON/],
] as const) {
  test(`a JSON field has no place in ${what}`, (t) => {
    const request = outbound({ method: 'POST', headers, body: body as string });
    const error = t.throws(() => authorize({ inject: { json: { a: '1' } } }, {}, request), { message: reason });
    t.like(error, { code: 'bad_body', status: 400, outcome: 'not_sent' });
  });
}

for (const [what, headers, body, reason] of [
  ['JSON', JSON_TYPE, '{}', /Content-Type says otherwise/],
  ['a part of a form', ['content-type', 'multipart/form-data; boundary=x'], '--x', /boundary/],
  ['an empty multipart form', ['content-type', 'multipart/form-data; boundary=x'], '', /last boundary is missing/],
  ['another multipart body', ['content-type', 'multipart/mixed; boundary=x'], '--x--', /Content-Type says otherwise/],
  ['Latin-1 that is said to be so', [FORM, `${FORM_URL}; charset=ISO-8859-1`], 'a=%E9', /ASCII/],
  ['UTF-8 that is said to be Latin-1', [FORM, `${FORM_URL}; charset=latin1`], 'a=%C3%A9', /ASCII/],
  ['UTF-8 that is said to be ASCII', [FORM, `${FORM_URL}; charset=us-ascii`], 'a=é', /ASCII/],
  ['a charset in which ASCII is something else', [FORM, `${FORM_URL}; charset=UTF-16LE`], 'a=b', /ASCII/],
  ['two charsets', [FORM, `${FORM_URL}; charset=utf-8; charset=latin1`], 'a=b', /can not be read/],
  ['two Content-Types', [...FORM_TYPE, 'Content-Type', 'text/plain'], 'a=b', /several Content-Types/],
  ['what looks like JSON', [], '{"a":1}', /does not look like one/],
  ['what looks like XML', [], '<a/>', /does not look like one/],
  ['a byte order mark', FORM_TYPE, '\ufeffa=1', /byte order mark/],
  ['broken UTF-8', FORM_TYPE, Buffer.from('a=\xff', 'latin1'), /UTF-8/],
  ['something compressed', [...FORM_TYPE, 'content-encoding', 'br'], 'a=1', /compressed/],
] as const) {
  test(`a form field has no place in ${what}`, (t) => {
    const request = outbound({ method: 'POST', headers, body: body as string });
    const error = t.throws(() => authorize({ inject: { form: { a: '1' } } }, {}, request), { message: reason });
    t.like(error, { code: 'bad_body' });
  });
}

test('a form that is all ASCII may name any charset in which that means the same', (t) => {
  for (const charset of ['ISO-8859-1', 'windows-1252', '"utf-8"', 'US-ASCII', 'Shift_JIS', 'ibm850', 'IBM437']) {
    const request = outbound({ method: 'POST', headers: [FORM, `${FORM_URL}; charset=${charset}`], body: 'b=%20x' });
    t.is(text(authorize({ inject: { form: { a: '1' } } }, {}, request).body), 'b=%20x&a=1');
  }
});

test('a field of a multipart form is a part, and its type stays', (t) => {
  const headers = ['content-type', 'multipart/form-data; boundary=x'];
  const part = (name: string, value: string): string =>
    `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const request = outbound({ method: 'POST', headers, body: `${part('b', '2')}--x--\r\n` });
  const authorized = authorize({ inject: { form: { a: '1' } } }, {}, request);
  t.is(text(authorized.body), `${part('b', '2')}${part('a', '1')}--x--\r\n`);
  t.deepEqual(authorized.headers, headers);
});

test('a body without a Content-Type is taken by its look, and gets one', (t) => {
  const form = authorize({ inject: { form: { a: '1' } } }, {}, outbound({ method: 'POST', body: 'b=2' }));
  t.deepEqual([text(form.body), ...form.headers], ['b=2&a=1', 'content-type', 'application/x-www-form-urlencoded']);
  const json = authorize({ inject: { json: { a: '1' } } }, {}, outbound({ method: 'POST', body: '{"b":2}' }));
  t.deepEqual([text(json.body), ...json.headers], ['{"b":2,"a":"1"}', 'content-type', 'application/json']);
});

test('what a header can not hold is never sent, and never quoted', (t) => {
  for (const value of ['a\r\nX-Evil: 1', 'a\nb', 'a\0b', 'a\x7fb']) {
    const error = t.throws(() => authorize(BEARER, { token: value }, outbound()));
    t.like(error, { code: 'token_unavailable' });
    t.false(JSON.stringify(error).includes('Evil') || error.message.includes('Evil'));
  }
});

test('a header that belongs to the connection is not the place for a credential', (t) => {
  const parts: ProfileParts = {
    credentials: { name: {}, value: { secret: true } },
    inject: { headers: { '{{credentials.name}}': '{{credentials.value}}' } },
  };
  for (const name of ['Host', 'content-length', 'Transfer-Encoding', 'Connection', 'no token', '']) {
    t.throws(() => authorize(parts, { name, value: 'k' }, outbound()), { message: /header/ });
  }
});

test('a credential outside ASCII is sent as its UTF-8 bytes', (t) => {
  const { headers } = authorize(BEARER, { token: 'pä' }, outbound());
  t.is(Buffer.from(headers[1] as string, 'latin1').toString('utf8'), 'Bearer pä');
});

test('defaults are texts or templates over other credentials, also one of each environment', (t) => {
  const { auth } = benchOf(
    providerOf(
      profileOf({
        credentials: {
          merchant: {},
          client: { default: '{{credentials.app}}' },
          app: { default: 'app-{{credentials.merchant}}' },
          version: { default: { sandbox: '1' } },
          note: { optional: true },
        },
        inject: { headers: { a: '{{credentials.client}}|{{credentials.version}}|{{credentials.note}}' } },
      }),
      credentialsOf({ merchant: 'M' }),
      { environment: 'sandbox' },
    ),
  );
  t.like(auth.forUpstream(UPSTREAM).authorize(outbound()), { headers: ['a', 'app-M|1|'] });
});

test('against the simulator, credentials that are left out are `test`', (t) => {
  const { auth } = benchOf(
    providerOf(
      profileOf({
        credentials: { id: {}, index: { default: '1' }, note: { optional: true } },
        inject: { headers: { a: '{{credentials.id}}|{{credentials.index}}|{{credentials.note}}' } },
      }),
      credentialsOf({}),
      { environment: 'simulator' },
    ),
  );
  t.like(auth.forUpstream(UPSTREAM).authorize(outbound()), { headers: ['a', 'test|1|'] });
});

test('a changed secret is used from the next request on', (t) => {
  const credentials = credentialsOf({ token: 'old' });
  const { auth } = benchOf(providerOf(profileOf(BEARER), credentials));
  const authorizer = auth.forUpstream(UPSTREAM);
  t.like(authorizer.authorize(outbound()), { headers: ['authorization', 'Bearer old'] });
  credentials.set({ token: 'new' });
  t.like(authorizer.authorize(outbound()), { headers: ['authorization', 'Bearer new'] });
});

test('now and uuid are the same throughout one attempt, and new in the next', (t) => {
  const { auth } = benchOf(
    providerOf(profileOf({ inject: { headers: { a: '{{uuid}}', b: '{{uuid}}', c: '{{now.iso}}' } } })),
  );
  const authorizer = auth.forUpstream(UPSTREAM);
  const [first, second] = [authorizer.authorize(outbound()), authorizer.authorize(outbound())] as Authorized[];
  t.is(first?.headers[1], first?.headers[3]);
  t.not(first?.headers[1], second?.headers[1]);
  t.is(first?.headers[5], '2026-01-01T00:00:00.000Z');
});

test('a provider without anything to inject leaves the request alone', (t) => {
  const request = outbound({ headers: ['Authorization', 'mine'], target: '/x?y' });
  const { secrets, ...authorized } = authorize({}, {}, request);
  t.true(secrets.isEmpty);
  t.deepEqual(authorized, {
    target: '/x?y',
    headers: ['Authorization', 'mine'],
    body: undefined,
    generation: 0,
    reused: 0,
    subject: undefined,
    auth: 'skipped',
  });
});

test('without a token no answer is a rejection', async (t) => {
  const { auth } = benchOf(providerOf(profileOf(BEARER), credentialsOf({ token: 'T' })));
  const authorizer = auth.forUpstream(UPSTREAM);
  t.is(authorizer.rejectStatuses.size, 0);
  t.is(authorizer.judge(401, []), 'accepted');
  const authorized = await authorizer.authorize(outbound());
  t.like(await authorizer.renew(authorized, outbound(), 0), { skip: 'renewal_failed' });
  await t.throwsAsync(auth.token({ renew: false }), { message: /uses no token/ });
});

test('the body is asked for only where it is needed', (t) => {
  const needs = (parts: ProfileParts, method = 'POST'): boolean =>
    benchOf(providerOf(profileOf(parts)))
      .auth.forUpstream(UPSTREAM)
      .needsBody(method, []);
  t.false(needs({ inject: { headers: { a: '{{request.path}}' }, query: { b: '1' } } }));
  t.true(needs({ inject: { form: { a: '1' } } }));
  t.true(needs({ inject: { json: { a: '1' } } }));
  t.true(needs({ inject: { headers: { a: '{{values.v}}' } }, values: { v: '{{request.body | sha256 | hex}}' } }));
});

test('property: every header that is not injected stays, in order, as it was', (t) => {
  const name = fc.constantFrom('a', 'B', 'authorization', 'Authorization', 'AUTHORIZATION', 'x-authorization');
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.string())), (pairs) => {
      const { headers } = authorize(BEARER, { token: 'T' }, outbound({ headers: pairs.flat() }));
      const rest: string[] = [];
      for (let i = 0; i < headers.length; i += 2) {
        if ((headers[i] as string).toLowerCase() !== 'authorization') rest.push(...headers.slice(i, i + 2));
      }
      t.deepEqual(rest, pairs.filter(([key]) => key.toLowerCase() !== 'authorization').flat());
      t.is(headers.length - rest.length, 2);
    }),
  );
  t.pass();
});
