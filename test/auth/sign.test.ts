import { createHash, createHmac } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import type { Authorized, Authorizer, Outbound } from '../../src/auth/authorizer.ts';
import { benchOf, credentialsOf, outbound, profileOf, type ProfileParts, providerOf, signOf, text } from './helpers.ts';

// The vectors of spec/providers.md: published by PhonePe and PayU, or computed where it says so there.
const K = '099eb0cd-02cf-4e2a-8aca-3e6c6aff0399';
const PAY =
  'ewogICJtZXJjaGFudElkIjogIlBHVEVTVFBBWVVBVCIsCiAgIm1lcmNoYW50VHJhbnNhY3Rpb25JZCI6ICJNVDc4NTA1OTAwNjgxODgxMDQiLAogICJtZXJjaGFudFVzZXJJZCI6ICJNVUlEMTIzIiwKICAiYW1vdW50IjogMTAwMDAsCiAgInJlZGlyZWN0VXJsIjogImh0dHBzOi8vd2ViaG9vay5zaXRlL3JlZGlyZWN0LXVybCIsCiAgInJlZGlyZWN0TW9kZSI6ICJSRURJUkVDVCIsCiAgImNhbGxiYWNrVXJsIjogImh0dHBzOi8vd2ViaG9vay5zaXRlL2NhbGxiYWNrLXVybCIsCiAgIm1vYmlsZU51bWJlciI6ICI5OTk5OTk5OTk5IiwKICAicGF5bWVudEluc3RydW1lbnQiOiB7CiAgICAidHlwZSI6ICJQQVlfUEFHRSIKICB9Cn0=';
const GRANT =
  'ewoJImdyYW50VG9rZW4iOiAiR1JUOTc5YTYzZjQ4ZjIxYjZmMWRiN2JhOTNiYjRhMGZiMjk3NWQ0OWFmYmMyY2QxMDdkYTBmYWMxZGQ1N2RlN2ZiNCIKfQ==';

const SALT = { salt_key: { secret: true }, salt_index: { default: '1' } };
const X_VERIFY = { header: 'x-verify', value: '{{signature}}###{{credentials.salt_index}}' };

const PHONEPE: ProfileParts = {
  credentials: SALT,
  sign: [
    signOf({
      when: { methods: ['POST', 'PUT', 'PATCH'] },
      body: { wrap: 'base64', field: 'request' },
      text: '{{request.json.request}}{{request.path}}{{credentials.salt_key}}',
      set: X_VERIFY,
    }),
    signOf({
      when: { methods: ['GET', 'DELETE', 'HEAD'] },
      text: '{{request.path}}{{credentials.salt_key}}',
      set: X_VERIFY,
    }),
  ],
};

const API = 'https://api-preprod.phonepe.com/apis/pg-sandbox';
const JSON_TYPE = ['Content-Type', 'application/json'];
const FORM_TYPE = ['Content-Type', 'application/x-www-form-urlencoded'];

function authorizerOf(
  parts: ProfileParts,
  values: Readonly<Record<string, string>>,
  upstream = API,
  api = API,
): Authorizer {
  const provider = providerOf(profileOf(parts), credentialsOf(values), { endpoints: { api } });
  return benchOf(provider).auth.forUpstream(upstream);
}

function sign(
  parts: ProfileParts,
  values: Readonly<Record<string, string>>,
  request: Outbound,
  upstream?: string,
): Authorized & { header(name: string): string | undefined } {
  const authorized = authorizerOf(parts, values, upstream).authorize(request);
  if (authorized instanceof Promise) throw new Error('no token, and yet it waits');
  const { headers } = authorized;
  return {
    ...authorized,
    header: (name) => headers[headers.findIndex((key, i) => i % 2 === 0 && key.toLowerCase() === name) + 1],
  };
}

