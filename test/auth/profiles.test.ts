import { createHash, createHmac } from 'node:crypto';
import test from 'ava';
import type { Authorized, Outbound } from '../../src/auth/authorizer.ts';
import { granted } from '../helpers/token-endpoint.ts';
import { benchOf, outbound, text } from './helpers.ts';
import { parseProvider, startProvider } from './yaml.ts';

// What spec/providers.md calls "everything else": each is expressible as data, with no code. The answers are as the
// providers' public pages show them.

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

test('PayPal: Basic and a form', async (t) => {
  const { endpoint, auth } = await startProvider(
    t,
    `
version: 1
profiles:
  paypal:
    credentials: { client_id: {}, client_secret: { secret: true } }
    token:
      fetch:
        url: "{{endpoints.token}}"
        auth: { basic: ["{{credentials.client_id}}", "{{credentials.client_secret}}"] }
        form: { grant_type: client_credentials }
    inject:
      headers: { Authorization: "Bearer {{token.access_token}}" }
providers:
  paypal:
    profile: paypal
    endpoints: { token: TOKEN_ORIGIN/v1/oauth2/token, api: https://api-m.sandbox.paypal.com }
    credentials: { client_id: A21AAF, client_secret: EKl9 }
`,
    () => ({
      body: {
        scope: 'https://uri.paypal.com/services/…',
        access_token: 'A21AAFEp',
        token_type: 'Bearer',
        expires_in: 31668,
      },
    }),
  );
  const { headers } = await auth.forUpstream('https://api-m.sandbox.paypal.com').authorize(outbound());
  t.deepEqual(headers, ['Authorization', 'Bearer A21AAFEp']);
  t.like(endpoint.calls[0], { method: 'POST', url: '/v1/oauth2/token', body: 'grant_type=client_credentials' });
  t.is(endpoint.calls[0]?.headers.authorization, basic('A21AAF', 'EKl9'));
});

test('Setu: JSON with names of its own, and a nested answer', async (t) => {
  const { endpoint, auth } = await startProvider(
    t,
    `
version: 1
profiles:
  setu:
    credentials: { client_id: {}, secret: { secret: true }, product: {} }
    token:
      fetch:
        url: "{{endpoints.token}}"
        json: { clientID: "{{credentials.client_id}}", secret: "{{credentials.secret}}" }
      read:
        access_token: /data/token
        expiry: [{ in: /data/expiresIn, unit: s }]
    inject:
      headers: { Authorization: "Bearer {{token.access_token}}", X-Setu-Product-Instance-ID: "{{credentials.product}}" }
providers:
  setu:
    profile: setu
    endpoints: { token: TOKEN_ORIGIN/api/v2/auth/token, api: https://uat.setu.co }
    credentials: { client_id: c-1, secret: s-1, product: p-1 }
`,
    () => ({ body: { status: 200, success: true, data: { expiresIn: 300, token: 'eyJ.setu' } } }),
  );
  const { headers } = await auth.forUpstream('https://uat.setu.co').authorize(outbound());
  t.deepEqual(headers, ['Authorization', 'Bearer eyJ.setu', 'X-Setu-Product-Instance-ID', 'p-1']);
  t.is(endpoint.calls[0]?.body, '{"clientID":"c-1","secret":"s-1"}');
  t.is(endpoint.calls[0]?.headers['content-type'], 'application/json');
  const record = await auth.token({ renew: false });
  t.is(record.expiresAtMs - record.issuedAtMs, 300_000);
});

