import test from 'ava';
import type { Profile } from '../../src/config/profile/profile.ts';
import { Profiles } from '../../src/config/profile/profiles.ts';
import { builtInProfiles } from '../../src/config/shipped.ts';
import { Problems } from '../../src/config/diagnostics/problems.ts';
import { Source } from '../../src/config/yaml/tree.ts';
import { parse, problems } from './helpers.ts';

const ROUTE = 'routes: [{ match: { path: /p }, upstream: "http://h" }]\n';

function builtIn(name: string): Profile {
  const found = new Problems(new Source('none', ''));
  const profile = new Profiles(undefined, found).get(name)?.profile;
  if (profile === undefined) throw new Error(JSON.stringify(found.all([])));
  return profile;
}

/** The profile `mine` of these lines, with a provider that uses it in its environment, if any. */
function own(lines: string, provider = ''): Profile {
  const text = `profiles:\n  mine:\n${lines.replaceAll(/^/gm, '    ')}\nproviders:\n  p: { profile: mine, ${provider} }\n${ROUTE}`;
  const { config, diagnostics } = parse(text);
  if (config === undefined) throw new Error(JSON.stringify(diagnostics, null, 1));
  return config.providers.get('p')?.profile as Profile;
}

const wrong = (lines: string): string[] =>
  problems(parse(`profiles:\n  mine:\n${lines.replaceAll(/^/gm, '    ')}\n${ROUTE}`));

test('every built-in profile is sound', (t) => {
  for (const name of builtInProfiles()) t.is(builtIn(name).name, name);
});

/** The table "Names: environments and credentials" of the provider facts; secret ones end in `!`. */
const TABLE: Readonly<Record<string, readonly [environments: string, credentials: string]>> = {
  phonepe: [
    'production sandbox simulator',
    'client_id client_secret! client_version webhook_password! webhook_username',
  ],
  pincode: ['production simulator staging', 'client_id client_secret!'],
  'payu-payment-links': ['production simulator test', 'client_id client_secret! merchant_id'],
  'payu-partner': ['production simulator test', 'client_id client_secret!'],
  'payu-bbps': ['production simulator test', 'client_id client_secret! grant_type'],
  'phonepe-x-verify': ['production sandbox simulator', 'client_id merchant_id salt_index salt_key!'],
  'phonepe-user': ['production sandbox simulator', 'client_id merchant_id salt_index salt_key!'],
  'payu-hash': ['production simulator test', 'key salt!'],
  'payu-payment': ['production simulator test', 'key salt!'],
  'payu-v2': ['production simulator test', 'key salt!'],
  oauth2: ['', 'client_id client_secret!'],
  aws: ['', 'access_key_id region secret_access_key! service session_token!'],
  'message-signature': ['', 'key_id private_key!'],
  oauth1: ['', 'consumer_key consumer_secret! token! token_secret!'],
  'oauth2-jwt': ['', 'audience client_id key_id key_password! private_key!'],
  'jwt-bearer': ['', 'audience issuer key_id key_password! private_key! subject'],
  'github-app': ['production', 'app_id installation_id private_key!'],
  'token-exchange': [
    '',
    'actor_token! actor_token_type audience client_id client_secret! requested_token_type resource subject_token! subject_token_type',
  ],
  bearer: ['', 'token!'],
  basic: ['', 'password! username!'],
  header: ['', 'name value!'],
  'query-key': ['', 'name value!'],
};

test('the built-in profiles have the environments and credentials of the specification', (t) => {
  t.deepEqual(builtInProfiles(), Object.keys(TABLE).toSorted());
  for (const [name, [environments, credentials]] of Object.entries(TABLE)) {
    const profile = builtIn(name);
    t.is(Object.keys(profile.environments).toSorted().join(' '), environments, name);
    const names = Object.entries(profile.credentials).map(([key, { secret }]) => `${key}${secret ? '!' : ''}`);
    t.is(names.toSorted().join(' '), credentials, name);
  }
});