test('X-VERIFY of a POST is as PhonePe publishes it, wrapped by us', (t) => {
  const request = outbound({
    method: 'POST',
    target: '/apis/pg-sandbox/pg/v1/pay',
    headers: JSON_TYPE,
    body: Buffer.from(PAY, 'base64'),
  });
  const signed = sign(PHONEPE, { salt_key: K }, request);
  t.is(signed.header('x-verify'), 'd7a8e4458caa6fcd781166bbdc85fec76740c18cb9baa9a4c48cf2387d554180###1');
  t.is(text(signed.body), `{"request":"${PAY}"}`);
  t.is(signed.auth, 'signed');
});

test('X-VERIFY of a POST that is wrapped already is the same, and the body stays as it came', (t) => {
  const body = `{ "request" : "${PAY}" }\n`;
  const request = outbound({ method: 'POST', target: '/apis/pg-sandbox/pg/v1/pay', headers: JSON_TYPE, body });
  const signed = sign(PHONEPE, { salt_key: K }, request);
  t.is(signed.header('x-verify'), 'd7a8e4458caa6fcd781166bbdc85fec76740c18cb9baa9a4c48cf2387d554180###1');
  t.is(signed.body, undefined);
});

test('X-VERIFY of a grant token is as PhonePe publishes it', (t) => {
  const request = outbound({
    method: 'POST',
    target: '/v3/service/auth/access',
    headers: JSON_TYPE,
    body: Buffer.from(GRANT, 'base64'),
  });
  const signed = sign(
    PHONEPE,
    { salt_key: '6b451f58-d565-4890-836f-6fb1gjt84d97' },
    request,
    'https://apps-uat.phonepe.com',
  );
  t.is(signed.header('x-verify'), '5de0e70cf2b78f3923ca108e583e6a80fabe910efd1726570b3e5cb2040df7d2###1');
});

test('X-VERIFY of a GET covers the path alone', (t) => {
  const request = outbound({ target: '/apis/pg-sandbox/v3/service/userdetails?x=1' });
  const signed = sign(PHONEPE, { salt_key: K }, request);
  t.is(signed.header('x-verify'), 'ed62fc5ed97c1719102fd29537dccc87c26a6e3d908489f0751bb6c6fc38a82f###1');
  t.is(signed.target, '/apis/pg-sandbox/v3/service/userdetails?x=1');
});

const PAYU_HASH: ProfileParts = {
  credentials: { key: {}, salt: { secret: true } },
  inject: { form: { key: '{{credentials.key}}' } },
  sign: [
    signOf({
      when: { methods: ['POST'] },
      text: '{{credentials.key}}|{{request.form.command}}|{{request.form.var1}}|{{credentials.salt}}',
      algorithm: 'sha512',
      set: { form: 'hash', value: '{{signature}}' },
    }),
  ],
};

test("PayU's command hash is as in its SDK, and goes behind the caller's fields", (t) => {
  const request = outbound({
    method: 'POST',
    target: '/merchant/postservice.php?form=2',
    headers: FORM_TYPE,
    body: 'hash=stale&command=verify%5Fpayment&var1=12345',
  });
  const signed = sign(PAYU_HASH, { key: 'gtKFFx', salt: 'eCwWELxi' }, request, 'https://test.payu.in');
  const hash =
    'b7c06bc70031f3b0d5ce8e5b93ad0be857c3101296cbfd00b31230434629ad3d032488fd0cd6295ce9f374e884e08d035e8296a9842efa0b975c67cd3db6b180';
  t.is(text(signed.body), `command=verify%5Fpayment&var1=12345&key=gtKFFx&hash=${hash}`);
});

const PAYU_PAYMENT: ProfileParts = {
  credentials: { key: {}, salt: { secret: true } },
  inject: { form: { key: '{{credentials.key}}' } },
  sign: [
    signOf({
      text: [
        'key|txnid|amount|productinfo|firstname|email|udf1|udf2|udf3|udf4|udf5'
          .split('|')
          .map((name) => `{{request.form.${name}}}`)
          .join('|'),
        '|||||{{credentials.salt}}',
      ].join('|'),
      algorithm: 'sha512',
      set: { form: 'hash', value: '{{signature}}' },
    }),
  ],
};

