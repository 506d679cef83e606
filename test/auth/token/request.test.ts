import { createHash } from 'node:crypto';
import test from 'ava';
import type { TokenCallSpec } from '../../../src/config/profile/profile.ts';
import { EMPTY_REQUEST } from '../../../src/auth/draft.ts';
import { Scope } from '../../../src/auth/scope.ts';
import { createCompiler } from '../../../src/auth/template.ts';
import { fromUnicode } from '../../../src/core/byte-string.ts';
import {
  type BuiltTokenCall,
  buildTokenCall,
  compileTokenCall,
  listTokenFields,
} from '../../../src/auth/token/call.ts';
import { VERSION } from '../../../src/core/version.ts';
import { callOf, signOf, text } from '../helpers.ts';

const compile = createCompiler({
  endpoints: { token: 'https://id.example:8443/oauth/token', api: 'https://id.example:8443/oauth' },
  scope: 'read_links create_links',
  values: {},
  secretNames: new Set(['credentials.secret']),
});

const AGENT = ['user-agent', `outrider/${VERSION}`];

const scopeOf = (): Scope =>
  new Scope({
    credentials: new Map([
      ['id', 'my id'],
      ['secret', fromUnicode('s&cr=t+ü~*')],
      ['empty', ''],
    ]),
    token: { accessToken: 'OLD', tokenType: 'Bearer', refreshToken: 'REFRESH' },
    subject: 'GRT',
    request: EMPTY_REQUEST,
    now: () => Date.UTC(2026, 0, 1),
  });

const build = (parts: Partial<TokenCallSpec>): BuiltTokenCall =>
  buildTokenCall(compileTokenCall(callOf(parts), compile), scopeOf(), 'https://id.example:8443/oauth');

test('a form goes out byte for byte as the profile orders it, and says what it is', (t) => {
  const call = build({
    headers: { Accept: 'application/json' },
    form: {
      client_id: '{{credentials.id}}',
      client_secret: '{{credentials.secret}}',
      grant_type: 'client_credentials',
      scope: '{{scope}}',
    },
  });
  t.is(call.method, 'POST');
  t.is(call.url, 'https://id.example:8443/oauth/token');
  t.deepEqual(call.headers, [
    'Accept',
    'application/json',
    'content-type',
    'application/x-www-form-urlencoded',
    ...AGENT,
  ]);
  t.is(
    text(call.body),
    'client_id=my+id&client_secret=s%26cr%3Dt%2B%C3%BC%7E*&grant_type=client_credentials&scope=read_links+create_links',
  );
});

test('fields that render empty are left out, wherever they are', (t) => {
  const empty = '{{credentials.empty}}';
  const form = build({ headers: { 'X-Empty': empty }, query: { q: empty, r: '1' }, form: { a: empty, b: '' } });
  t.is(form.url, 'https://id.example:8443/oauth/token?r=1');
  t.deepEqual(form.headers, ['content-type', 'application/x-www-form-urlencoded', ...AGENT]);
  t.is(text(form.body), '');
  const json = build({ json: { a: empty, b: { c: empty, d: 0, e: null, f: false }, g: [empty, 'x'] } });
  t.is(text(json.body), '{"b":{"d":0,"e":null,"f":false},"g":["","x"]}');
});

test('JSON keeps its nesting, its types and its texts', (t) => {
  const call = build({
    json: { id: '{{credentials.id}}', deep: [{ secret: '{{credentials.secret}}' }], n: 1.5, t: true },
  });
  t.is(text(call.body), '{"id":"my id","deep":[{"secret":"s&cr=t+ü~*"}],"n":1.5,"t":true}');
  t.deepEqual(call.headers, ['content-type', 'application/json', ...AGENT]);
});

test("the profile's own Content-Type stays", (t) => {
  t.deepEqual(build({ headers: { 'Content-Type': 'application/json; charset=utf-8' }, json: {} }).headers, [
    'Content-Type',
    'application/json; charset=utf-8',
    ...AGENT,
  ]);
});

test('a GET with basic credentials and its grant type in the query has no body (M-Pesa)', (t) => {
  const call = build({
    url: '{{endpoints.token}}?v=1',
    method: 'GET',
    query: { grant_type: 'client credentials' },
    auth: { basic: ['{{credentials.id}}', '{{credentials.secret}}'] },
  });
  t.is(call.url, 'https://id.example:8443/oauth/token?v=1&grant_type=client%20credentials');
  t.deepEqual(call.headers, ['authorization', `Basic ${Buffer.from('my id:s&cr=t+ü~*').toString('base64')}`, ...AGENT]);
  t.is(call.body, null);
});

test('a refresh may send the old token and the refresh token', (t) => {
  const call = build({ form: { token: '{{token.access_token}}', refresh_token: '{{token.refresh_token}}' } });
  t.is(text(call.body), 'token=OLD&refresh_token=REFRESH');
});