const ENDPOINTS: readonly [profile: string, environment: string, endpoint: string, url: string][] = [
  ['phonepe', 'sandbox', 'token', 'https://api-preprod.phonepe.com/apis/pg-sandbox/v1/oauth/token'],
  ['phonepe', 'sandbox', 'api', 'https://api-preprod.phonepe.com/apis/pg-sandbox'],
  ['phonepe', 'production', 'token', 'https://api.phonepe.com/apis/identity-manager/v1/oauth/token'],
  ['phonepe', 'production', 'api', 'https://api.phonepe.com/apis/pg'],
  ['pincode', 'staging', 'token', 'https://stg-identitymanager.phonepe.com/olympus/im/v1/oauth/token'],
  ['pincode', 'production', 'token', 'https://identitymanager.phonepe.com/olympus/im/v1/oauth/token'],
  ['payu-payment-links', 'test', 'token', 'https://uat-accounts.payu.in/oauth/token'],
  ['payu-payment-links', 'test', 'api', 'https://uatoneapi.payu.in'],
  ['payu-payment-links', 'production', 'token', 'https://accounts.payu.in/oauth/token'],
  ['payu-payment-links', 'production', 'api', 'https://oneapi.payu.in'],
  ['payu-partner', 'test', 'api', 'https://uat-partner.payu.in'],
  ['payu-partner', 'production', 'api', 'https://partner.payu.in'],
  ['payu-bbps', 'test', 'api', 'https://bbps-sb.payu.in'],
  ['phonepe-x-verify', 'sandbox', 'api', 'https://api-preprod.phonepe.com/apis/pg-sandbox'],
  ['phonepe-x-verify', 'production', 'api', 'https://api.phonepe.com/apis/hermes'],
  ['phonepe-user', 'sandbox', 'token', 'https://apps-uat.phonepe.com/v3/service/auth/access'],
  ['phonepe-user', 'sandbox', 'api', 'https://apps-uat.phonepe.com'],
  ['payu-hash', 'test', 'api', 'https://test.payu.in'],
  ['payu-hash', 'production', 'api', 'https://info.payu.in'],
  ['payu-payment', 'test', 'api', 'https://test.payu.in'],
  ['payu-payment', 'production', 'api', 'https://secure.payu.in'],
  ['payu-v2', 'test', 'api', 'https://apitest.payu.in'],
  ['payu-v2', 'production', 'api', 'https://api.payu.in'],
];

test('the built-in profiles know the addresses of the specification, and no others', (t) => {
  for (const [name, environment, endpoint, url] of ENDPOINTS) {
    t.is(builtIn(name).environments[environment]?.[endpoint], url, `${name} ${environment} ${endpoint}`);
  }
  // These come by mail.
  t.is(builtIn('pincode').environments['staging']?.['api'], undefined);
  t.is(builtIn('pincode').environments['production']?.['api'], undefined);
  t.is(builtIn('payu-bbps').environments['production']?.['api'], undefined);
  t.deepEqual(builtIn('phonepe-user').environments['production'], {});
});

test("a simulator's endpoints are paths that name their kind", (t) => {
  for (const [name, [environments]] of Object.entries(TABLE)) {
    if (!environments.includes('simulator')) continue;
    const { simulator } = builtIn(name).environments;
    t.true(
      Object.values(simulator ?? {}).every((path) => path === `/${name}` || path.startsWith(`/${name}/`)),
      name,
    );
    t.not(simulator?.['api'], undefined, name);
  }
});

test('facts of the token answers', (t) => {
  t.deepEqual(builtIn('phonepe').token?.read.expiry, [
    { at: '/expires_at', since: '/issued_at', unit: 's' },
    { in: '/expires_in', unit: 's' },
    { at: '/session_expires_at', since: '/issued_at', unit: 's' },
  ]);
  t.deepEqual(builtIn('phonepe').token?.read.tokenType, { pointer: '/token_type', default: 'O-Bearer' });
  t.deepEqual(builtIn('phonepe').credentials['client_version']?.default, { simulator: '1', sandbox: '1' });
  t.deepEqual(builtIn('pincode').renew.onStatus, [401, 412]);
  t.deepEqual(builtIn('pincode').token?.read.expiry[0], { at: '/expires_at', since: '/issued_at', unit: 'ms' });
  t.is(builtIn('pincode').token?.refresh?.form?.['grant_type'], 'refresh_token');
  t.is(builtIn('payu-payment-links').scope.max, 3);
  t.is(builtIn('payu-payment-links').inject.headers['merchantId'], '{{credentials.merchant_id}}');
});