test('Vipps: credentials in headers, and an expiry that is a moment in a text', async (t) => {
  const { endpoint, auth } = await startProvider(
    t,
    `
version: 1
profiles:
  vipps:
    credentials: { client_id: {}, client_secret: { secret: true }, subscription_key: { secret: true } }
    token:
      fetch:
        url: "{{endpoints.token}}"
        headers:
          client_id: "{{credentials.client_id}}"
          client_secret: "{{credentials.client_secret}}"
          Ocp-Apim-Subscription-Key: "{{credentials.subscription_key}}"
      read:
        expiry: [{ at: /expires_on, unit: s }]
    inject:
      headers:
        Authorization: "{{token.token_type}} {{token.access_token}}"
        Ocp-Apim-Subscription-Key: "{{credentials.subscription_key}}"
providers:
  vipps:
    profile: vipps
    endpoints: { token: TOKEN_ORIGIN/accesstoken/get, api: https://apitest.vipps.no }
    credentials: { client_id: fb492b5e, client_secret: Y8Kteew6, subscription_key: 0f14ebca }
`,
    () => ({
      headers: { date: new Date(1_547_815_560_000).toUTCString() },
      body: { token_type: 'Bearer', expires_in: '3599', expires_on: '1547819160', access_token: 'eyJ.vipps' },
    }),
  );
  const { headers } = await auth.forUpstream('https://apitest.vipps.no').authorize(outbound());
  t.deepEqual(headers, ['Authorization', 'Bearer eyJ.vipps', 'Ocp-Apim-Subscription-Key', '0f14ebca']);
  const [call] = endpoint.calls;
  t.like(call, { method: 'POST', body: '' });
  t.like(call?.headers, { client_id: 'fb492b5e', client_secret: 'Y8Kteew6', 'ocp-apim-subscription-key': '0f14ebca' });
  const record = await auth.token({ renew: false });
  t.is(record.expiresAtMs - record.issuedAtMs, 3_600_000, 'however far their clock is from ours');
});

test('M-Pesa: GET with Basic, the grant type in the query, and a rejection that is a 404', async (t) => {
  const { endpoint, auth, clock } = await startProvider(
    t,
    `
version: 1
profiles:
  mpesa:
    credentials: { consumer_key: {}, consumer_secret: { secret: true } }
    token:
      fetch:
        url: "{{endpoints.token}}"
        method: GET
        query: { grant_type: client_credentials }
        auth: { basic: ["{{credentials.consumer_key}}", "{{credentials.consumer_secret}}"] }
    inject:
      headers: { Authorization: "Bearer {{token.access_token}}" }
    renew:
      on_status: [401]
      on_body: [{ status: 404, pointer: /errorCode, equals: ["404.001.03"] }]
providers:
  mpesa:
    profile: mpesa
    endpoints: { token: TOKEN_ORIGIN/oauth/v1/generate, api: https://sandbox.safaricom.co.ke }
    credentials: { consumer_key: ck, consumer_secret: cs }
`,
    ({ n }) => ({ body: { access_token: `mpesa-${n}`, expires_in: '3599' } }),
  );
  const authorizer = auth.forUpstream('https://sandbox.safaricom.co.ke');
  const first = await authorizer.authorize(outbound());
  t.deepEqual(first.headers, ['Authorization', 'Bearer mpesa-1']);
  t.like(endpoint.calls[0], { method: 'GET', url: '/oauth/v1/generate?grant_type=client_credentials', body: '' });
  t.is(endpoint.calls[0]?.headers.authorization, basic('ck', 'cs'));
  const judge = (body: string) => authorizer.judge(404, [], Buffer.from(body));
  t.is(authorizer.judge(404, []), 'needs_body');
  t.is(judge('{"requestId":"1","errorCode":"404.001.03","errorMessage":"Invalid Access Token"}'), 'rejected');
  t.is(judge('{"requestId":"1","errorCode":"404.002.01"}'), 'accepted');
  await clock.advance(10_000);
  t.like(await authorizer.renew(first, outbound(), clock.now()), {
    authorized: { headers: ['Authorization', 'Bearer mpesa-2'] },
  });
});

test('Cashfree payouts: a rejection that is a 200', async (t) => {
  const { endpoint, auth } = await startProvider(
    t,
    `
version: 1
profiles:
  cashfree-payouts:
    credentials: { client_id: {}, client_secret: { secret: true } }
    token:
      fetch:
        url: "{{endpoints.token}}"
        headers: { X-Client-Id: "{{credentials.client_id}}", X-Client-Secret: "{{credentials.client_secret}}" }
      read:
        access_token: /data/token
        expiry: [{ at: /data/expiry, unit: s }]
        lifetime_default: 5m
    inject:
      headers: { Authorization: "Bearer {{token.access_token}}" }
    renew:
      on_status: []
      on_body: [{ status: 200, pointer: /subCode, equals: ["403"] }]
providers:
  cashfree:
    profile: cashfree-payouts
    endpoints: { token: TOKEN_ORIGIN/payout/v1/authorize, api: https://payout-gamma.cashfree.com }
    credentials: { client_id: CF1, client_secret: cf-secret }
`,
    () => ({
      body: { status: 'SUCCESS', message: 'Token generated', subCode: '200', data: { token: 'v6fa', expiry: null } },
    }),
  );
  const authorizer = auth.forUpstream('https://payout-gamma.cashfree.com');
  t.deepEqual((await authorizer.authorize(outbound())).headers, ['Authorization', 'Bearer v6fa']);
  t.like(endpoint.calls[0]?.headers, { 'x-client-id': 'CF1', 'x-client-secret': 'cf-secret' });
  t.deepEqual([...authorizer.rejectStatuses], [200]);
  const judge = (body: string) => authorizer.judge(200, [], Buffer.from(body));
  t.is(judge('{"status":"ERROR","subCode":"403","message":"Token is not valid"}'), 'rejected');
  t.is(judge('{"status":"SUCCESS","subCode":"200"}'), 'accepted');
  t.is(authorizer.judge(401, []), 'accepted');
  const record = await auth.token({ renew: false });
  t.is(record.expiresAtMs - record.issuedAtMs, 300_000);
});

