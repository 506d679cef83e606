import { createHash } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import type { Authorized, Authorizer, Outbound } from '../../src/auth/authorizer.ts';
import type { SignPlace } from '../../src/config/profile/profile.ts';
import { benchOf, credentialsOf, outbound, profileOf, type ProfileParts, providerOf, signOf, text } from './helpers.ts';

const FORM_TYPE = ['Content-Type', 'application/x-www-form-urlencoded'];
const JSON_TYPE = ['Content-Type', 'application/json'];
const VALUES = { name: 'sig', salt: 's' };
const CREDENTIALS = { name: {}, salt: { secret: true } };

function authorizerOf(parts: ProfileParts): Authorizer {
  const provider = providerOf(profileOf({ credentials: CREDENTIALS, ...parts }), credentialsOf(VALUES));
  return benchOf(provider).auth.forUpstream('https://api.example');
}

const sign = (parts: ProfileParts, request: Outbound): Authorized =>
  authorizerOf(parts).authorize(request) as Authorized;

const md5 = (signed: string): string => createHash('md5').update(signed).digest('hex');

/** One signature over `signed`, placed at `set`; `{{signature}}` alone. */
const md5Of = (signed: string, set: Omit<SignPlace, 'value'>): ProfileParts => ({
  sign: [signOf({ text: signed, algorithm: 'md5', set: { ...set, value: '{{signature}}' } as SignPlace })],
});

for (const [sent, covered] of [
  ['/a?x=1&sig=old', '/a?x=1'],
  ['/a?sig=old&x=1&s%69g=older&y', '/a?x=1&y'],
  ['/a?x=1&', '/a?x=1&'],
  ['/a?sig=old', '/a'],
  ['/a?', '/a?'],
  ['/a', '/a'],
  ['/a?signature=1', '/a?signature=1'],
] as const) {
  test(`a signature in the query covers ${sent} as ${covered}`, (t) => {
    const whole = md5Of('{{request.method}} {{request.target}} {{credentials.salt}}', { query: 'sig' });
    const separator = covered.endsWith('&') || covered.endsWith('?') ? '' : covered.includes('?') ? '&' : '?';
    t.is(
      sign(whole, outbound({ target: sent })).target,
      `${covered}${separator}sig=${md5(`GET ${covered} ${VALUES.salt}`)}`,
    );
    const query = covered.split('?')[1] ?? '';
    const parts = md5Of('{{request.query}}', { query: '{{credentials.name}}' });
    t.true(sign(parts, outbound({ target: sent })).target.endsWith(`sig=${md5(query)}`));
  });
}

test('a signature in the form covers the form without what the caller sent in its place', (t) => {
  const parts = md5Of('{{request.body}}{{credentials.salt}}', { form: 'hash' });
  const send = (body: string): string => text(sign(parts, outbound({ method: 'POST', headers: FORM_TYPE, body })).body);
  t.is(send('hash=old&a=%7e1&b=2&a'), `a=%7e1&b=2&a&hash=${md5('a=%7e1&b=2&as')}`);
  t.is(send('a=1&h%61sh=old&&b'), `a=1&&b&hash=${md5('a=1&&bs')}`);
  t.is(send('hash=old'), `hash=${md5('s')}`);
  t.is(send('hashes=1'), `hashes=1&hash=${md5('hashes=1s')}`);
});

test('a signature in JSON covers the text without what the caller sent in its place, which it takes', (t) => {
  const parts = md5Of('{{request.body}}{{credentials.salt}}', { json: 'sig' });
  const send = (body: string): string => text(sign(parts, outbound({ method: 'POST', headers: JSON_TYPE, body })).body);
  t.is(send('{ "a": 1.10, "sig": "old" }'), `{ "a": 1.10, "sig": "${md5('{ "a": 1.10 }s')}" }`);
  t.is(
    send('{"s\\u0069g":{"sig":1} , "a":[{"sig":2}]}'),
    `{"s\\u0069g":"${md5('{"a":[{"sig":2}]}s')}" , "a":[{"sig":2}]}`,
  );
  t.is(send('{"a":1}'), `{"a":1,"sig":"${md5('{"a":1}s')}"}`);
});

test('every signature leaves out what a later one replaces, and so does a value that is injected', (t) => {
  const parts: ProfileParts = {
    inject: {
      query: { sum: '{{request.target | sha256 | hex}}' },
      form: { key: 'k' },
      headers: { h: '{{request.query}}' },
    },
    sign: [
      signOf({
        text: '{{request.body}} {{request.target}}',
        algorithm: 'md5',
        set: { header: 'd', value: '{{signature}}' },
      }),
      signOf({ text: '{{request.body}}', algorithm: 'md5', set: { form: 'hash', value: '{{signature}}' } }),
      signOf({ text: '{{request.query}}', algorithm: 'md5', set: { query: 'sig', value: '{{signature}}' } }),
    ],
  };
  const request = outbound({
    method: 'POST',
    target: '/a?sig=old&sum=old&x=1',
    headers: FORM_TYPE,
    body: 'key=old&hash=old&a=1',
  });
  const { target, headers, body } = sign(parts, request);
  const sum = createHash('sha256').update('/a?x=1').digest('hex');
  const query = `x=1&sum=${sum}`;
  t.is(target, `/a?${query}&sig=${md5(query)}`);
  t.is(text(body), `a=1&key=k&hash=${md5('a=1&key=k')}`);
  t.deepEqual(headers, [...FORM_TYPE, 'h', query, 'd', md5(`a=1&key=k /a?${query}`)]);
});

