import { createHash } from 'node:crypto';
import test from 'ava';
import type { MemoryStore } from '../../src/store/memory.ts';
import type { ChangeListener, TokenRecord, TokenStore } from '../../src/store/store.ts';
import { callOf, outbound, type ProfileParts, readOf, signOf } from './helpers.ts';
import { type Flow, startFlow } from './token/flow.ts';

// PhonePe's user tokens: a grant token is exchanged by a signed call, and the API call is signed too.
const X_VERIFY = { header: 'X-VERIFY', value: '{{signature}}###1' };
const USER: ProfileParts = {
  credentials: { client_id: {}, client_secret: { secret: true } },
  token: {
    subject: '{{request.headers.x-grant-token}}',
    fetch: callOf({
      json: { grantToken: '{{token.subject}}' },
      sign: [
        signOf({
          body: { wrap: 'base64', field: 'request' },
          text: '{{request.json.request}}{{request.path}}{{credentials.client_secret}}',
          set: X_VERIFY,
        }),
      ],
    }),
    refresh: undefined,
    read: readOf({
      accessToken: { pointer: '/data/accessToken', default: undefined },
      expiry: [{ in: '/data/expiresInSeconds', unit: 's' }],
    }),
  },
  inject: { headers: { 'X-ACCESS-TOKEN': '{{token.access_token}}' } },
  sign: [signOf({ when: { methods: ['GET'] }, text: '{{request.path}}{{credentials.client_secret}}', set: X_VERIFY })],
};

const grantOf = (body: string): string => {
  const { request } = JSON.parse(body) as { request: string };
  return (JSON.parse(Buffer.from(request, 'base64').toString()) as { grantToken: string }).grantToken;
};

const users = (t: Parameters<typeof startFlow>[0], options: Parameters<typeof startFlow>[1] = {}): Promise<Flow> =>
  startFlow(t, {
    profile: USER,
    script: ({ n, body }) => ({
      body: { data: { accessToken: `AUTH-${grantOf(body)}-${n}`, expiresInSeconds: 1800 } },
    }),
    ...options,
  });

const by = (grant: string): ReturnType<typeof outbound> =>
  outbound({ target: '/v3/service/userdetails', headers: ['X-Grant-Token', grant, 'Accept', '*/*'] });

test('each user has a token of their own, got by a signed call, and the grant token goes no further', async (t) => {
  const { endpoint, authorizer } = await users(t);
  const [a, b, again] = await Promise.all(
    ['GRT-a', 'GRT-b', 'GRT-a'].map(async (grant) => authorizer.authorize(by(grant))),
  );
  t.is(endpoint.calls.length, 2);
  t.deepEqual(a?.headers.slice(0, 2), ['Accept', '*/*']);
  t.regex(a?.headers[3] ?? '', /^AUTH-GRT-a-/);
  t.regex(b?.headers[3] ?? '', /^AUTH-GRT-b-/);
  t.deepEqual(again?.headers, a?.headers);
  t.not(a?.subject, b?.subject);
  t.false(JSON.stringify([a, b]).includes('"GRT'));
  const call = await endpoint.call(1);
  const { request } = JSON.parse(call.body) as { request: string };
  const path = new URL(endpoint.url).pathname;
  t.is(call.headers['x-verify'], `${createHash('sha256').update(`${request}${path}cl1ent-s3cret`).digest('hex')}###1`);
  t.is(a?.auth, 'signed');
  t.is(a?.generation, 1);
  t.deepEqual([...authorizer.privateHeaders], ['x-grant-token']);
});

test('a request that names no user is refused, also one that names two', async (t) => {
  const { endpoint, authorizer } = await users(t);
  for (const headers of [
    [],
    ['X-Grant-Token', ''],
    ['X-Grant-Token', '  '],
    ['X-Grant-Token', 'a', 'x-grant-token', 'b'],
  ]) {
    t.like(
      t.throws(() => authorizer.authorize(outbound({ headers }))),
      { code: 'bad_request', status: 400 },
    );
  }
  t.is(endpoint.calls.length, 0);
});

test("one user's rejected token is not renewed for another", async (t) => {
  const { endpoint, authorizer, clock } = await users(t);
  const first = await authorizer.authorize(by('a'));
  await authorizer.authorize(by('b'));
  await clock.advance(10_000);
  t.like(await authorizer.renew(first, by('a'), clock.now()), { authorized: { generation: 2 }, renewed: true });
  t.like(authorizer.authorize(by('b')), { generation: 1 });
  t.deepEqual(
    endpoint.calls.map(({ body }) => grantOf(body)),
    ['a', 'b', 'a'],
  );
});