test('Peach: camelCase JSON', async (t) => {
  const { endpoint, auth } = await startProvider(
    t,
    `
version: 1
profiles:
  peach:
    credentials: { client_id: {}, client_secret: { secret: true }, merchant_id: {} }
    token:
      fetch:
        url: "{{endpoints.token}}"
        json:
          clientId: "{{credentials.client_id}}"
          clientSecret: "{{credentials.client_secret}}"
          merchantId: "{{credentials.merchant_id}}"
    inject:
      headers: { authorization: "Bearer {{token.access_token}}" }
providers:
  peach:
    profile: peach
    endpoints: { token: TOKEN_ORIGIN/api/oauth/token, api: https://testsecure.peachpayments.com }
    credentials: { client_id: 1, client_secret: "007", merchant_id: 0a }
`,
    () => granted('peach', '14400'),
  );
  t.deepEqual((await auth.forUpstream('https://testsecure.peachpayments.com').authorize(outbound())).headers, [
    'authorization',
    'Bearer peach',
  ]);
  t.is(endpoint.calls[0]?.body, '{"clientId":"1","clientSecret":"007","merchantId":"0a"}');
});

test('a token and a signature together, for one request', async (t) => {
  const { auth, clock } = await startProvider(
    t,
    `
version: 1
profiles:
  both:
    extends: oauth2
    credentials: { salt: { secret: true } }
    sign:
      - when: { methods: [POST] }
        text: "{{request.body}}|{{token.access_token}}|{{credentials.salt}}"
        algorithm: sha512
        set: { header: hash, value: "{{signature}}" }
providers:
  both:
    profile: both
    endpoints: { token: TOKEN_ORIGIN/token, api: https://api.example }
    credentials: { client_id: a, client_secret: b, salt: c }
`,
    ({ n }) => granted(`token-${n}`),
  );
  const authorizer = auth.forUpstream('https://api.example');
  const request = outbound({ method: 'POST', body: '{"qr":1.0}' });
  const hash = (token: string): string => createHash('sha512').update(`{"qr":1.0}|${token}|c`).digest('hex');
  const first = await authorizer.authorize(request);
  t.deepEqual(first.headers, ['authorization', 'Bearer token-1', 'hash', hash('token-1')]);
  t.is(first.auth, 'signed');
  await clock.advance(10_000);
  const renewed = await authorizer.renew(first, request, clock.now());
  t.like(renewed, { authorized: { headers: ['authorization', 'Bearer token-2', 'hash', hash('token-2')] } });
});

/** Authorizes one request with a provider that has no token. */
function sign(yaml: string, request: Outbound, upstream: string): Authorized {
  const authorized = benchOf(parseProvider(yaml)).auth.forUpstream(upstream).authorize(request);
  if (authorized instanceof Promise) throw new Error('no token, and yet it waits');
  return authorized;
}

test('a webhook-style HMAC over time and body', (t) => {
  const yaml = `
version: 1
profiles:
  webhook:
    credentials: { secret: { secret: true } }
    sign:
      - text: "{{now.s}}.{{request.body}}"
        algorithm: hmac-sha256
        key: "{{credentials.secret}}"
        set: { header: X-Signature, value: "t={{now.s}},v1={{signature}}" }
providers:
  hook: { profile: webhook, credentials: { secret: whsec }, endpoints: { api: "https://hooks.example" } }
`;
  const { headers } = sign(yaml, outbound({ method: 'POST', body: 'héllo' }), 'https://hooks.example');
  const now = Date.UTC(2026, 0, 1) / 1000;
  const mac = createHmac('sha256', 'whsec').update(`${now}.héllo`).digest('hex');
  t.deepEqual(headers, ['X-Signature', `t=${now},v1=${mac}`]);
});