test("PayU's payment hash is as published; fields that are not there count as empty", (t) => {
  const request = outbound({
    method: 'POST',
    target: '/_payment',
    headers: FORM_TYPE,
    body: 'txnid=12345&amount=10&productinfo=Shopping&firstname=Test&email=test%40test.com&udf2=abc&udf4=15',
  });
  const signed = sign(PAYU_PAYMENT, { key: 'C0Dr8m', salt: '3sf0jURk' }, request, 'https://test.payu.in');
  t.is(
    new URLSearchParams(text(signed.body)).get('hash'),
    'ffcdbf04fa5beefdcc2dd476c18bc410f02b3968e7f4f54e8f43f1e1a310bb32e3b4dec9305232bb89db5b1d0c009a53bcace6f4bd8ec2f695baf3d43ba730ce',
  );
});

test('PayU v2 signs the raw body and the date that is sent, also an empty body', (t) => {
  const parts: ProfileParts = {
    credentials: { key: {}, salt: { secret: true } },
    inject: { headers: { date: '{{now.http_date}}' } },
    sign: [
      signOf({
        text: '{{request.body}}|{{request.headers.date}}|{{credentials.salt}}',
        algorithm: 'sha512',
        set: {
          header: 'authorization',
          value: 'hmac username="{{credentials.key}}", algorithm="sha512", headers="date", signature="{{signature}}"',
        },
      }),
    ],
  };
  for (const body of ['', '{"n":1.0,"t":"₹"}']) {
    const date = 'Thu, 01 Jan 2026 00:00:00 GMT';
    const signed = sign(parts, { key: 'k', salt: 's' }, outbound({ method: body ? 'POST' : 'GET', body }));
    const digest = createHash('sha512').update(`${body}|${date}|s`).digest('hex');
    t.is(signed.header('date'), date);
    t.is(
      signed.header('authorization'),
      `hmac username="k", algorithm="sha512", headers="date", signature="${digest}"`,
    );
    t.is(signed.body, undefined);
  }
});

test('later signatures cover what earlier ones set', (t) => {
  const signed = sign(
    {
      credentials: { key: { secret: true } },
      sign: [
        signOf({
          text: '{{request.body}}',
          set: { header: 'Digest', value: 'SHA-256={{signature}}' },
          encode: 'base64',
        }),
        signOf({ text: '{{request.target}}', algorithm: 'md5', set: { query: 'sum', value: '{{signature}}' } }),
        signOf({
          text: '{{request.method}}\n{{request.target}}\n{{request.headers.digest}}',
          algorithm: 'hmac-sha256',
          key: '{{credentials.key}}',
          set: { header: 'x-signature', value: 'v1={{signature}}' },
        }),
      ],
    },
    { key: 'secret' },
    outbound({ method: 'POST', target: '/apis/pg-sandbox/a?b=1', body: 'raw' }),
  );
  const digest = `SHA-256=${createHash('sha256').update('raw').digest('base64')}`;
  const target = `/a?b=1&sum=${createHash('md5').update('/a?b=1').digest('hex')}`;
  const mac = createHmac('sha256', 'secret').update(`POST\n${target}\n${digest}`).digest('hex');
  t.is(signed.header('digest'), digest);
  t.is(signed.target, `/apis/pg-sandbox${target}`);
  t.is(signed.header('x-signature'), `v1=${mac}`);
});

for (const algorithm of ['sha256', 'sha512', 'sha1', 'md5', 'hmac-sha256', 'hmac-sha512'] as const) {
  test(`${algorithm}, in each encoding and case`, (t) => {
    const [, mac] = algorithm.split('hmac-');
    const digest = mac ? createHmac(mac, 'k').update('t₹') : createHash(algorithm).update('t₹');
    const bytes = digest.digest();
    for (const encode of ['hex', 'base64', 'base64url'] as const) {
      const entry = { text: 't₹', algorithm, key: mac && 'k', encode, set: { header: 's', value: '{{signature}}' } };
      t.is(sign({ sign: [signOf(entry)] }, {}, outbound()).header('s'), bytes.toString(encode));
    }
    const upper = signOf({
      text: 't₹',
      algorithm,
      key: mac && 'k',
      case: 'upper',
      set: { header: 's', value: '{{signature}}' },
    });
    t.is(sign({ sign: [upper] }, {}, outbound()).header('s'), bytes.toString('hex').toUpperCase());
  });
}