test('what a refresh leaves out is as in the fetch', (t) => {
  const { token } = builtIn('pincode');
  t.is(token?.refresh?.url, '{{endpoints.token}}');
  t.deepEqual(token?.refresh?.headers, { accept: 'application/json' });
  const json = own(`
token:
  fetch: { url: "http://h", form: { a: b }, query: { q: "1" }, auth: { basic: [a, b] } }
  refresh: { json: { t: "{{token.refresh_token}}", n: 1, deep: [true, null, "x"] }, method: PUT }
inject: { headers: { a: "{{token.access_token}}" } }`);
  t.like(json.token?.refresh, { method: 'PUT', form: undefined, query: { q: '1' }, auth: { basic: ['a', 'b'] } });
  t.deepEqual(json.token?.refresh?.json, { t: '{{token.refresh_token}}', n: 1, deep: [true, null, 'x'] });
});

test('what a profile leaves out follows the standards', (t) => {
  const profile = own('token: { fetch: { url: "http://h" } }\ninject: { headers: { a: "{{token.access_token}}" } }');
  t.is(profile.title, 'mine');
  t.is(profile.token?.fetch?.method, 'POST');
  t.deepEqual(profile.token?.read, {
    format: 'json',
    error: { pointer: '/error', known: {} },
    accessToken: { pointer: '/access_token', default: undefined },
    tokenType: { pointer: '/token_type', default: 'Bearer' },
    refreshToken: { pointer: '/refresh_token', default: undefined },
    expiry: [{ in: '/expires_in', unit: 's' }],
    lifetimeDefaultMs: 600_000,
  });
  t.deepEqual(profile.renew, { onStatus: [401], onHeader: [], onBody: [], ahead: { share: 0.2 }, cooldownMs: 5_000 });
});

test('a profile that extends another one changes what it names, and keeps the rest', (t) => {
  const profile = own(
    `
extends: pincode
environments: { staging: { api: "https://mail.example" } }
token: { refresh: { form: { grant_type: client_credentials } } }
renew: { on_status: [401] }`,
    'environment: staging, credentials: { client_id: a, client_secret: b }',
  );
  const base = builtIn('pincode');
  t.is(profile.name, 'mine');
  t.deepEqual(profile.environments['staging'], { ...base.environments['staging'], api: 'https://mail.example' });
  t.deepEqual(profile.token?.refresh?.form, { ...base.token?.refresh?.form, grant_type: 'client_credentials' });
  t.deepEqual(profile.token?.fetch, base.token?.fetch);
  // A list is replaced.
  t.deepEqual(profile.renew.onStatus, [401]);
});

test('null takes away what is inherited', (t) => {
  const profile = own(
    `
extends: pincode
credentials: { key: { secret: true }, client_secret: null }
token: { refresh: null, fetch: { form: null, json: { id: "{{credentials.client_id}}", key: "{{credentials.key}}" } } }`,
    'environment: staging, credentials: { client_id: a, key: b }',
  );
  t.is(profile.token?.refresh, undefined);
  t.is(profile.token?.fetch?.form, undefined);
  t.deepEqual(Object.keys(profile.credentials), ['client_id', 'key']);
});

test('profiles of the operator extend each other, and even the built-in one of the same name', (t) => {
  const { config, diagnostics } = parse(`
profiles:
  one: { extends: two, renew: { cooldown: 1s } }
  two: { extends: bearer, renew: { ahead: 1m } }
  bearer: { extends: bearer, title: Ours }
providers:
  p: { profile: one, credentials: { token: a } }
  q: { profile: bearer, credentials: { token: a } }
${ROUTE}`);
  t.deepEqual(diagnostics, []);
  t.like(config?.providers.get('p')?.profile, { title: 'Ours', renew: { cooldownMs: 1_000, ahead: { ms: 60_000 } } });
  t.is(config?.providers.get('q')?.profile.title, 'Ours');
});

test('a circle of profiles is told with its way', (t) => {
  const { diagnostics } = parse(`profiles:\n  a: { extends: b }\n  b: { extends: c }\n  c: { extends: a }\n${ROUTE}`);
  t.true(diagnostics.length > 0);
  t.deepEqual([...new Set(diagnostics.map(({ code }) => code))], ['profile_cycle']);
  t.true(diagnostics.some(({ message }) => message.includes('a → b → c → a')));
});

test('a mistake in what is extended is told where it stands, once', (t) => {
  const loaded = parse(
    `profiles:\n  a: { extends: b, title: A }\n  b: { inject: { headers: { x: "{{nope}}" } } }\n${ROUTE}`,
  );
  t.deepEqual(problems(loaded), ['unknown_template_name profiles.b.inject.headers.x']);
});

