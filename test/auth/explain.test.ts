import test from 'ava';
import type { Explanation } from '../../src/auth/authorizer.ts';
import { benchOf, callOf, credentialsOf, outbound, profileOf, type ProfileParts, providerOf } from './helpers.ts';
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
    signatures: [],
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