test('the number of users is bounded: the one who came longest ago goes first, from the store too', async (t) => {
  const stored = new Set<string>();
  const watch = (store: MemoryStore): TokenStore => ({
    isShared: store.isShared,
    waitBudgetMs: store.waitBudgetMs,
    leaseMs: store.leaseMs,
    get: (key: string) => store.get(key),
    compareAndSet(key: string, expected: number, next: TokenRecord) {
      stored.add(key);
      return store.compareAndSet(key, expected, next);
    },
    redeem: (key: string, generation: number) => store.redeem(key, generation),
    lock: (key: string) => store.lock(key),
    delete(key: string) {
      stored.delete(key);
      return store.delete(key);
    },
    watch: (key: string, listener: ChangeListener) => store.watch(key, listener),
    close: () => store.close(),
  });
  const { endpoint, authorizer } = await users(t, { deps: { maxSubjects: 2 }, wrapStore: watch });
  const ask = async (grant: string): Promise<number> => {
    await authorizer.authorize(by(grant));
    return endpoint.calls.length;
  };
  t.is(await ask('a'), 1);
  t.is(await ask('b'), 2);
  t.is(await ask('a'), 2);
  t.is(await ask('c'), 3);
  t.is(await ask('a'), 3, 'a was used later than b');
  t.is(stored.size, 2);
  t.is(await ask('b'), 4);
  t.is(stored.size, 2);
  for (const key of stored) t.regex(key, /^test@[0-9a-f]{12}\/[0-9a-f]{32}$/);
});

test('a user who was dropped while a request was under way gets a new token when it is rejected', async (t) => {
  const { endpoint, authorizer, clock } = await users(t, { deps: { maxSubjects: 1 } });
  const first = await authorizer.authorize(by('a'));
  await authorizer.authorize(by('b'));
  await clock.advance(10_000);
  t.like(await authorizer.renew(first, by('a'), clock.now()), { authorized: { auth: 'signed' }, renewed: true });
  t.is(endpoint.calls.length, 3);
  t.like(await authorizer.renew(first, by('a'), clock.now()), { renewed: false }, 'what comes later is late');
  t.is(endpoint.calls.length, 3);
});

test('a failure of one user is not held against another', async (t) => {
  const { authorizer } = await users(t, {
    script: ({ body }) =>
      grantOf(body) === 'bad' ? { status: 401, body: '' } : { body: { data: { accessToken: 'AUTH' } } },
  });
  await t.throwsAsync(Promise.resolve(authorizer.authorize(by('bad'))), { message: /token_unavailable/ });
  t.is((await authorizer.authorize(by('good'))).headers[3], 'AUTH');
});

test('nobody but a request of the user gets the token', async (t) => {
  const { auth } = await users(t);
  await t.throwsAsync(auth.token({ renew: false }), { message: /bad_request/ });
});

test("the fields of a token call may look at the caller's request", async (t) => {
  const { endpoint, authorizer, clock } = await startFlow(t, {
    profile: {
      ...USER,
      sign: [],
      token: {
        subject: '{{request.headers.x-user}}',
        fetch: callOf({ form: { user: '{{request.headers.x-user}}', tenant: '{{request.headers.x-tenant}}' } }),
        refresh: undefined,
        read: readOf(),
      },
    },
  });
  const request = outbound({ headers: ['X-User', 'u', 'X-Tenant', 'acme'] });
  const first = await authorizer.authorize(request);
  await clock.advance(10_000);
  await authorizer.renew(first, request, clock.now());
  t.deepEqual(
    endpoint.calls.map(({ body }) => body),
    ['user=u&tenant=acme', 'user=u&tenant=acme'],
  );
  t.deepEqual(first.headers.slice(0, 2), ['X-Tenant', 'acme']);
});

test('explain names the user, the token and the salt, and shows none of them', async (t) => {
  const { endpoint, authorizer } = await users(t);
  const explanation = authorizer.explain(by('GRT-a'));
  t.deepEqual(explanation.headers, [{ name: 'X-ACCESS-TOKEN', value: '<access_token>' }]);
  t.like(explanation.signatures[0], { text: '/v3/service/userdetails<client_secret>', place: 'header X-VERIFY' });
  t.like(explanation.token, {
    method: 'POST',
    url: endpoint.url,
    fields: [{ name: 'grantToken', value: '<subject>' }],
  });
  t.notRegex(JSON.stringify(explanation), /GRT-a|s3cret/);
  t.is(endpoint.calls.length, 0);
  t.throws(() => authorizer.explain(outbound()), { message: /bad_request/ });
});