test('a provider overrides how its profile renews', (t) => {
  const { config, diagnostics } = parse(`
providers:
  p: { profile: pincode, environment: simulator, renew: { ahead: 5m, on_body: [{ status: 200, pointer: /subCode, equals: [403, "404"] }] } }
  q: { profile: pincode, environment: simulator }
${ROUTE}`);
  t.deepEqual(diagnostics, []);
  t.deepEqual(config?.providers.get('p')?.profile.renew, {
    onStatus: [401, 412],
    onHeader: [],
    onBody: [{ status: 200, all: [{ pointer: '/subCode', equals: ['403', '404'] }] }],
    ahead: { ms: 300_000 },
    cooldownMs: 1,
  });
  t.deepEqual(config?.providers.get('q')?.profile.renew.onBody, []);
});

const WITH_TOKEN =
  'token: { fetch: { url: "http://h", form: { a: "{{FETCH}}" } }, refresh: { form: { a: "{{REFRESH}}" } } }\ninject: { headers: { a: "{{INJECT}}" } }\nvalues: { v: "{{VALUE}}" }\n';

function names({ fetch = 'uuid', refresh = 'uuid', inject = 'uuid', value = 'uuid', subject = '' }): string[] {
  const lines = WITH_TOKEN.replace('FETCH', fetch)
    .replace('REFRESH', refresh)
    .replace('INJECT', inject)
    .replace('VALUE', value);
  return wrong(subject === '' ? lines : lines.replace('token: {', `token: { subject: "${subject}",`));
}

test('a template names only what is known where it stands', (t) => {
  const subject = '{{request.headers.x-user}}';
  t.deepEqual(names({ inject: 'token.access_token', refresh: 'token.refresh_token' }), []);
  t.deepEqual(names({ fetch: 'token.access_token' }), ['unknown_template_name profiles.mine.token.fetch.form.a']);
  t.deepEqual(names({ fetch: 'request.headers.x' }), ['unknown_template_name profiles.mine.token.fetch.form.a']);
  t.deepEqual(names({ fetch: 'request.headers.x', subject }), []);
  t.deepEqual(names({ fetch: 'token.subject', inject: 'token.subject', subject }), []);
  t.deepEqual(names({ inject: 'token.subject' }), ['unknown_template_name profiles.mine.inject.headers.a']);
  t.deepEqual(names({ inject: 'signature' }), ['unknown_template_name profiles.mine.inject.headers.a']);
  t.deepEqual(names({ inject: 'endpoints.nope' }), ['unknown_template_name profiles.mine.inject.headers.a']);
  t.deepEqual(names({ inject: 'values.w' }), ['unknown_template_name profiles.mine.inject.headers.a']);
  t.deepEqual(wrong('inject: { headers: { a: "{{token.access_token}}" } }'), [
    'unknown_template_name profiles.mine.inject.headers.a',
  ]);
});

test('a value brings what it names to where it is used', (t) => {
  t.deepEqual(names({ value: 'request.body', inject: 'values.v' }), []);
  t.deepEqual(names({ value: 'request.body', fetch: 'values.v' }), [
    'unknown_template_name profiles.mine.token.fetch.form.a',
  ]);
});

test('a signature needs what makes one, and what refuses has none of it', (t) => {
  const sign = (entry: string): string[] => wrong(`sign: [${entry}]`);
  t.deepEqual(sign('{ when: { methods: [POST] } }'), [
    'missing_key profiles.mine.sign[0].text',
    'missing_key profiles.mine.sign[0].algorithm',
    'missing_key profiles.mine.sign[0].set',
  ]);
  t.deepEqual(sign('{ text: a, algorithm: sha256 }'), ['missing_key profiles.mine.sign[0].set']);
  t.deepEqual(sign('{ refuse: no }'), []);
  t.deepEqual(sign('{ when: { form: { a: present } }, refuse: no }'), []);
  t.deepEqual(sign('{ refuse: no, text: a, encode: hex }'), [
    'invalid_value profiles.mine.sign[0].text',
    'invalid_value profiles.mine.sign[0].encode',
  ]);
  const call = 'token: { fetch: { url: "https://a.example", form: { a: b }, sign: [{ refuse: no }] } }';
  t.deepEqual(wrong(call), ['invalid_value profiles.mine.token.fetch.sign[0].refuse']);
});