test('AWS-like: method, path, query, date and the digest of the body', (t) => {
  const yaml = `
version: 1
profiles:
  canonical:
    credentials: { id: {}, key: { secret: true } }
    values:
      body_hash: "{{request.body | sha256 | hex}}"
      canonical: "{{request.method}}\\n{{request.path}}\\n{{request.query}}\\n{{now.iso}}\\n{{values.body_hash}}"
    inject:
      headers: { x-date: "{{now.iso}}", x-content-sha256: "{{values.body_hash}}" }
    sign:
      - text: "HMAC-SHA256\\n{{values.canonical | sha256 | hex}}"
        algorithm: hmac-sha256
        key: "{{credentials.key}}"
        encode: base64
        set: { header: authorization, value: "HMAC-SHA256 Credential={{credentials.id}}, Signature={{signature}}" }
providers:
  canonical: { profile: canonical, credentials: { id: AK, key: sk }, endpoints: { api: "https://api.example/v1" } }
`;
  const request = outbound({ method: 'PUT', target: '/v1/things/a%2Fb?z=1&a=%20', body: 'data' });
  const { headers } = sign(yaml, request, 'https://api.example/v1');
  const bodyHash = createHash('sha256').update('data').digest('hex');
  const canonical = ['PUT', '/things/a%2Fb', 'z=1&a=%20', '2026-01-01T00:00:00.000Z', bodyHash].join('\n');
  const digest = createHash('sha256').update(canonical).digest('hex');
  const signature = createHmac('sha256', 'sk').update(`HMAC-SHA256\n${digest}`).digest('base64');
  t.deepEqual(headers, [
    'x-date',
    '2026-01-01T00:00:00.000Z',
    'x-content-sha256',
    bodyHash,
    'authorization',
    `HMAC-SHA256 Credential=AK, Signature=${signature}`,
  ]);
});

// The built-in profiles, by the vectors of spec/providers.md.

const K = '099eb0cd-02cf-4e2a-8aca-3e6c6aff0399';
const FORM_TYPE = ['content-type', 'application/x-www-form-urlencoded'];

const phonepe = (profile: string, upstream: string): string => `
version: 1
providers:
  phonepe:
    profile: ${profile}
    environment: sandbox
    credentials: { merchant_id: PGTESTPAYUAT, salt_key: ${K} }
routes:
  - { provider: phonepe, upstream: "${upstream}", match: { path: /phonepe } }
`;

test('phonepe-x-verify: a POST and a GET as PhonePe publishes them', (t) => {
  const upstream = 'https://api-preprod.phonepe.com/apis/pg-sandbox';
  const yaml = phonepe('phonepe-x-verify', upstream);
  const wrapped =
    'ewogICJtZXJjaGFudElkIjogIlBHVEVTVFBBWVVBVCIsCiAgIm1lcmNoYW50VHJhbnNhY3Rpb25JZCI6ICJNVDc4NTA1OTAwNjgxODgxMDQiLAogICJtZXJjaGFudFVzZXJJZCI6ICJNVUlEMTIzIiwKICAiYW1vdW50IjogMTAwMDAsCiAgInJlZGlyZWN0VXJsIjogImh0dHBzOi8vd2ViaG9vay5zaXRlL3JlZGlyZWN0LXVybCIsCiAgInJlZGlyZWN0TW9kZSI6ICJSRURJUkVDVCIsCiAgImNhbGxiYWNrVXJsIjogImh0dHBzOi8vd2ViaG9vay5zaXRlL2NhbGxiYWNrLXVybCIsCiAgIm1vYmlsZU51bWJlciI6ICI5OTk5OTk5OTk5IiwKICAicGF5bWVudEluc3RydW1lbnQiOiB7CiAgICAidHlwZSI6ICJQQVlfUEFHRSIKICB9Cn0=';
  const post = outbound({
    method: 'POST',
    target: '/apis/pg-sandbox/pg/v1/pay',
    headers: ['Content-Type', 'application/json'],
    body: Buffer.from(wrapped, 'base64'),
  });
  const signed = sign(yaml, post, upstream);
  t.is(text(signed.body), `{"request":"${wrapped}"}`);
  t.deepEqual(signed.headers, [
    'Content-Type',
    'application/json',
    'x-client-id',
    'PGTESTPAYUAT',
    'x-merchant-id',
    'PGTESTPAYUAT',
    'x-verify',
    'd7a8e4458caa6fcd781166bbdc85fec76740c18cb9baa9a4c48cf2387d554180###1',
  ]);
  const get = sign(yaml, outbound({ target: '/apis/pg-sandbox/v3/service/userdetails' }), upstream);
  t.is(get.headers.at(-1), 'ed62fc5ed97c1719102fd29537dccc87c26a6e3d908489f0751bb6c6fc38a82f###1');
});