test('a digest as bytes can be a key', (t) => {
  const entry = signOf({
    text: '{{request.path}}',
    algorithm: 'hmac-sha256',
    key: '{{credentials.salt | sha256}}',
    set: { header: 's', value: '{{signature}}' },
  });
  const signed = sign({ credentials: { salt: {} }, sign: [entry] }, { salt: 'x' }, outbound({ target: '/p' }));
  const key = createHash('sha256').update('x').digest();
  t.is(signed.header('s'), createHmac('sha256', key).update('/p').digest('hex'));
});

test('a method that the profile does not sign is refused, and not sent unsigned', (t) => {
  const error = t.throws(() => sign(PHONEPE, { salt_key: K }, outbound({ method: 'OPTIONS' })));
  t.like(error, { code: 'method_not_allowed', status: 405, headers: ['Allow', 'POST, PUT, PATCH, GET, DELETE, HEAD'] });
});

test('a path that the profile does not sign is refused; a path is compared by segments', (t) => {
  const parts: ProfileParts = {
    sign: [signOf({ when: { path: '/v1/pay' }, text: 'x', set: { header: 's', value: '{{signature}}' } })],
  };
  for (const path of ['/v1/pay', '/v1/pay/', '/v1/pay/x', '/v1/pay?q']) {
    t.truthy(sign(parts, {}, outbound({ target: `/apis/pg-sandbox${path}` })).header('s'));
  }
  for (const path of ['/v1/payments', '/v1', '/V1/pay', '/x/v1/pay']) {
    t.throws(() => sign(parts, {}, outbound({ target: `/apis/pg-sandbox${path}` })), { message: /method_not_allowed/ });
  }
});

test('the path that is signed begins below the api endpoint, else below the upstream', (t) => {
  const parts: ProfileParts = { sign: [signOf({ text: 'x', set: { header: 's', value: '{{request.path}}' } })] };
  const path = (target: string, upstream: string, api: string): string | undefined => {
    const authorized = authorizerOf(parts, {}, upstream, api).authorize(outbound({ target })) as Authorized;
    return authorized.headers[1];
  };
  t.is(path('/apis/pg/v1/pay', 'https://a.example/apis/pg/v1', 'https://a.example/apis/pg'), '/v1/pay');
  t.is(path('/apis/pg/v1/pay', 'https://a.example/apis/pg/v1', 'https://A.example:443/apis/pg/'), '/v1/pay');
  t.is(path('/apis/pg/v1/pay', 'https://a.example/apis/pg/v1', 'https://b.example/apis/pg'), '/pay');
  t.is(path('/apis/pg/v1/pay', 'https://a.example/apis/pg', 'https://a.example/other'), '/v1/pay');
  t.is(path('/apis/pgx/v1', 'https://a.example/apis', 'https://a.example/apis/pg'), '/pgx/v1');
  t.is(path('/a%2Fb/c;d', 'https://a.example', 'https://a.example'), '/a%2Fb/c;d');
});

test('a body is asked for only where the method is signed over it', (t) => {
  const authorizer = authorizerOf(PHONEPE, { salt_key: K });
  t.true(authorizer.needsBody('POST', []));
  t.false(authorizer.needsBody('GET', []));
});

test('a GET with a body is signed as a GET, and its body goes as it came', (t) => {
  const signed = sign(
    PHONEPE,
    { salt_key: K },
    outbound({ target: '/apis/pg-sandbox/v3/service/userdetails', body: 'any' }),
  );
  t.is(signed.header('x-verify'), 'ed62fc5ed97c1719102fd29537dccc87c26a6e3d908489f0751bb6c6fc38a82f###1');
  t.is(signed.body, undefined);
});