test('a condition is a word, a text, a list of them, or none of a list', (t) => {
  const when = (conditions: string): string[] =>
    wrong(`sign: [{ when: { form: { a: ${conditions} } }, text: a, algorithm: sha256, set: { header: x } }]`);
  for (const fine of ['present', 'absent', 'text', '19', 'true', '[]', '["", 1]', '{ not: ["", "1"] }', 'null'])
    t.deepEqual(when(fine), [], fine);
  t.deepEqual(when('""'), ['invalid_value profiles.mine.sign[0].when.form.a']);
  t.deepEqual(when('{ not: 1 }'), ['invalid_type profiles.mine.sign[0].when.form.a.not']);
  t.deepEqual(when('{ never: [] }'), [
    'missing_key profiles.mine.sign[0].when.form.a.not',
    'unknown_key profiles.mine.sign[0].when.form.a.never',
  ]);
  t.deepEqual(when('[[1]]'), ['invalid_type profiles.mine.sign[0].when.form.a[0]']);
  t.deepEqual(
    wrong('sign: [{ when: { headers: { "x y": present } }, text: a, algorithm: sha256, set: { header: x } }]'),
    ['invalid_value profiles.mine.sign[0].when.headers["x y"]'],
  );
  t.deepEqual(wrong('sign: [{ when: { cookies: {} }, refuse: no }]'), [
    'unknown_key profiles.mine.sign[0].when.cookies',
  ]);
});

test('an empty name, password or value in a list keeps its place', (t) => {
  const call = (basic: string): unknown =>
    own(`token: { fetch: { url: "http://h", auth: { basic: ${basic} } } }`, '').token?.fetch?.auth?.basic;
  t.deepEqual(call('["", pass]'), ['', 'pass']);
  t.deepEqual(call('[name, ""]'), ['name', '']);
  t.deepEqual(call('["${NOBODY:-}", pass]'), ['', 'pass']);
  const { renew } = own('renew: { on_body: [{ status: 200, pointer: /a, equals: ["", x] }] }', '');
  t.deepEqual(renew.onBody[0]?.all, [{ pointer: '/a', equals: ['', 'x'] }]);
});

test('in lists of JSON what may be nothing is left out when it is, and a text that is written as empty stays', (t) => {
  const { token } = own(
    `token:
      fetch: { url: "http://h", json: { aud: ["\${NOBODY:-}", b], literal: ["", b], deep: [["\${NOBODY:-}"], { a: ["\${NOBODY:-x}"] }], text: "\${NOBODY:-}", none: [null] } }
      placeholder: { list: ["\${NOBODY:-}", 1] }`,
    '',
  );
  t.deepEqual(token?.fetch?.json, { aud: ['b'], literal: ['', 'b'], deep: [[], { a: ['x'] }], text: '', none: [null] });
  t.deepEqual(token?.placeholder, { list: [1] });
});

test('a rejection by a body names one field, or several that must all hold', (t) => {
  const renew = (entry: string): string[] => wrong(`renew: { on_body: [{ status: 400, ${entry} }] }`);
  t.deepEqual(renew('pointer: /a, equals: [1]'), []);
  t.deepEqual(renew('all: [{ pointer: /a, equals: [1] }, { pointer: /b, equals: [2] }]'), []);
  t.deepEqual(renew('pointer: /a, equals: [1], all: [{ pointer: /b, equals: [2] }]'), []);
  t.deepEqual(renew('all: []'), ['missing_key profiles.mine.renew.on_body[0].pointer']);
  t.deepEqual(renew('pointer: /a'), ['missing_key profiles.mine.renew.on_body[0].equals']);
  t.deepEqual(renew('equals: [1]'), ['missing_key profiles.mine.renew.on_body[0].pointer']);
  t.deepEqual(renew('all: [{ equals: [1] }]'), ['missing_key profiles.mine.renew.on_body[0].all[0].pointer']);
  const header = (entry: string): string[] => wrong(`renew: { on_header: [{ ${entry} }] }`);
  t.deepEqual(header('status: 400, name: WWW-Authenticate, contains: invalid_token'), []);
  t.deepEqual(header('status: 400, name: "a b", contains: x'), ['invalid_value profiles.mine.renew.on_header[0].name']);
  t.deepEqual(header('status: 400, name: a'), ['missing_key profiles.mine.renew.on_header[0].contains']);
});

