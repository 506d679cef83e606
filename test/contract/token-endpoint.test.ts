import test from 'ava';
import type { ExecutionContext } from 'ava';
import { startOutrider } from '../helpers/outrider.ts';
import type { Outrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { ask } from '../helpers/raw.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import type { Upstream } from '../helpers/upstream.ts';
import { fakeClock } from '../helpers/clock.ts';

const PLACEHOLDER = /^outrider-placeholder-[\w-]{32}$/;
const FORM_TYPE = ['Content-Type', 'application/x-www-form-urlencoded'];
const CREDENTIALS = 'client_id=made-up-name&client_secret=made-up-secret-of-a-test&grant_type=client_credentials';
const NOW_S = 1_800_000_000;

interface Given {
  readonly upstream: Upstream;
  readonly outrider: Outrider;
}

interface Parts {
  /** Keys of the provider. */
  readonly provider?: string;
  /** Further providers and routes; ORIGIN is where everything lies. */
  readonly providers?: string;
  readonly routes?: string;
  /** The profile's `token.read`, `refresh` and `placeholder`. */
  readonly token?: string;
  readonly profiles?: string;
  readonly extra?: string;
}

/** A provider whose API and token endpoint lie on one host, where no token call is ever expected. */
async function given(t: ExecutionContext, parts: Parts = {}): Promise<Given> {
  const upstream = await startUpstream(t);
  const yaml = `
profiles:
  demo:
    credentials: { secret: { secret: true } }
    token:
      fetch: { url: "{{endpoints.token}}", form: { secret: "{{credentials.secret}}" } }
      ${parts.token ?? ''}
    inject: { headers: { authorization: "{{token.token_type}} {{token.access_token}}" } }
  ${parts.profiles ?? ''}
providers:
  demo:
    profile: demo
    credentials: { secret: real-secret-of-the-demo }
    endpoints: { token: "ORIGIN/v1/oauth/token" }
    ${parts.provider ?? ''}
  ${parts.providers ?? ''}
routes:
  - { name: api, match: { path: /api }, provider: demo, upstream: ORIGIN }
  ${parts.routes ?? ''}
${parts.extra ?? ''}`;
  const clock = fakeClock(NOW_S * 1000);
  return { upstream, outrider: await startOutrider(t, yaml.replaceAll('ORIGIN', upstream.origin), { clock }) };
}

const askToken = (outrider: Outrider, target = '/api/v1/oauth/token', method = 'POST') =>
  outrider.call(target, { method, headers: FORM_TYPE, body: CREDENTIALS });

test('rule 35: a token call gets a placeholder and goes nowhere; what it brought is not logged', async (t) => {
  const { upstream, outrider } = await given(t);
  const answer = await askToken(outrider);
  t.is(answer.status, 200);
  t.is(answer.header('content-type'), 'application/json');
  t.is(answer.header('cache-control'), 'no-store');
  const body = JSON.parse(answer.text) as Record<string, unknown>;
  t.regex(String(body['access_token']), PLACEHOLDER);
  t.deepEqual({ ...body, access_token: '' }, { access_token: '', token_type: 'Bearer', expires_in: 3600 });
  const again = JSON.parse((await askToken(outrider)).text) as Record<string, unknown>;
  t.not(again['access_token'], body['access_token']);
  t.is(upstream.connections, 0);
  const [line] = await outrider.logged(1);
  t.like(line, { route: 'api', provider: 'demo', status: 200, auth: 'placeholder', attempts: 0 });
  t.notRegex(outrider.logText(), /made-up-(?:name|secret)/);
});

test('rule 35: the real credential takes the place of the placeholder', async (t) => {
  const tokens = await startTokenEndpoint(t);
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(
    t,
    `
providers:
  p: { profile: oauth2, credentials: { client_id: a, client_secret: b }, endpoints: { token: "${tokens.url}" } }
routes:
  - { name: api, match: { path: /api }, provider: p, upstream: "${upstream.origin}" }
  - { name: id, match: { path: /id }, provider: p, upstream: "${new URL(tokens.url).origin}" }`,
  );
  const answer = await askToken(outrider, `/id${new URL(tokens.url).pathname}`);
  const { access_token: token } = JSON.parse(answer.text) as { access_token: string };
  t.regex(token, PLACEHOLDER);
  t.is(tokens.calls.length, 0);
  const paid = await outrider.call('/api/pay', { headers: ['Authorization', `Bearer ${token}`], body: 'x' });
  t.is(paid.status, 200);
  t.is(upstream.requests[0]?.header('authorization'), 'Bearer token-1');
  t.is(tokens.calls.length, 1);
});

const SPELLINGS = [
  '/v1/oauth/token/',
  '/v1//oauth/token',
  '/v1/oauth//token',
  '/V1/OAuth/Token',
  '/v1/oauth/%74oken',
  '/v1/oauth/%2574oken',
  '/v1/oauth/%25252574oken',
  '/v1%2Foauth/token',
  '/v1/oauth/token;a=b',
  '/v1;a/oauth/token',
  '/v1/oauth/token%3Ba',
  '/v1/oauth/token;',
];

test('rule 35: another spelling of the endpoint, or another method, is refused', async (t) => {
  const { upstream, outrider } = await given(t);
  for (const path of SPELLINGS) {
    const answer = await askToken(outrider, `/api${path}`);
    assertProblem(t, answer, { status: 403, code: 'token_endpoint_denied', outcome: 'not_sent', route: 'api' });
    t.false(answer.text.includes('made-up'), path);
  }
  for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']) {
    const answer = await outrider.call('/api/v1/oauth/token', { method });
    t.is(answer.status, 403, method);
  }
  t.is(upstream.connections, 0);
});

