import { createHash, createHmac } from 'node:crypto';
import test from 'ava';
import type { Explanation } from '../../src/auth/authorizer.ts';
import {
  benchOf,
  callOf,
  credentialsOf,
  outbound,
  profileOf,
  type ProfileParts,
  providerOf,
  signOf,
} from './helpers.ts';
import { FORM, OAUTH, tokenOf } from './token/flow.ts';

function explain(parts: ProfileParts, request = outbound(), scope: readonly string[] = []): Explanation {
  const credentials = credentialsOf({ client_id: 'me', client_secret: 's3cret', username: 'u', password: 'p4ss' });
  const endpoints = { token: 'https://id.example/token', api: 'https://api.example' };
  const { auth } = benchOf(providerOf(profileOf(parts), credentials, { endpoints, scope }));
  return auth.forUpstream('https://api.example').explain(request);
}

test('explain shows what would be added, and the token call, with secrets as their names', (t) => {
  const parts = {
    ...OAUTH,
    token: tokenOf({
      fetch: callOf({ form: { ...FORM, scope: '{{scope}}' }, headers: { accept: 'application/json' } }),
    }),
  };
  t.deepEqual(explain(parts, outbound(), ['read', 'write']), {
    headers: [{ name: 'authorization', value: 'Bearer <access_token>' }],
    query: [],
    form: [],
    json: [],
    body: undefined,
    signatures: [],
    jwts: [],
    program: undefined,
    token: {
      method: 'POST',
      url: 'https://id.example/token',
      fields: [
        { name: 'accept', value: 'application/json' },
        { name: 'client_id', value: 'me' },
        { name: 'client_secret', value: '<client_secret>' },
        { name: 'grant_type', value: 'client_credentials' },
        { name: 'scope', value: 'read write' },
      ],
      body: undefined,
      signatures: [],
    },
  });
});

test('a token type that only the answer tells is shown by its name', (t) => {
  const parts = {
    ...OAUTH,
    token: tokenOf({ read: { ...tokenOf().read, tokenType: { pointer: '/t', default: undefined } } }),
  };
  t.deepEqual(explain(parts).headers, [{ name: 'authorization', value: '<token_type> <access_token>' }]);
});

test('an encoded secret stays a secret', (t) => {
  const parts: ProfileParts = {
    credentials: { username: {}, password: { secret: true } },
    values: { pair: '{{credentials.username}}:{{credentials.password}}' },
    inject: {
      headers: { authorization: 'Basic {{values.pair | base64}}', digest: '{{credentials.password | sha256 | hex}}' },
    },
  };
  const { headers } = explain(parts);
  t.deepEqual(headers, [
    { name: 'authorization', value: 'Basic base64(u:<password>)' },
    { name: 'digest', value: 'hex(sha256(<password>))' },
  ]);
});

test('a credential whose default is made of a secret is a secret', (t) => {
  const parts: ProfileParts = {
    credentials: {
      password: { secret: true },
      copy: { default: 'x-{{credentials.password}}' },
      third: { default: '{{credentials.copy}}' },
    },
    inject: { query: { a: '{{credentials.copy}}', b: '{{credentials.third}}' } },
  };
  t.deepEqual(explain(parts).query, [
    { name: 'a', value: '<copy>' },
    { name: 'b', value: '<third>' },
  ]);
});

test('each place has its list, and a body that is not there gets no fields', (t) => {
  const inject = { query: { q: '1' }, form: { f: '2' }, headers: { h: '3' } };
  const headers = ['content-type', 'application/x-www-form-urlencoded'];
  const post = explain({ inject }, outbound({ method: 'POST', headers, body: 'a=1' }));
  t.like(post, {
    query: [{ name: 'q', value: '1' }],
    form: [{ name: 'f', value: '2' }],
    headers: [{ name: 'h', value: '3' }],
  });
  t.deepEqual(explain({ inject }).form, []);
  const json = explain({ inject: { json: { j: '₹' } } }, outbound({ method: 'POST', body: '{}' }));
  t.deepEqual(json.json, [{ name: 'j', value: '₹' }]);
  t.is(json.token, undefined);
});

test('explain refuses what authorizing would refuse', (t) => {
  t.throws(() => explain({ inject: { json: { j: '1' } } }, outbound({ method: 'POST', body: 'x' })), {
    message: /bad_body/,
  });
});

const SECRETS = { client_id: {}, client_secret: { secret: true }, password: { secret: true } };
const HEADER = { header: 's', value: 'v1={{signature}}' };
const FORM_TYPE = ['content-type', 'application/x-www-form-urlencoded'];
const hidden = /s3cret|p4ss/;