for (const [what, headers, body, reason] of [
  ['a form', FORM_TYPE, 'a=1', /Content-Type/],
  ['no JSON', JSON_TYPE, '{"a"', /must be JSON/],
  ['an empty body', JSON_TYPE, '', /empty/],
  ['a byte order mark', JSON_TYPE, '\ufeff{}', /byte order mark/],
  ['broken UTF-8', JSON_TYPE, Buffer.from([0x22, 0xff, 0x22]), /UTF-8/],
  ['gzip', [...JSON_TYPE, 'Content-Encoding', 'gzip'], '{}', /compressed/],
  ['the wrapped field twice', JSON_TYPE, '{"request":"e30=","request":"e30="}', /twice/],
  ['text by its look', [], 'hello', /must be JSON/],
] as const) {
  test(`a POST that is wrapped must be JSON, not ${what}`, (t) => {
    const request = outbound({ method: 'POST', headers, body: body as string });
    t.like(
      t.throws(() => sign(PHONEPE, { salt_key: K }, request), { message: reason }),
      { code: 'bad_body' },
    );
  });
}

for (const body of [
  '{"request":"not base64"}',
  '{"request":"bm8gSlNPTg=="}',
  '{"request":"e"}',
  '{"request":"e30==="}',
  '{"request":"e3=0"}',
  '{"request":"W_+d"}',
  '{"request":""}',
  '{"request":1}',
  '{"request":{}}',
  '{"request":"e30=","more":1}',
  '{"Request":"e30="}',
  '{}',
  '[{"request":"e30="}]',
  '"e30="',
]) {
  test(`a body that only looks wrapped is wrapped: ${body}`, (t) => {
    const signed = sign(PHONEPE, { salt_key: K }, outbound({ method: 'POST', headers: JSON_TYPE, body }));
    t.is(text(signed.body), `{"request":"${Buffer.from(body).toString('base64')}"}`);
  });
}

for (const [what, base64] of Object.entries({
  'with a line break and no padding': 'eyJhIjox\nfQ',
  'in lines of MIME': 'eyJh\r\nIjox\r\nfQ==\r\n',
  'in the URL alphabet': Buffer.from('{"a":"???>>>"}').toString('base64url'),
  'without its padding': 'e30',
})) {
  test(`a body that is wrapped already stays, its base64 ${what}`, (t) => {
    const body = JSON.stringify({ request: base64 });
    const target = '/apis/pg-sandbox/v1/pay';
    const signed = sign(PHONEPE, { salt_key: K }, outbound({ method: 'POST', target, headers: JSON_TYPE, body }));
    t.is(signed.body, undefined);
    const digest = createHash('sha256').update(`${base64}/v1/pay${K}`).digest('hex');
    t.is(signed.header('x-verify')?.split('###')[0], digest);
  });
}

test('a wrapped body may spell its base64 with escapes: what is signed is what it means', (t) => {
  const base64 = Buffer.from('{"a":"???>>>"}').toString('base64');
  t.true(base64.includes('/'));
  const body = `{"request":"${base64.replaceAll('/', '\\/')}"}`;
  const signed = sign(
    PHONEPE,
    { salt_key: K },
    outbound({ method: 'POST', target: '/apis/pg-sandbox/p', headers: JSON_TYPE, body }),
  );
  t.is(signed.body, undefined);
  t.is(signed.header('x-verify'), `${createHash('sha256').update(`${base64}/p${K}`).digest('hex')}###1`);
});