const payu = (profile: string, key: string, salt: string): string => `
version: 1
providers:
  payu: { profile: ${profile}, environment: test, credentials: { key: "${key}", salt: "${salt}" } }
`;

test('payu-payment and payu-hash: as PayU publishes them', (t) => {
  const payment = sign(
    payu('payu-payment', 'C0Dr8m', '3sf0jURk'),
    outbound({
      method: 'POST',
      target: '/_payment',
      headers: FORM_TYPE,
      body: 'txnid=12345&amount=10&productinfo=Shopping&firstname=Test&email=test@test.com&udf2=abc&udf4=15',
    }),
    'https://test.payu.in',
  );
  t.is(
    text(payment.body),
    'txnid=12345&amount=10&productinfo=Shopping&firstname=Test&email=test@test.com&udf2=abc&udf4=15&key=C0Dr8m&hash=ffcdbf04fa5beefdcc2dd476c18bc410f02b3968e7f4f54e8f43f1e1a310bb32e3b4dec9305232bb89db5b1d0c009a53bcace6f4bd8ec2f695baf3d43ba730ce',
  );
  const command = sign(
    payu('payu-hash', 'gtKFFx', 'eCwWELxi'),
    outbound({
      method: 'POST',
      target: '/merchant/postservice.php?form=2',
      headers: FORM_TYPE,
      body: 'command=verify_payment&var1=12345',
    }),
    'https://test.payu.in',
  );
  t.is(
    text(command.body),
    'command=verify_payment&var1=12345&key=gtKFFx&hash=b7c06bc70031f3b0d5ce8e5b93ad0be857c3101296cbfd00b31230434629ad3d032488fd0cd6295ce9f374e884e08d035e8296a9842efa0b975c67cd3db6b180',
  );
});

test('payu-v2: the date that is signed is the date that is sent', (t) => {
  const { headers } = sign(
    payu('payu-v2', 'k', 's'),
    outbound({ method: 'POST', body: '{}' }),
    'https://apitest.payu.in',
  );
  const date = 'Thu, 01 Jan 2026 00:00:00 GMT';
  const digest = createHash('sha512').update(`{}|${date}|s`).digest('hex');
  t.deepEqual(headers, [
    'date',
    date,
    'authorization',
    `hmac username="k", algorithm="sha512", headers="date", signature="${digest}"`,
  ]);
});

test('phonepe-user: the grant token is exchanged in a signed call, as PhonePe publishes it', async (t) => {
  const salt = '6b451f58-d565-4890-836f-6fb1gjt84d97';
  const { endpoint, auth } = await startProvider(
    t,
    `
version: 1
providers:
  user:
    profile: phonepe-user
    environment: sandbox
    credentials: { merchant_id: M1, salt_key: ${salt} }
    endpoints: { token: TOKEN_ORIGIN/v3/service/auth/access, api: TOKEN_ORIGIN }
`,
    () => ({ body: { success: true, code: 'SUCCESS', data: { accessToken: 'AUTH1', expiresInSeconds: 1800 } } }),
  );
  const origin = new URL(endpoint.url).origin;
  const request = outbound({ target: '/v3/service/userdetails', headers: ['X-Grant-Token', 'GRT1'] });
  const { headers } = await auth.forUpstream(origin).authorize(request);
  const sum = (signed: string): string =>
    `${createHash('sha256')
      .update(signed + salt)
      .digest('hex')}###1`;
  t.deepEqual(headers, [
    'x-client-id',
    'M1',
    'x-merchant-id',
    'M1',
    'x-access-token',
    'AUTH1',
    'x-verify',
    sum('/v3/service/userdetails'),
  ]);
  const [call] = endpoint.calls;
  const { request: wrapped } = JSON.parse(call?.body ?? '') as { request: string };
  t.is(Buffer.from(wrapped, 'base64').toString(), '{"grantToken":"GRT1"}');
  t.is(call?.headers['x-verify'], sum(`${wrapped}/v3/service/auth/access`));
});
