import { createHash } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { parseConfig } from '../../src/config/load.ts';
import { startOutrider, type Outrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { startUpstream, type Upstream } from '../helpers/upstream.ts';

interface Signed {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly fields: readonly (readonly [string, string])[];
  readonly body: string;
  readonly signed_with: Readonly<Record<string, string>>;
}

const FORM = ['Content-Type', 'application/x-www-form-urlencoded'];
const ORDER = 'txnid=t1&amount=10.00&productinfo=Shoes&firstname=Asha&email=a%40b.in';
const HASH =
  '4ebc00ccb04a88d66280b5f0b3cbd2c66372e985638905c22e683326c15f3c5fb5b78306b59f42f9fe96b87099ab57cfdba13be0e212eb259be5e8d7da551c97';

async function given(t: ExecutionContext, more = ''): Promise<{ outrider: Outrider; upstream: Upstream }> {
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(
    t,
    `
${more}
providers:
  payu: { profile: payu-payment, environment: test, credentials: { key: KEY, salt: SALT } }
  xverify: { profile: phonepe-x-verify, environment: sandbox, credentials: { merchant_id: SHOP, salt_key: salt-key-of-shop } }
  v2: { profile: payu-v2, environment: test, credentials: { key: KEY, salt: SALT } }
routes:
  - { name: form, provider: payu, match: { path: /sign/payu-payment }, upstream: "${upstream.origin}", answer: signed }
  - name: x
    provider: xverify
    match: { path: /sign/x }
    upstream: "${upstream.origin}/apis"
    answer: signed
    headers: { set: { x-channel: web } }
  - { name: v2, provider: v2, match: { path: /sign/v2 }, upstream: "${upstream.origin}", answer: signed }
  - { name: payu, provider: payu, match: { path: /payu }, upstream: "${upstream.origin}" }`,
  );
  return { outrider, upstream };
}

test("the fields of PayU's form come back with the hash, and nothing is sent", async (t) => {
  const { outrider, upstream } = await given(t);
  const answer = await outrider.call('/sign/payu-payment/_payment', {
    headers: FORM,
    body: `${ORDER}&hash=forged&key=other&udf1=%E0%A4%85`,
  });
  t.is(answer.status, 200, answer.text);
  t.is(answer.header('content-type'), 'application/json');
  t.is(answer.header('cache-control'), 'no-store');
  const signed = JSON.parse(answer.text) as Signed;
  const { hash, ...rest } = Object.fromEntries(signed.fields);
  t.deepEqual(Object.keys(signed), ['method', 'url', 'headers', 'fields', 'body', 'signed_with']);
  t.is(signed.method, 'POST');
  t.is(signed.url, `${upstream.origin}/_payment`);
  t.deepEqual(rest, {
    txnid: 't1',
    amount: '10.00',
    productinfo: 'Shoes',
    firstname: 'Asha',
    email: 'a@b.in',
    udf1: 'अ',
    key: 'KEY',
  });
  t.deepEqual(
    signed.fields.map(([name]) => name),
    ['txnid', 'amount', 'productinfo', 'firstname', 'email', 'udf1', 'key', 'hash'],
  );
  const text = 'KEY|t1|10.00|Shoes|Asha|a@b.in|अ||||||||||SALT';
  t.is(hash, createHash('sha512').update(text).digest('hex'));
  t.is(signed.body, `${ORDER}&udf1=%E0%A4%85&key=KEY&hash=${hash}`);
  t.deepEqual(signed.headers, []);
  t.deepEqual(signed.signed_with, { key: 'KEY' });
  t.is(upstream.connections, 0);
  const [line] = await outrider.logged(1);
  t.like(line, { route: 'form', status: 200, auth: 'signed', attempts: 0 });
});

test('the published hash', async (t) => {
  const { outrider } = await given(t);
  const answer = await outrider.call('/sign/payu-payment/_payment', { headers: FORM, body: ORDER });
  t.is(new Map((JSON.parse(answer.text) as Signed).fields).get('hash'), HASH);
});

test('headers are those that were added or replaced, and the body is the wrapped one', async (t) => {
  const { outrider, upstream } = await given(t);
  const answer = await outrider.call('/sign/x/pg/v1/pay?a=1', {
    method: 'POST',
    headers: ['Content-Type', 'application/json', 'X-Verify', 'forged', 'X-Own', 'mine', 'Via', '1.1 other'],
    body: '{"amount":1.10}',
  });
  const { headers, body, fields, signed_with: by, url } = JSON.parse(answer.text) as Signed;
  const request = Buffer.from('{"amount":1.10}').toString('base64');
  const digest = createHash('sha256').update(`${request}/pg/v1/paysalt-key-of-shop`).digest('hex');
  t.is(url, `${upstream.origin}/apis/pg/v1/pay?a=1`);
  t.is(body, JSON.stringify({ request }));
  t.deepEqual(fields, []);
  t.deepEqual(
    new Map(headers),
    new Map([
      ['x-verify', `${digest}###1`],
      ['x-channel', 'web'],
      ['x-client-id', 'SHOP'],
      ['x-merchant-id', 'SHOP'],
    ]),
  );
  t.deepEqual(by, { salt_index: '1' });
  const read = await outrider.call('/sign/x/pg/v1/status/SHOP/t1');
  t.like(JSON.parse(read.text), { method: 'GET', body: '', fields: [] });
  const dated = await outrider.call('/sign/v2/v2/payments', { method: 'POST', body: '{}' });
  t.regex(dated.text, /\["authorization","hmac username=\\"KEY\\"/);
  t.is(upstream.connections, 0);
});

test('what holds for requests holds here', async (t) => {
  const { outrider, upstream } = await given(t, 'limits: { signed_body: 1KiB }');
  const at = '/sign/payu-payment/_payment';
  const post = (body: string | Buffer, headers: readonly string[] = FORM) =>
    outrider.call(at, { method: 'POST', headers, body });
  assertProblem(t, await post(`${ORDER}&api_version=99`), { status: 400, code: 'bad_body', route: 'form' });
  assertProblem(t, await post(`${ORDER}&amount=1`), { status: 400, code: 'bad_body', route: 'form' });
  assertProblem(t, await post('{}', ['Content-Type', 'application/json']), {
    status: 400,
    code: 'bad_body',
    route: 'form',
  });
  assertProblem(t, await post(`${ORDER}&udf1=${'a'.repeat(2000)}`), {
    status: 413,
    code: 'body_too_large',
    route: 'form',
  });
  assertProblem(t, await post(ORDER, [...FORM, 'Origin', 'https://evil.example']), {
    status: 403,
    code: 'origin_denied',
  });
  assertProblem(t, await outrider.call(at), { status: 405, code: 'method_not_allowed', route: 'form' });
  const bytes = await outrider.call('/sign/v2/x', { method: 'POST', body: Buffer.from([0xff, 0xfe]) });
  assertProblem(t, bytes, { status: 400, code: 'bad_body', route: 'v2' });
  t.is(upstream.connections, 0);
});

const codesOf = (yaml: string): string[] =>
  parseConfig(`version: 1\n${yaml}`, 'proxy.config.yaml', { env: {} }).diagnostics.map(({ code }) => code);
const signing = (profile: string, provider: string): string => `
profiles: { mine: ${profile} }
providers: { p: ${provider} }
routes: [{ match: { path: /sign }, provider: p, upstream: "https://api.example", answer: signed }]`;

const LEAKS: readonly (readonly [what: string, profile: string, provider: string])[] = [
  [
    'a token',
    '{ extends: oauth2 }',
    '{ profile: mine, credentials: { client_id: a, client_secret: b }, endpoints: { token: "https://id.example" } }',
  ],
  ['a bearer token', '{ extends: bearer }', '{ profile: mine, credentials: { token: secret-1 } }'],
  ['a password', '{ extends: basic }', '{ profile: mine, credentials: { username: a, password: secret-1 } }'],
  ['an API key in the query', '{ extends: query-key }', '{ profile: mine, credentials: { name: k, value: secret-1 } }'],
  [
    'a secret in the value beside the signature',
    '{ credentials: { s: { secret: true } }, sign: [{ text: "{{request.body}}", algorithm: sha256, set: { header: x, value: "{{credentials.s}}{{signature}}" } }] }',
    '{ profile: mine, credentials: { s: secret-1 } }',
  ],
  [
    'a secret behind a value and a default',
    '{ credentials: { s: { secret: true }, t: { default: "{{credentials.s}}" } }, values: { v: "{{credentials.t}}" }, inject: { form: { t: "{{values.v}}" } }, sign: [{ text: "{{request.body}}", algorithm: sha256, set: { header: x } }] }',
    '{ profile: mine, credentials: { s: secret-1 } }',
  ],
  [
    'a JWT for several requests',
    '{ credentials: { s: { secret: true } }, jwt: { j: { algorithm: HS256, key: "{{credentials.s}}", claims: { a: b }, reuse: 5m } }, inject: { headers: { authorization: "Bearer {{jwt.j}}" } }, sign: [{ text: "{{request.body}}", algorithm: sha256, set: { header: x } }] }',
    '{ profile: mine, credentials: { s: secret-1 } }',
  ],
  [
    'a secret in a JWT',
    '{ credentials: { s: { secret: true } }, jwt: { j: { algorithm: HS256, key: "{{credentials.s}}", claims: { a: "{{credentials.s}}" } } }, inject: { headers: { authorization: "Bearer {{jwt.j}}" } }, sign: [{ text: "{{request.body}}", algorithm: sha256, set: { header: x } }] }',
    '{ profile: mine, credentials: { s: secret-1 } }',
  ],
  [
    'a digest that is always the same',
    '{ credentials: { s: { secret: true } }, sign: [{ text: "{{credentials.s}}", algorithm: sha256, set: { header: x } }] }',
    '{ profile: mine, credentials: { s: secret-1 } }',
  ],
];
for (const [what, profile, provider] of LEAKS) {
  test(`a route that would hand out ${what} is an error`, (t) => {
    const yaml = signing(profile, provider);
    t.deepEqual(codesOf(yaml), ['signs_with_a_token']);
    t.deepEqual(codesOf(yaml.replace(', answer: signed', '')), []);
  });
}

test('a route on which nothing signs is an error too', (t) => {
  t.deepEqual(codesOf('routes: [{ match: { path: /sign }, upstream: "https://api.example", answer: signed }]'), [
    'invalid_value',
  ]);
  t.deepEqual(codesOf(signing('{ inject: { headers: { x-a: b } } }', '{ profile: mine }')), ['invalid_value']);
});

test('the forward doors know no such route', async (t) => {
  const { outrider, upstream } = await given(t, 'forward: { mode: plain }');
  const answer = await outrider.call(`${upstream.origin}/_payment`, { headers: FORM, body: ORDER });
  t.is(answer.text, 'ok');
  t.is((await upstream.request(1)).target, '/_payment');
});