test('a signature is placed once, with a key where it needs one', (t) => {
  const sign = (rest: string): string[] => wrong(`sign: [{ text: a, ${rest} }]`);
  t.deepEqual(sign('algorithm: sha256, set: { header: x }'), []);
  t.deepEqual(sign('algorithm: hmac-sha512, key: k, set: { json: x, value: "{{signature}}" }'), []);
  t.deepEqual(sign('algorithm: sha256, key: k, set: { header: x }'), ['invalid_value profiles.mine.sign[0].key']);
  t.deepEqual(sign('algorithm: sha256, set: { header: x, form: y }'), ['invalid_value profiles.mine.sign[0].set']);
  t.deepEqual(sign('algorithm: sha256, set: {}'), ['invalid_value profiles.mine.sign[0].set']);
  t.deepEqual(sign('algorithm: sha256, set: { header: Host }'), ['invalid_value profiles.mine.sign[0].set.header']);
  t.deepEqual(sign('algorithm: sha3, set: { header: x }'), ['invalid_value profiles.mine.sign[0].algorithm']);
  t.deepEqual(sign('algorithm: sha256, encode: base32, set: { header: x }'), [
    'invalid_value profiles.mine.sign[0].encode',
  ]);
  t.deepEqual(wrong('sign: [{ text: "{{request.body | sha256}}", algorithm: sha256, set: { header: x } }]'), []);
});

test('what contradicts itself is refused', (t) => {
  const inject = 'inject: { headers: { a: b } }\n';
  t.deepEqual(wrong(`${inject}token: { fetch: { url: a, form: { a: b }, json: { a: b } } }`), [
    'invalid_value profiles.mine.token.fetch.json',
  ]);
  t.deepEqual(wrong(`${inject}token: { fetch: { url: a, auth: { basic: [a] } } }`), [
    'invalid_value profiles.mine.token.fetch.auth.basic',
  ]);
  t.deepEqual(wrong(`${inject}token: { fetch: { url: a }, read: { expiry: [{ at: /a, in: /b }] } }`), [
    'invalid_value profiles.mine.token.read.expiry[0]',
  ]);
  t.deepEqual(wrong(`${inject}token: { fetch: { url: a }, read: { expiry: [{ in: /b, since: /a }] } }`), [
    'invalid_value profiles.mine.token.read.expiry[0]',
  ]);
  t.deepEqual(wrong(`${inject}environments: { test: { api: /mine } }`), [
    'invalid_value profiles.mine.environments.test.api',
  ]);
  t.deepEqual(wrong(`${inject}environments: { simulator: { api: "http://h" } }`), [
    'invalid_value profiles.mine.environments.simulator.api',
  ]);
  t.deepEqual(wrong(`${inject}credentials: { a: { default: { test: b } } }`), [
    'unknown_environment profiles.mine.credentials.a.default.test',
  ]);
  t.deepEqual(wrong(`${inject}credentials: { a: { default: "{{uuid}}" } }`), [
    'unknown_template_name profiles.mine.credentials.a.default',
  ]);
  t.deepEqual(wrong('inject: { headers: { connection: close } }'), [
    'invalid_value profiles.mine.inject.headers.connection',
  ]);
  t.deepEqual(wrong(''), ['invalid_type profiles.mine']);
});

test('a header takes its name from a credential that can be one', (t) => {
  const provider = (name: string): string[] =>
    problems(parse(`providers: { p: { profile: header, credentials: { name: "${name}", value: a } } }\n${ROUTE}`));
  t.deepEqual(provider('x-api-key'), []);
  t.deepEqual(provider('x api key'), ['invalid_value providers.p.credentials.name']);
  t.deepEqual(provider('Host'), ['invalid_value providers.p.credentials.name']);
});

test('scopes are counted one by one, however they are written', (t) => {
  const scope = (text: string): string[] =>
    problems(
      parse(`providers: { p: { profile: payu-payment-links, environment: simulator, scope: ${text} } }\n${ROUTE}`),
    );
  t.deepEqual(scope('[create_payment_links, update_payment_links, read_payment_links]'), []);
  t.deepEqual(scope('["create_payment_links update_payment_links", "read_payment_links create_payment_links"]'), [
    'scope_too_many providers.p.scope',
  ]);
  t.deepEqual(scope('[nope]'), ['unknown_scope providers.p.scope[0]']);
  const { config } = parse(
    `providers: { p: { profile: payu-partner, environment: simulator, scope: ["a b", c] } }\n${ROUTE}`,
  );
  t.deepEqual(config?.providers.get('p')?.scope, ['a', 'b', 'c']);
});