test('rule 35: a query changes nothing, and what only begins like the endpoint is no endpoint', async (t) => {
  const { upstream, outrider } = await given(t);
  t.is((await askToken(outrider, '/api/v1/oauth/token?a=b')).status, 200);
  t.is(upstream.connections, 0);
  for (const path of [
    '/v1/oauth',
    '/v1/oauth/tokens',
    '/v1/oauth/token/x',
    '/v1/oauth/token.json',
    '/v1/oauth/toke',
    '/x',
  ]) {
    // There the token is needed, and this endpoint gives none.
    const answer = await outrider.call(`/api${path}`);
    t.is((JSON.parse(answer.text) as { code: string }).code, 'token_unavailable', path);
  }
});

test('rule 35: `placeholder: false` refuses token calls', async (t) => {
  const { upstream, outrider } = await given(t, { provider: 'placeholder: false' });
  assertProblem(t, await askToken(outrider), {
    status: 403,
    code: 'token_endpoint_denied',
    detail: /placeholder: false/,
  });
  t.is(upstream.connections, 0);
});

test('rule 35: the endpoint of another provider is refused; one that several share is the route’s own', async (t) => {
  const { upstream, outrider } = await given(t, {
    providers: `
  other: { profile: oauth2, credentials: { client_id: a, client_secret: b }, endpoints: { token: "ORIGIN/other/token" } }
  shared: { profile: shared, credentials: { secret: x }, endpoints: { token: "ORIGIN/v1/oauth/token" } }`,
    routes: `
  - { name: shared, match: { path: /shared }, provider: shared, upstream: ORIGIN }
  - { name: plain, match: { path: /plain }, upstream: ORIGIN }
  - { name: below, match: { path: /below }, provider: demo, upstream: ORIGIN/v1/oauth }`,
    profiles: 'shared: { extends: demo, token: { read: { access_token: /data/token } } }',
  });
  assertProblem(t, await askToken(outrider, '/api/other/token'), {
    status: 403,
    code: 'token_endpoint_denied',
    detail: /"other"/,
  });
  assertProblem(t, await askToken(outrider, '/plain/v1/oauth/token'), { status: 403, code: 'token_endpoint_denied' });
  const shared = JSON.parse((await askToken(outrider, '/shared/v1/oauth/token')).text) as { data: { token: string } };
  t.regex(shared.data.token, PLACEHOLDER);
  t.is((await askToken(outrider, '/below/token')).status, 200);
  t.is(upstream.connections, 0);
});

test('rule 35: who has the grant of a user may exchange it', async (t) => {
  const { upstream, outrider } = await given(t, {
    profiles: `
  user:
    token:
      subject: "{{request.headers.x-grant}}"
      fetch: { url: "{{endpoints.token}}", json: { grant: "{{token.subject}}" } }`,
    providers: 'user: { profile: user, endpoints: { token: "ORIGIN/exchange" } }',
    routes: '- { name: open, match: { path: /open }, upstream: ORIGIN }',
  });
  const answer = await askToken(outrider, '/open/exchange');
  t.is(answer.status, 200);
  t.is((await upstream.requests[0]?.body())?.bytes.toString(), CREDENTIALS);
});

const FORWARD = 'forward: { mode: plain }';
const absolute = (url: string, method = 'POST', more = ''): string =>
  `${method} ${url} HTTP/1.1\r\nHost: x\r\n${more}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${CREDENTIALS.length}\r\n\r\n${CREDENTIALS}`;

