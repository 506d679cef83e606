import { createHash } from 'node:crypto';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import { startOutrider } from '../helpers/outrider.ts';
import type { Outrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import type { Upstream } from '../helpers/upstream.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const FORM = ['Content-Type', 'application/x-www-form-urlencoded'];
const JSON_TYPE = ['Content-Type', 'application/json'];

/** A route whose profile has these lines besides its credential. */
async function given(t: ExecutionContext, profile: string): Promise<{ outrider: Outrider; upstream: Upstream }> {
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(
    t,
    `
limits: { signed_body: 1KiB }
profiles:
  own: { title: Own, credentials: { salt: { secret: true } }, ${profile} }
providers:
  own: { profile: own, credentials: { salt: s4lt } }
routes:
  - { name: api, match: { path: /api }, provider: own, upstream: "${upstream.origin}" }`,
  );
  return { outrider, upstream };
}

const SIGN_BODY =
  'sign: [{ when: { methods: [POST] }, text: "{{request.body}}{{credentials.salt}}", algorithm: sha256, set: { header: x-sig, value: "{{signature}}" } }]';
const SIGN_FIELD =
  'sign: [{ text: "{{request.form.a}}|{{credentials.salt}}", algorithm: sha256, set: { form: hash, value: "{{signature}}" } }]';
const SIGN_JSON =
  'sign: [{ text: "{{request.json.a.b}}|{{credentials.salt}}", algorithm: sha256, set: { header: x-sig, value: "{{signature}}" } }]';

for (const headers of [[], ['Transfer-Encoding', 'chunked']]) {
  test(`error body_too_large: a ${headers.length ? 'chunked ' : ''}body that must be whole and is over signed_body`, async (t) => {
    const { outrider, upstream } = await given(t, SIGN_BODY);
    const fits = await outrider.call('/api/x', { method: 'POST', body: 'x'.repeat(1024), headers });
    t.is(fits.status, 200, fits.text);
    t.is(upstream.requests[0]?.header('x-sig'), sha256(`${'x'.repeat(1024)}s4lt`));
    const refused = await outrider.call('/api/x', { method: 'POST', body: 'x'.repeat(1025), headers });
    assertProblem(t, refused, { status: 413, code: 'body_too_large', route: 'api' });
    t.is(upstream.requests.length, 1);
  });
}

const BAD_JSON: Readonly<Record<string, readonly [string | Uint8Array, readonly string[]]>> = {
  'a form where JSON is needed': ['a=1', FORM],
  'JSON that is said to be text': ['{"a":{"b":1}}', ['Content-Type', 'text/plain']],
  'no JSON at all': ['hello', []],
  'JSON cut short': ['{"a":{"b":1}', JSON_TYPE],
  'JSON with something behind': ['{"a":{"b":1}} x', JSON_TYPE],
  'an absent field': ['{"a":{"c":1}}', JSON_TYPE],
  'an object in place of a scalar': ['{"a":{"b":{}}}', JSON_TYPE],
  'a byte order mark': ['\ufeff{"a":{"b":1}}', JSON_TYPE],
  'invalid UTF-8': [Buffer.from('{"a":{"b":"\xff"}}', 'latin1'), JSON_TYPE],
  'a field sent twice': ['{"a":{"b":1,"b":2}}', JSON_TYPE],
  'an empty body': ['', JSON_TYPE],
};

for (const [what, [body, headers]] of Object.entries(BAD_JSON)) {
  test(`error bad_body: ${what}`, async (t) => {
    const { outrider, upstream } = await given(t, SIGN_JSON);
    const answer = await outrider.call('/api/x', { method: 'POST', body, headers });
    assertProblem(t, answer, { status: 400, code: 'bad_body', route: 'api' });
    t.is(upstream.connections, 0);
  });
}

test('error bad_body: a form field that goes into a signature and was sent twice (rule 13)', async (t) => {
  const { outrider, upstream } = await given(t, SIGN_FIELD);
  for (const body of ['a=1&a=2', 'a=1&%61=2']) {
    const answer = await outrider.call('/api/x', { body, headers: FORM });
    assertProblem(t, answer, { status: 400, code: 'bad_body' });
  }
  t.is(upstream.connections, 0);
});

test('rule 13: a signature field is appended last, computed over decoded values, and theirs goes', async (t) => {
  const { outrider, upstream } = await given(t, SIGN_FIELD);
  const answer = await outrider.call('/api/x', { body: 'b=%20x&hash=theirs&a=1%2B2+3&h%61sh=t&c', headers: FORM });
  t.is(answer.status, 200, answer.text);
  t.is((await upstream.requests[0]?.body())?.bytes.toString(), `b=%20x&a=1%2B2+3&c&hash=${sha256('1+2 3|s4lt')}`);
});

test('JSON scalars keep their source spelling in what is signed', async (t) => {
  const { outrider, upstream } = await given(t, SIGN_JSON);
  for (const [spelling, signed] of [
    ['1.10', '1.10'],
    ['12345678901234567890', '12345678901234567890'],
    ['"x\\u0041"', 'xA'],
    ['true', 'true'],
  ]) {
    const body = `{"a":{"b":${spelling}}}`;
    t.is((await outrider.call('/api/x', { body, headers: JSON_TYPE })).status, 200);
    t.is(upstream.requests.at(-1)?.header('x-sig'), sha256(`${signed}|s4lt`), spelling);
    t.is((await upstream.requests.at(-1)?.body())?.bytes.toString(), body);
  }
});

test('error method_not_allowed: a method that a signing profile doesn’t sign, with Allow', async (t) => {
  const { outrider, upstream } = await given(t, SIGN_BODY);
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const answer = await outrider.call('/api/x', { method });
    assertProblem(t, answer, { status: 405, code: 'method_not_allowed', route: 'api' });
    t.is(answer.header('allow'), 'POST');
  }
  t.is(upstream.connections, 0);
});

test('rule 20: signatures are computed anew for the replay', async (t) => {
  const clock = fakeClock();
  const tokens = await startTokenEndpoint(t);
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(
    t,
    `
profiles:
  both:
    extends: oauth2
    sign: [{ text: "{{request.body}}|{{token.access_token}}", algorithm: sha256, set: { header: x-sig, value: "{{signature}}" } }]
providers:
  both: { profile: both, credentials: { client_id: a, client_secret: b }, endpoints: { token: "${tokens.url}" } }
routes:
  - { name: api, match: { path: /api }, provider: both, upstream: "${upstream.origin}" }`,
    { clock },
  );
  t.is((await outrider.call('/api/x', { body: 'abc' })).status, 200);
  await clock.advance(10_000);
  upstream.handler = async (arrival, n) => {
    await arrival.body();
    await arrival.reply(n === 2 ? 401 : 200);
  };
  t.is((await outrider.call('/api/x', { body: 'abc' })).status, 200);
  const signatures = upstream.requests.map((request) => request.header('x-sig'));
  t.deepEqual(signatures, [sha256('abc|token-1'), sha256('abc|token-1'), sha256('abc|token-2')]);
  t.is((await upstream.requests[2]?.body())?.bytes.toString(), 'abc');
});