test('a body that a caller wrapped and signed stays wrapped, and one that is wrapped leaves the old signature out', (t) => {
  const parts: ProfileParts = {
    sign: [
      signOf({
        body: { wrap: 'base64', field: 'request' },
        text: '{{request.body}}|{{request.json.request}}',
        algorithm: 'md5',
        set: { json: 'sig', value: '{{signature}}' },
      }),
    ],
  };
  const send = (body: string): string => text(sign(parts, outbound({ method: 'POST', headers: JSON_TYPE, body })).body);
  const wrapped = Buffer.from('{"a":1}').toString('base64');
  const sum = md5(`{"request":"${wrapped}"}|${wrapped}`);
  t.is(send(`{"request":"${wrapped}","sig":"old"}`), `{"request":"${wrapped}","sig":"${sum}"}`);
  t.is(send('{"a":1,"sig":"old"}'), `{"request":"${wrapped}","sig":"${sum}"}`);
});

test('a name that is asked for by itself shows what stands there, as a value to be replaced by its digest', (t) => {
  const form = md5Of('{{request.form.pin}}{{credentials.salt}}', { form: 'pin' });
  const request = outbound({ method: 'POST', headers: FORM_TYPE, body: 'pin=0451&a=1' });
  t.is(text(sign(form, request).body), `a=1&pin=${md5('0451s')}`);
  const json = md5Of('{{request.json.pin}}', { json: 'pin' });
  t.is(
    text(sign(json, outbound({ method: 'POST', headers: JSON_TYPE, body: '{"pin":"0451"}' })).body),
    `{"pin":"${md5('0451')}"}`,
  );
});

test("explain shows the text without the caller's own field, and the digest that is sent", (t) => {
  const parts = md5Of('{{request.method}} {{request.target}} {{credentials.salt}}', { query: 'sig' });
  const [signature] = authorizerOf(parts).explain(outbound({ target: '/a?x=1&sig=old' })).signatures;
  t.like(signature, { text: 'GET /a?x=1 <salt>', digest: md5('GET /a?x=1 s') });
});

const piece = fc.string({ unit: fc.constantFrom('sig', 's%69g', 'a', '=', '%6', '+', '%C3%A9', ';', '1') });

test('property: who takes the placed field out of the query or the form finds what was signed', (t) => {
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const list = pieces.join('&');
      const inQuery = sign(md5Of('{{request.query}}', { query: 'sig' }), outbound({ target: `/a?${list}` })).target;
      const request = outbound({ method: 'POST', headers: FORM_TYPE, body: list });
      const inForm = text(sign(md5Of('{{request.body}}', { form: 'sig' }), request).body);
      for (const received of [inQuery.slice('/a?'.length), inForm]) {
        const [rest, sum] = received.split(/&?(?<=&|^)sig=(?=[0-9a-f]{32}$)/);
        const covered = [rest as string, `${rest}&`].map(md5);
        t.true(covered.includes(sum as string), received);
        t.false(new URLSearchParams(rest).has('sig'));
      }
    }),
  );
  t.pass();
});

for (const [what, set, headers] of [
  ['form', { form: 'hash' }, FORM_TYPE],
  ['JSON', { json: 'hash' }, JSON_TYPE],
] as const) {
  test(`a request without a body is refused when its signature goes into a ${what} field, and never grows one`, (t) => {
    for (const signed of ['{{request.path}}', '{{request.body}}']) {
      const authorizer = authorizerOf(md5Of(signed, set));
      for (const method of ['GET', 'DELETE', 'HEAD', 'OPTIONS']) {
        for (const request of [outbound({ method }), outbound({ method, headers, body: '' })]) {
          const expected = { code: 'bad_body', status: 400, message: /field of the body.*has none/ };
          t.like(
            t.throws(() => authorizer.authorize(request)),
            { code: expected.code, status: expected.status },
          );
          t.throws(() => authorizer.authorize(request), { message: expected.message });
          t.throws(() => authorizer.explain(request), { message: expected.message });
        }
      }
    }
  });

  test(`a request whose method is not signed into a ${what} field is refused with those that are`, (t) => {
    const [entry] = md5Of('x', set).sign ?? [];
    const authorizer = authorizerOf({ sign: entry ? [{ ...entry, when: { methods: ['POST', 'PUT'] } }] : [] });
    const error = t.throws(() => authorizer.authorize(outbound()));
    t.like(error, { code: 'method_not_allowed', headers: ['Allow', 'POST, PUT'] });
  });
}

test('a GET that has a body is signed into it, and an empty POST becomes a form', (t) => {
  const parts = md5Of('{{request.body}}', { form: 'hash' });
  t.is(text(sign(parts, outbound({ headers: FORM_TYPE, body: 'a=1' })).body), `a=1&hash=${md5('a=1')}`);
  t.is(text(sign(parts, outbound({ method: 'POST' })).body), `hash=${md5('')}`);
});