test('a digest is shown beside the value that it goes into, and the key of an HMAC by its name', (t) => {
  const sign = [
    signOf({ text: '{{request.path}}{{credentials.password}}', set: HEADER }),
    signOf({
      text: 'x',
      algorithm: 'hmac-sha256',
      key: 'K1{{credentials.client_secret | sha256}}',
      encode: 'base64',
      set: { query: 's', value: '{{signature}}' },
    }),
  ];
  const { signatures } = explain({ credentials: SECRETS, sign }, outbound({ target: '/p' }));
  const digest = createHash('sha256').update('/pp4ss').digest('hex');
  const key = Buffer.concat([Buffer.from('K1'), createHash('sha256').update('s3cret').digest()]);
  const mac = createHmac('sha256', key).update('x').digest('base64');
  t.deepEqual(signatures, [
    {
      text: '/p<password>',
      algorithm: 'sha256',
      key: undefined,
      digest,
      place: 'header s',
      value: `v1=${digest}`,
      coversToken: false,
    },
    {
      text: 'x',
      algorithm: 'hmac-sha256',
      key: 'K1sha256(<client_secret>)',
      digest: mac,
      place: 'query s',
      value: mac,
      coversToken: false,
    },
  ]);
});

test('a key is not shown, even where nothing says that it is a secret', (t) => {
  for (const [key, name] of [
    ['{{credentials.client_id}}', '<client_id>'],
    ['{{values.k}}', '<client_id>'],
    ['in-the-profile', '<a fixed text>'],
  ] as const) {
    const values = { k: 'k-{{credentials.client_id}}' };
    const sign = [signOf({ text: 'x', algorithm: 'hmac-sha512', key, set: HEADER })];
    t.is(explain({ credentials: SECRETS, values, sign }).signatures[0]?.key, name);
  }
});

test('a changed body is shown as it is sent, secrets as their names, and the type that it gets', (t) => {
  const inject = { form: { id: '{{credentials.client_id}}', pin: '{{credentials.password}}' } };
  const sign = [signOf({ text: '{{request.body}}', algorithm: 'md5', set: { form: 'h', value: '{{signature}}' } })];
  const digest = createHash('md5').update('a=%7e&id=me&pin=p4ss').digest('hex');
  const found = explain({ credentials: SECRETS, inject, sign }, outbound({ method: 'POST', body: 'a=%7e&pin=x' }));
  t.is(found.body, `a=%7e&id=me&pin=%3Cpassword%3E&h=${digest}`);
  t.deepEqual(found.headers, [{ name: 'content-type', value: 'application/x-www-form-urlencoded' }]);
  t.notRegex(JSON.stringify(found), hidden);
});

test('a body that goes as it came is not shown, nor is a type that came with it or that the profile sets', (t) => {
  const sign = [signOf({ text: '{{request.body}}', set: HEADER })];
  t.is(explain({ sign }, outbound({ method: 'POST', body: '{}' })).body, undefined);
  const inject = { form: { a: '1' } };
  t.deepEqual(explain({ inject }, outbound({ method: 'POST', headers: FORM_TYPE, body: 'b' })).headers, []);
  const headers = { 'Content-Type': FORM_TYPE[1] as string };
  t.deepEqual(
    explain({ inject: { ...inject, headers } }, outbound({ method: 'POST', headers: [], body: 'b' })).headers,
    [{ name: 'Content-Type', value: FORM_TYPE[1] }],
  );
});

test('a wrapped body is shown wrapped; where a secret is in it, with what is wrapped', (t) => {
  const entry = {
    body: { wrap: 'base64', field: 'r' },
    text: '{{request.json.r}}|{{request.body}}',
    set: HEADER,
  } as const;
  const request = outbound({ method: 'POST', body: '{"a":1}' });
  const plain = explain({ sign: [signOf(entry), signOf(entry)] }, request);
  t.is(plain.body, '{"r":"eyJhIjoxfQ=="}');
  const inject = { json: { pin: '{{credentials.password}}' } };
  const found = explain({ credentials: SECRETS, inject, sign: [signOf(entry), signOf(entry)] }, request);
  const body = '{"r":"base64({\\"a\\":1,\\"pin\\":\\"<password>\\"})"}';
  t.is(found.body, body);
  const sent = Buffer.from('{"a":1,"pin":"p4ss"}').toString('base64');
  const digest = createHash('sha256').update(`${sent}|{"r":"${sent}"}`).digest('hex');
  for (const signature of found.signatures) {
    t.like(signature, { text: `base64({"a":1,"pin":"<password>"})|${body}`, digest });
  }
  t.notRegex(JSON.stringify(found), hidden);
});