test('a field that goes into a signature and was sent twice is refused', (t) => {
  const form = (body: string): Outbound => outbound({ method: 'POST', headers: FORM_TYPE, body });
  const values = { key: 'k', salt: 's' };
  for (const body of ['command=a&command=a', 'command=a&comm%61nd=b', 'var1&var1=']) {
    t.like(
      t.throws(() => sign(PAYU_HASH, values, form(body))),
      { code: 'bad_body' },
    );
  }
  t.notThrows(() => sign(PAYU_HASH, values, form('other=1&other=2&key=x&key=y&hash=1&hash=2')));
  const json = { sign: [signOf({ text: '{{request.json.a.b}}', set: { header: 's', value: '{{signature}}' } })] };
  for (const body of ['{"a":{"b":1},"a":{"b":1}}', '{"a":{"b":1,"\\u0062":1}}']) {
    t.like(
      t.throws(() => sign(json, {}, outbound({ method: 'POST', headers: JSON_TYPE, body }))),
      { code: 'bad_body' },
    );
  }
  const header = { sign: [signOf({ text: '{{request.headers.x-id}}', set: { header: 's', value: '{{signature}}' } })] };
  t.like(
    t.throws(() => sign(header, {}, outbound({ headers: ['X-Id', '1', 'x-id', '1'] }))),
    { code: 'bad_request' },
  );
});

test('a form field that is no UTF-8 does not go into a signature', (t) => {
  const request = outbound({ method: 'POST', headers: FORM_TYPE, body: 'command=%ff&var1=1' });
  t.like(
    t.throws(() => sign(PAYU_HASH, { key: 'k', salt: 's' }, request)),
    { code: 'bad_body' },
  );
});

test('a JSON field that a signature needs must be there, and be a scalar', (t) => {
  const parts = { sign: [signOf({ text: '{{request.json.a}}', set: { json: 'sig', value: '{{signature}}' } })] };
  const send = (body: string): Authorized => sign(parts, {}, outbound({ method: 'POST', headers: JSON_TYPE, body }));
  for (const body of ['{}', '{"b":1}', '{"a":{}}', '{"a":[1]}', '[]', '{"a":"\\ud800"}']) {
    t.like(
      t.throws(() => send(body)),
      { code: 'bad_body' },
    );
  }
  const sum = (value: string): string => createHash('sha256').update(value).digest('hex');
  t.is(text(send('{"a":1.10}').body), `{"a":1.10,"sig":"${sum('1.10')}"}`);
  t.is(
    text(send('{"a":12345678901234567890 }').body),
    `{"a":12345678901234567890,"sig":"${sum('12345678901234567890')}" }`,
  );
  t.is(text(send('{"a":"\\u20b9"}').body), `{"a":"\\u20b9","sig":"${sum('₹')}"}`);
  t.is(text(send('{"sig":null,"a":true}').body), `{"sig":"${sum('true')}","a":true}`);
});

test('a signature is new for each attempt, and the pair of salt and index is never mixed', (t) => {
  const credentials = credentialsOf({ salt_key: 'one', salt_index: '1' });
  const { auth } = benchOf(providerOf(profileOf(PHONEPE), credentials));
  const authorizer = auth.forUpstream(API);
  const verify = (): string | undefined => (authorizer.authorize(outbound({ target: '/p' })) as Authorized).headers[1];
  const sum = (salt: string): string => createHash('sha256').update(`/p${salt}`).digest('hex');
  t.is(verify(), `${sum('one')}###1`);
  credentials.set({ salt_key: 'two', salt_index: '2' });
  t.is(verify(), `${sum('two')}###2`);
});

test('explain shows the string that is signed, the salt by its name, and where the digest goes', (t) => {
  const body = '{"grantToken":"GRT1"}';
  const request = outbound({
    method: 'POST',
    target: '/apis/pg-sandbox/v3/service/auth/access',
    headers: JSON_TYPE,
    body,
  });
  const { signatures } = authorizerOf(PHONEPE, { salt_key: K }).explain(request);
  const wrapped = Buffer.from(body).toString('base64');
  const digest = createHash('sha256').update(`${wrapped}/v3/service/auth/access${K}`).digest('hex');
  t.deepEqual(signatures, [
    {
      text: `${wrapped}/v3/service/auth/access<salt_key>`,
      algorithm: 'sha256',
      key: undefined,
      digest,
      place: 'header x-verify',
      value: `${digest}###1`,
      coversToken: false,
    },
  ]);
});