for (const [what, extra] of [
  ['without a route', FORWARD],
  ['where what has no route is let through', 'forward: { mode: plain, unmatched: tunnel }'],
] as const) {
  test(`rule 35: at a forward door the endpoint's own URL is answered ${what}`, async (t) => {
    const upstream = await startUpstream(t);
    const api = await startUpstream(t);
    const outrider = await startOutrider(
      t,
      `
providers:
  p: { profile: oauth2, credentials: { client_id: a, client_secret: b }, endpoints: { token: "${upstream.origin}/oauth/token" } }
routes: [{ name: api, match: { path: /api }, provider: p, upstream: "${api.origin}" }]
${extra}`,
    );
    const answer = await ask(t, outrider.port, absolute(`${upstream.origin}/oauth/token`));
    t.is(answer.status, 200);
    t.regex((JSON.parse(answer.text) as { access_token: string }).access_token, PLACEHOLDER);
    const [line] = await outrider.logged(1);
    t.like(line, { route: null, provider: 'p', auth: 'placeholder', attempts: 0 });
    for (const path of ['/oauth/%74oken', '/oauth//token/', '/OAUTH/token']) {
      const refused = await ask(t, outrider.port, absolute(upstream.origin + path));
      assertProblem(t, refused, { status: 403, code: 'token_endpoint_denied', outcome: 'not_sent' });
    }
    const got = await ask(t, outrider.port, absolute(`${upstream.origin}/oauth/token`, 'PUT'));
    assertProblem(t, got, { status: 403, code: 'token_endpoint_denied' });
    t.is(upstream.connections, 0);
  });
}

test('rule 35: at a forward door a route of another provider has no way to the endpoint, one without a provider has', async (t) => {
  const { upstream, outrider } = await given(t, {
    providers: 'other: { profile: bearer, credentials: { token: a-token-of-the-other } }',
    routes: `
  - { name: other, match: { path: /other }, provider: other, upstream: ORIGIN/v1/oauth }
  - { name: rest, match: { path: /rest }, upstream: ORIGIN/v1 }`,
    extra: FORWARD,
  });
  assertProblem(t, await ask(t, outrider.port, absolute(`${upstream.origin}/v1/oauth/token`)), {
    status: 403,
    code: 'token_endpoint_denied',
    route: 'other',
  });
  t.is(upstream.connections, 0);
});

test('rule 35: the guard comes first', async (t) => {
  const { upstream, outrider } = await given(t, {
    extra:
      'listen: { address: "127.0.0.1:0", access_tokens: [the-access-token-of-the-test] }\nforward: { mode: plain }',
  });
  t.is((await askToken(outrider)).status, 401);
  t.is((await ask(t, outrider.port, absolute(`${upstream.origin}/v1/oauth/token`))).status, 407);
  const shown = { headers: [...FORM_TYPE, 'X-Outrider-Token', 'the-access-token-of-the-test'], body: CREDENTIALS };
  t.is((await outrider.call('/api/v1/oauth/token', shown)).status, 200);
  const foreign = await outrider.call('/api/v1/oauth/token', {
    ...shown,
    headers: [...shown.headers, 'Origin', 'https://evil.example'],
  });
  t.is(foreign.status, 403);
  t.is((JSON.parse(foreign.text) as { code: string }).code, 'origin_denied');
});