test('a signature that covers the token is marked, also when it covers only what was made of it', (t) => {
  const digested = signOf({ text: '{{token.access_token | sha256}}', set: { header: 'd', value: '{{signature}}' } });
  const sign = [
    signOf({ text: '{{request.path}}{{token.token_type}}', set: HEADER }),
    digested,
    signOf({ text: '{{request.headers.d}}', set: HEADER }),
    signOf({ text: '{{request.headers.authorization}}', set: HEADER }),
    signOf({ text: 'x', algorithm: 'hmac-sha256', key: '{{token.access_token}}', set: HEADER }),
    signOf({ text: '{{request.headers.x}}', set: HEADER }),
  ];
  const covers = (parts: ProfileParts): (boolean | undefined)[] =>
    explain({ ...OAUTH, ...parts }).signatures.map(({ coversToken }) => coversToken);
  t.deepEqual(covers({ sign }), [false, true, true, true, true, false]);
  const read = { ...tokenOf().read, tokenType: { pointer: '/t', default: undefined } };
  t.deepEqual(covers({ sign: sign.slice(0, 1), token: tokenOf({ read }) }), [true]);
});

test("the token call's own signatures are shown, with its body and every header", (t) => {
  const fetch = callOf({
    url: '{{endpoints.api}}/v3/access?k={{credentials.password}}',
    headers: { authorization: 'x {{credentials.password}}' },
    json: { id: '{{credentials.client_id}}', secret: '{{credentials.client_secret}}' },
    sign: [
      signOf({
        body: { wrap: 'base64', field: 'request' },
        text: '{{request.json.request}}{{request.target}}{{request.headers.authorization}}{{credentials.client_secret}}',
        set: { header: 'x-verify', value: '{{signature}}###1' },
      }),
      signOf({ when: { methods: ['GET'] }, text: 'not this one', set: HEADER }),
      signOf({ text: '{{request.body}}', algorithm: 'md5', set: { query: 'sum', value: '{{signature}}' } }),
    ],
  });
  const { token } = explain({ ...OAUTH, credentials: SECRETS, token: tokenOf({ fetch }) });
  const wrapped = Buffer.from('{"id":"me","secret":"s3cret"}').toString('base64');
  const target = '/v3/access?k=p4ss';
  const digest = createHash('sha256').update(`${wrapped}${target}x p4sss3cret`).digest('hex');
  const sum = createHash('md5').update(`{"request":"${wrapped}"}`).digest('hex');
  t.is(token?.body, '{"request":"base64({\\"id\\":\\"me\\",\\"secret\\":\\"<client_secret>\\"})"}');
  t.is(token?.signatures.length, 2);
  t.like(token?.signatures[0], {
    text: 'base64({"id":"me","secret":"<client_secret>"})/v3/access?k=<password>x <password><client_secret>',
    digest,
    place: 'header x-verify',
    value: `${digest}###1`,
  });
  t.like(token?.signatures[1], { text: token?.body, digest: sum, place: 'query sum' });
  t.deepEqual(token?.fields.slice(-2), [
    { name: 'x-verify', value: `${digest}###1` },
    { name: 'sum', value: sum },
  ]);
  t.notRegex(JSON.stringify(token), hidden);
});

test('a form and Basic in a signed token call are seen by their names', (t) => {
  const fetch = callOf({
    form: { ...FORM, empty: '' },
    auth: { basic: ['{{credentials.client_id}}', '{{credentials.password}}'] },
    query: { q: '{{credentials.password}}' },
    sign: [signOf({ text: '{{request.body}} {{request.query}} {{request.headers.authorization}}', set: HEADER })],
  });
  const { token } = explain({ ...OAUTH, credentials: SECRETS, token: tokenOf({ fetch }) });
  const basic = Buffer.from('me:<password>').toString('base64');
  const form = 'client_id=me&client_secret=%3Cclient_secret%3E&grant_type=client_credentials';
  t.is(token?.signatures[0]?.text, `${form} q=%3Cpassword%3E Basic ${basic}`);
  t.is(token?.body, undefined);
  t.notRegex(JSON.stringify(token), hidden);
  t.false(JSON.stringify(token).includes(Buffer.from('me:p4ss').toString('base64')));
});

test('a token call that its profile leaves unsigned is told, as it would be when it is made', (t) => {
  const sign = [signOf({ when: { methods: ['PUT'] }, text: 'x', set: HEADER })];
  t.throws(() => explain({ ...OAUTH, token: tokenOf({ fetch: callOf({ sign }) }) }), { message: /token_unavailable/ });
});