test('in the simulator a token may be renewed at once, unless somebody wrote otherwise', (t) => {
  const cooldown = (provider: string, profiles = ''): number | undefined =>
    parse(`profiles: { ${profiles} }\nproviders: { p: { ${provider} } }\n`).config?.providers.get('p')?.profile.renew
      .cooldownMs;
  const simulated = 'profile: phonepe, environment: simulator';
  t.is(cooldown(simulated), 1);
  t.is(cooldown(`${simulated}, renew: { on_status: [401] }`), 1);
  t.is(cooldown(`${simulated}, renew: { cooldown: 7s }`), 7_000);
  t.is(cooldown('profile: phonepe, environment: sandbox, credentials: { client_id: a, client_secret: b }'), 5_000);
  const own = 'profile: own, environment: simulator';
  t.is(cooldown(own, 'own: { extends: phonepe }'), 1);
  t.is(cooldown(own, 'own: { extends: phonepe, renew: { cooldown: 5s } }'), 5_000);
  t.is(cooldown(own, 'base: { extends: phonepe, renew: { cooldown: 3s } }, own: { extends: base }'), 3_000);
  t.is(
    cooldown(own, 'base: { extends: phonepe, renew: { cooldown: 3s } }, own: { extends: base, renew: { cooldown: } }'),
    1,
  );
  t.is(cooldown(`${own}, renew: { cooldown: 2s }`, 'own: { extends: phonepe, renew: { cooldown: 5s } }'), 2_000);
});

const FETCH = 'token:\n  fetch: { url: "http://h/token"';

test('a field of a token call may be a list; what extends replaces it, and a refresh inherits it', (t) => {
  const lines = `${FETCH}, form: { a: [x, "{{scope}}", ""], b: y }, query: { q: [1, 1.10] } }\n  refresh: { headers: { h: z } }`;
  const { token } = own(lines);
  t.deepEqual(token?.fetch?.form, { a: ['x', '{{scope}}'], b: 'y' });
  t.deepEqual(token?.fetch?.query, { q: ['1', '1.10'] });
  t.deepEqual(token?.refresh?.form, token?.fetch?.form);
  t.deepEqual(token?.refresh?.query, token?.fetch?.query);
  const extended = (form: string): unknown =>
    own(
      `extends: oauth2\ntoken: { fetch: { form: { scope: ${form} } } }`,
      'credentials: { client_id: a, client_secret: b }, endpoints: { token: "http://h" }',
    ).token?.fetch?.form?.['scope'];
  t.deepEqual(extended('[a, b]'), ['a', 'b']);
  t.is(extended('null'), undefined);
});

test('what a list of a token call holds is checked as a single value is', (t) => {
  const found = (value: string): string[] => wrong(`${FETCH}, form: { a: ${value} } }`);
  t.deepEqual(found('[ok, "{{credentials.nobody}}"]'), ['unknown_template_name profiles.mine.token.fetch.form.a[1]']);
  t.deepEqual(found('["{{token.access_token}}"]'), ['unknown_template_name profiles.mine.token.fetch.form.a[0]']);
  t.deepEqual(found('["{{uuid | sha256}}"]'), ['template_syntax profiles.mine.token.fetch.form.a[0]']);
  t.deepEqual(found('[[a]]'), ['invalid_type profiles.mine.token.fetch.form.a[0]']);
  t.deepEqual(found('{ b: c }'), ['invalid_type profiles.mine.token.fetch.form.a']);
  t.deepEqual(wrong(`${FETCH}, headers: { a: [b] } }`), ['invalid_type profiles.mine.token.fetch.headers.a']);
});

test('an endpoint that only a list names is needed', (t) => {
  const text = `profiles:\n  mine:\n    ${FETCH.replaceAll('\n', '\n    ')}, form: { resource: ["{{endpoints.api}}"] } }\nproviders:\n  p: { profile: mine }\n${ROUTE}`;
  t.deepEqual(problems(parse(text)), ['missing_endpoint providers.p']);
});