test('explain shows the same digest as is sent where a secret was put into the signed body, but not the secret', (t) => {
  const parts: ProfileParts = {
    credentials: { pin: { secret: true }, salt: { secret: true } },
    inject: { form: { pin: '{{credentials.pin}}' } },
    sign: [signOf({ text: '{{request.body}}{{credentials.salt}}', set: { form: 'hash', value: '{{signature}}' } })],
  };
  const values = { pin: 'p1n-value', salt: 's4lt-value' };
  const request = outbound({ method: 'POST', headers: FORM_TYPE, body: 'a=₹' });
  const explanation = authorizerOf(parts, values).explain(request);
  const sent = new URLSearchParams(text(sign(parts, values, request).body)).get('hash');
  t.is(explanation.signatures[0]?.value, sent as string);
  t.is(explanation.signatures[0]?.text, 'a=₹&pin=%3Cpin%3E<salt>');
  t.deepEqual(explanation.form, [{ name: 'pin', value: '<pin>' }]);
  t.notRegex(JSON.stringify(explanation), /p1n|s4lt/);
});

const salt = fc.string({ minLength: 1, unit: 'grapheme' });
const path = fc
  .array(fc.string({ minLength: 1, unit: fc.constantFrom('a', 'Z', '0', '%2F', '%7e', '~', ';', '=', ':', '@', '+') }))
  .map((segments) => `/${segments.join('/')}`);

test('property: a strict upstream verifies X-VERIFY for any JSON, path and salt', (t) => {
  fc.assert(
    fc.property(fc.json({ stringUnit: 'grapheme' }), path, salt, (body, below, key) => {
      const request = outbound({ method: 'POST', target: `/apis/pg-sandbox${below}?q=1`, headers: JSON_TYPE, body });
      const signed = sign(PHONEPE, { salt_key: key }, request);
      const received = JSON.parse(text(signed.body) || body) as { request: string };
      const expected = createHash('sha256')
        .update(received.request + below + key)
        .digest('hex');
      t.is(signed.header('x-verify'), `${expected}###1`);
      t.is(Buffer.from(received.request, 'base64').toString(), body);
    }),
  );
  t.pass();
});

test('property: a strict upstream verifies the hash of any form, and the other fields are as sent', (t) => {
  const field = fc.tuple(
    fc.constantFrom('x', 'y', 'cmd', 'a%20b', 'z+'),
    fc.string({ unit: 'grapheme' }).map(encodeURIComponent),
  );
  const word = fc.string({ unit: 'grapheme' });
  fc.assert(
    fc.property(fc.array(field), word, word, salt, fc.nat(10), (fields, command, var1, key, at) => {
      const own = fields.map(([name, value]) => `${name}=${value}`);
      const signedFields = [`command=${encodeURIComponent(command)}`, `var1=${encodeURIComponent(var1)}`];
      const pieces = own.toSpliced(Math.min(at, own.length), 0, ...signedFields);
      const request = outbound({ method: 'POST', headers: FORM_TYPE, body: pieces.join('&') });
      const body = text(sign(PAYU_HASH, { key: 'k', salt: key }, request).body);
      const received = new URLSearchParams(body);
      const expected = createHash('sha512')
        .update(['k', received.get('command'), received.get('var1'), key].join('|'))
        .digest('hex');
      t.is(received.get('hash'), expected);
      t.true(body.startsWith(`${pieces.join('&')}&key=k&hash=`));
    }),
  );
  t.pass();
});

test('property: a signature over raw bytes verifies for any bytes', (t) => {
  const entry = signOf({
    text: '{{request.body}}|{{credentials.salt}}',
    algorithm: 'hmac-sha512',
    key: '{{credentials.salt}}',
    encode: 'base64',
    set: { header: 's', value: '{{signature}}' },
  });
  fc.assert(
    fc.property(fc.uint8Array(), salt, (bytes, key) => {
      const parts: ProfileParts = { credentials: { salt: { secret: true } }, sign: [entry] };
      const signed = sign(parts, { salt: key }, outbound({ method: 'POST', body: bytes }));
      const expected = createHmac('sha512', key).update(bytes).update(`|${key}`).digest('base64');
      t.is(signed.header('s'), expected);
    }),
  );
  t.pass();
});