for (const [what, token, expected] of [
  [
    'nested, in milliseconds since a moment',
    'read: { access_token: /data/token, token_type: { pointer: /data/type, default: O-Bearer }, expiry: [{ at: /data/until, since: /data/from, unit: ms }] }',
    { data: { token: '', type: 'O-Bearer', until: NOW_S * 1000 + 3_600_000, from: NOW_S * 1000 } },
  ],
  [
    'a moment in RFC 3339',
    'read: { expiry: [{ at: /expires, unit: iso }] }',
    { access_token: '', token_type: 'Bearer', expires: '2027-01-15T09:00:00.000Z' },
  ],
  [
    'a claim of the token, so the next source',
    'read: { expiry: [{ jwt: /exp }, { in: /ttl, unit: ms }] }',
    { access_token: '', token_type: 'Bearer', ttl: 3_600_000 },
  ],
  [
    'a refresh token and fields of its own',
    `refresh: { form: { refresh_token: "{{token.refresh_token}}" } }
      placeholder: { scope: "{{scope}}", created: { number: "{{now.s - 5}}" }, list: [1, "{{token.token_type}}", { number: "7" }], nothing: null }
      read: { refresh_token: /refresh }`,
    {
      access_token: '',
      token_type: 'Bearer',
      refresh: '',
      expires_in: 3600,
      created: NOW_S - 5,
      list: [1, 'Bearer', 7],
      nothing: null,
    },
  ],
  [
    'a refresh token that is only read',
    'read: { refresh_token: /refresh_token }',
    { access_token: '', token_type: 'Bearer', refresh_token: '', expires_in: 3600 },
  ],
  [
    'a refresh token that is only read, by the long form, nested',
    'read: { access_token: /data/token, refresh_token: { pointer: /data/refresh } }',
    { data: { token: '', refresh: '' }, token_type: 'Bearer', expires_in: 3600 },
  ],
  [
    'a refresh token where the default has it, for who renews with one',
    'refresh: { form: { refresh_token: "{{token.refresh_token}}" } }',
    { access_token: '', token_type: 'Bearer', refresh_token: '', expires_in: 3600 },
  ],
  [
    'no refresh token that is taken away, or has no place',
    'read: { refresh_token: null, token_type: { default: X } }',
    { access_token: '', expires_in: 3600 },
  ],
  [
    'in a list',
    'read: { access_token: /tokens/0/value, token_type: { default: X } }',
    { tokens: [{ value: '' }], expires_in: 3600 },
  ],
  [
    'with fields of its own in the same map',
    `read: { access_token: /data/token, expiry: [{ in: /data/expires }] }
      placeholder: { data: { kind: x, deep: { a: 1 } } }`,
    { data: { token: '', expires: 3600, kind: 'x', deep: { a: 1 } }, token_type: 'Bearer' },
  ],
  [
    'with fields of its own deep in the same maps and lists',
    `read: { access_token: /a/b/0/token, expiry: [{ in: /a/ttl }] }
      placeholder: { a: { b: [{ kind: x }, { kind: y }], c: [z] }, d: "{{token.token_type}}" }`,
    {
      a: { b: [{ token: '', kind: 'x' }, { kind: 'y' }], ttl: 3600, c: ['z'] },
      token_type: 'Bearer',
      d: 'Bearer',
    },
  ],
  [
    'whatever its own fields have in the place of the token',
    `read: { access_token: /data/token, expiry: [{ in: /list/0 }] }
      placeholder: { data: none, list: { a: 1 }, token_type: { a: 1 } }`,
    { data: { token: '' }, list: [3600], token_type: 'Bearer' },
  ],
  [
    'without the numbers that are none',
    `placeholder: { a: { number: "{{scope}}" }, b: { number: "{{now.iso}}" }, c: { number: "" }, d: { number: null },
        e: [{ number: "{{uuid}}" }, { number: "{{now.s}}" }], f: { g: { number: "{{scope}}" } }, h: { number: "-1.5" } }`,
    { access_token: '', token_type: 'Bearer', expires_in: 3600, e: [NOW_S], f: {}, h: -1.5 },
  ],
  [
    'with one field that is called number',
    'placeholder: { number: "7" }',
    { access_token: '', token_type: 'Bearer', expires_in: 3600, number: '7' },
  ],
] as const) {
  test(`rule 35: the placeholder has the shape that the profile reads: ${what}`, async (t) => {
    const { outrider } = await given(t, { token });
    const answer = await askToken(outrider);
    const text = answer.text.replaceAll(/outrider-placeholder-[\w-]{32}/g, '');
    t.not(text, answer.text);
    t.deepEqual(JSON.parse(text) as object, expected as object);
  });
}

test('rule 35: a profile that inherits what it reads gives a placeholder refresh token too', async (t) => {
  const { outrider } = await given(t, {
    token: 'read: { refresh_token: /refresh }',
    profiles: 'heir: { extends: demo, title: Heir }',
    providers:
      'heir: { profile: heir, credentials: { secret: another-secret }, endpoints: { token: "ORIGIN/heir/token" } }',
    routes: '- { name: heir, match: { path: /heir }, provider: heir, upstream: ORIGIN/heir }',
  });
  const { refresh } = JSON.parse((await askToken(outrider, '/heir/token')).text) as { refresh: string };
  t.regex(refresh, PLACEHOLDER);
});

test('rule 35: names that every object knows are fields of the placeholder, and nothing else', async (t) => {
  const { outrider } = await given(t, {
    token: `read: { access_token: /__proto__/token }
      placeholder: { constructor: { prototype: { a: 1 } }, toString: x }`,
  });
  const { text } = await askToken(outrider);
  t.regex(text, /"__proto__":\{"token":"outrider-placeholder-[\w-]{32}"\}/);
  t.regex(text, /"constructor":\{"prototype":\{"a":1\}\},"toString":"x"/);
  t.false('token' in {} || 'a' in {});
});

test('rule 35: the placeholder comes as a form or a text where the profile reads that', async (t) => {
  const form = await given(t, { token: 'read: { format: form, access_token: /access_token }' });
  const answer = await askToken(form.outrider);
  t.is(answer.header('content-type'), 'application/x-www-form-urlencoded');
  const { access_token: token = '', ...rest } = Object.fromEntries(new URLSearchParams(answer.text));
  t.regex(token, PLACEHOLDER);
  t.deepEqual(rest, { token_type: 'Bearer', expires_in: '3600' });
  const plain = await given(t, { token: 'read: { format: text }' });
  t.regex((await askToken(plain.outrider)).text, PLACEHOLDER);
});