test('known error codes are a list, or a map to the codes that are meant', (t) => {
  const known = (error: string): unknown => own(`${FETCH} }\n  read: { error: ${error} }`).token?.read.error;
  t.deepEqual(own(`${FETCH} }`).token?.read.error, { pointer: '/error', known: {} });
  t.deepEqual(known('{ pointer: /code, known: [E1, 1007] }'), { pointer: '/code', known: { E1: 'E1', 1007: '1007' } });
  t.deepEqual(known('{ known: { E1: invalid_client, __proto__x: invalid_scope } }'), {
    pointer: '/error',
    known: { E1: 'invalid_client', __proto__x: 'invalid_scope' },
  });
  for (const name of ['phonepe', 'pincode']) {
    t.deepEqual(builtIn(name).token?.read.error, { pointer: '/code', known: { INVALID_CLIENT: 'invalid_client' } });
  }
  const bad = (error: string): string[] => wrong(`${FETCH} }\n  read: { error: ${error} }`);
  t.deepEqual(bad('{ known: { E1: invalid_clent } }'), ['invalid_value profiles.mine.token.read.error.known.E1']);
  t.deepEqual(bad('{ known: E1 }'), ['invalid_type profiles.mine.token.read.error.known']);
  t.deepEqual(bad('{ pointer: code }'), ['invalid_value profiles.mine.token.read.error.pointer']);
});

test('a source of the expiry has exactly one kind, and only what goes with it', (t) => {
  const expiry = (source: string): unknown => own(`${FETCH} }\n  read: { expiry: [${source}] }`).token?.read.expiry;
  t.deepEqual(expiry('{ at: /a, since: /b, unit: iso }'), [{ at: '/a', since: '/b', unit: 'iso' }]);
  t.deepEqual(expiry('{ jwt: /exp, since: /iat }'), [{ jwt: '/exp', since: '/iat' }]);
  t.deepEqual(expiry('{ jwt: /exp }'), [{ jwt: '/exp', since: undefined }]);
  t.deepEqual(expiry('{ in: /a, unit: ms }'), [{ in: '/a', unit: 'ms' }]);
  for (const source of [
    '{ at: /a, in: /b }',
    '{ at: /a, jwt: /b }',
    '{ jwt: /a, in: /b }',
    '{ unit: s }',
    '{ since: /a }',
    '{ in: /a, since: /b }',
    '{ in: /a, unit: iso }',
    '{ jwt: /a, unit: iso }',
    '{ jwt: /a, unit: ms }',
    '{ jwt: /a, unit: s }',
  ]) {
    const found = wrong(`${FETCH} }\n  read: { expiry: [${source}] }`);
    t.deepEqual(found, ['invalid_value profiles.mine.token.read.expiry[0]'], source);
  }
  t.deepEqual(wrong(`${FETCH} }\n  read: { expiry: [{ at: /a, unit: rfc3339 }] }`), [
    'invalid_value profiles.mine.token.read.expiry[0].unit',
  ]);
});

test('pointers into a form have one level, those into a token as many as they like', (t) => {
  const found = (read: string): string[] => wrong(`${FETCH} }\n  read: { format: form, ${read} }`);
  t.deepEqual(
    found('access_token: /a~1b, expiry: [{ jwt: /a/b, since: /c/d }, { in: /e }], error: { pointer: /f }'),
    [],
  );
  t.deepEqual(
    found('access_token: /a/b, token_type: { pointer: /c/d }, refresh_token: /e/f, error: { pointer: /g/h }'),
    [
      'invalid_value profiles.mine.token.read.access_token',
      'invalid_value profiles.mine.token.read.token_type.pointer',
      'invalid_value profiles.mine.token.read.refresh_token',
      'invalid_value profiles.mine.token.read.error.pointer',
    ],
  );
  t.deepEqual(found('expiry: [{ at: /a/b, since: /c/d }, { in: /e/f }]'), [
    'invalid_value profiles.mine.token.read.expiry[0].at',
    'invalid_value profiles.mine.token.read.expiry[0].since',
    'invalid_value profiles.mine.token.read.expiry[1].in',
  ]);
  t.deepEqual(wrong(`${FETCH} }\n  read: { format: xml }`), ['invalid_value profiles.mine.token.read.format']);
});

test('a value may have the name of something else that templates know', (t) => {
  const names = ['scope', 'uuid', 'now'];
  for (const name of names) {
    const lines = [
      `values: { ${name}: "{{request.path}}" }`,
      'token:',
      '  fetch: { method: POST, url: "http://h/token", form: { a: "{{scope}}", b: "{{uuid}}" } }',
      'inject: { headers: { a: "{{token.access_token}}" } }',
    ];
    t.deepEqual(wrong(lines.join('\n')), [], name);
  }
});