test('a signature of a token call covers the call itself, as it is sent', (t) => {
  const call = build({
    headers: { 'X-Date': '{{now.http_date}}' },
    json: { grantToken: '{{token.subject}}' },
    sign: [
      signOf({
        when: { methods: ['POST'] },
        body: { wrap: 'base64', field: 'request' },
        text: '{{request.json.request}}{{request.path}}{{request.headers.x-date}}{{credentials.secret}}',
        set: { header: 'X-VERIFY', value: '{{signature}}###1' },
      }),
    ],
  });
  const wrapped = Buffer.from('{"grantToken":"GRT"}').toString('base64');
  t.is(text(call.body), `{"request":"${wrapped}"}`);
  const signed = `${wrapped}/tokenThu, 01 Jan 2026 00:00:00 GMTs&cr=t+ü~*`;
  t.deepEqual(call.headers.slice(-2), ['X-VERIFY', `${createHash('sha256').update(signed).digest('hex')}###1`]);
});

test('a token call that no signature fits is not sent unsigned', (t) => {
  const sign = [signOf({ when: { methods: ['PUT'] }, text: 'x', set: { header: 's', value: '{{signature}}' } })];
  t.throws(() => build({ sign }), { message: /No signature/ });
});

test('a header of a token call holds nothing that a header can not hold', (t) => {
  t.throws(() => build({ headers: { a: 'x\r\ny' } }), { message: /no header can hold/ });
});

test('the fields can be listed with the secrets as their names', (t) => {
  const call = compileTokenCall(
    callOf({
      query: { q: '1' },
      headers: { accept: 'application/json' },
      auth: { basic: ['{{credentials.id}}', '{{credentials.secret}}'] },
      json: { a: { secret: '{{credentials.secret}}' }, b: [1] },
    }),
    compile,
  );
  const scope = scopeOf();
  t.deepEqual(
    listTokenFields(call, (template) => template.mask(scope).text),
    [
      { name: 'q', value: '1' },
      { name: 'accept', value: 'application/json' },
      { name: 'authorization', value: 'Basic base64(my id:<secret>)' },
      { name: 'a.secret', value: '<secret>' },
      { name: 'b.0', value: '1' },
    ],
  );
});

test('the call says who sends it, unless the profile does, in any case', (t) => {
  t.deepEqual(build({}).headers, AGENT);
  t.deepEqual(build({ headers: { 'USER-agent': 'shop/1' } }).headers, ['USER-agent', 'shop/1']);
  t.deepEqual(
    build({ headers: { 'User-Agent': '{{credentials.empty}}' } }).headers,
    AGENT,
    'what renders empty is none',
  );
  const sign = [signOf({ text: '{{request.headers.user-agent}}', set: { header: 's', value: '{{signature}}' } })];
  const digest = createHash('sha256').update(`outrider/${VERSION}`).digest('hex');
  t.deepEqual(build({ sign }).headers, [...AGENT, 's', digest], 'a signature of the call sees it');
});

test('a list repeats its name in that order, and an empty one is left out', (t) => {
  const list = ['b c', '{{credentials.empty}}', '{{credentials.id}}', 'b c'];
  const form = build({ form: { a: '1', resource: list, z: [] } });
  t.is(text(form.body), 'a=1&resource=b+c&resource=my+id&resource=b+c');
  t.is(
    build({ query: { resource: list, z: '2' } }).url,
    'https://id.example:8443/oauth/token?resource=b%20c&resource=my%20id&resource=b%20c&z=2',
  );
});

test('a list takes the place of what the URL has under its name, however that is spelled, and of nothing else', (t) => {
  const url = '{{endpoints.token}}?a=0&%61=1&b=2&c&a';
  t.is(build({ url, query: { a: ['3', '4'] } }).url, 'https://id.example:8443/oauth/token?b=2&c&a=3&a=4');
  t.is(
    build({ url, query: { a: ['{{credentials.empty}}'] } }).url,
    'https://id.example:8443/oauth/token?a=0&%61=1&b=2&c&a',
  );
});

test('each value of a list is listed, secrets as their names, and covered by a signature of the query', (t) => {
  const parts = { query: { k: ['1', '{{credentials.secret}}'] } };
  t.deepEqual(
    listTokenFields(compileTokenCall(callOf(parts), compile), (template) => template.mask(scopeOf()).text),
    [
      { name: 'k', value: '1' },
      { name: 'k', value: '<secret>' },
    ],
  );
  const sign = [signOf({ text: '{{request.query}}', set: { header: 's', value: '{{signature}}' } })];
  const query = 'k=1&k=2';
  const digest = createHash('sha256').update(query).digest('hex');
  const call = build({ query: { k: ['1', '2'] }, sign });
  t.is(call.headers.at(-1), digest);
  t.true(call.url.endsWith(`?${query}`));
});
