import test from 'ava';
import { until } from '../../helpers/http1.ts';
import { granted } from '../../helpers/token-endpoint.ts';
import { benchOf, credentialsOf, outbound, profileOf, providerOf } from '../helpers.ts';
import type { MemoryStore } from '../../../src/store/memory.ts';
import { downStore, OAUTH, SECRET, slowStore, startFlow, tokenOf } from './flow.ts';

test('requests wait for the first token together, for one call', async (t) => {
  const { endpoint, authorizer, getNow, renewals } = await startFlow(t);
  const all = await Promise.all(Array.from({ length: 200 }, async () => authorizer.authorize(outbound())));
  t.is(endpoint.calls.length, 1);
  for (const { headers, generation, auth } of all) {
    t.deepEqual(headers, ['authorization', 'Bearer token-1']);
    t.is(generation, 1);
    t.is(auth, 'injected');
  }
  t.is(getNow().generation, 1);
  t.deepEqual(
    renewals.map(({ provider, reason, outcome }) => [provider, reason, outcome]),
    [['test', 'cold', 'ok']],
  );
});

test('the call is the one that the profile says', async (t) => {
  const { endpoint, get } = await startFlow(t);
  await get();
  const call = await endpoint.call(1);
  t.is(call.method, 'POST');
  t.is(call.headers['content-type'], 'application/x-www-form-urlencoded');
  t.is(call.body, `client_id=me&client_secret=${SECRET}&grant_type=client_credentials`);
});

test('an expired token is never used, not even by a millisecond', async (t) => {
  const { endpoint, clock, get, getNow } = await startFlow(t, { script: ({ n }) => granted(`token-${n}`, 3) });
  await get();
  await clock.advance(2_999);
  t.is(getNow().headers[1], 'Bearer token-1');
  await clock.advance(1);
  t.throws(getNow, { message: 'no token at hand' });
  t.is(await get(), 'Bearer token-2');
  t.is(getNow().generation, 2);
  t.is(endpoint.calls.length, 2);
});

for (const lifetime of [0, -100, '-1']) {
  test(`a lifetime of ${JSON.stringify(lifetime)} counts as the cooldown, and is told`, async (t) => {
    const { endpoint, clock, get, getNow, notices } = await startFlow(t, {
      script: ({ n }) => granted(`token-${n}`, lifetime),
    });
    t.is(await get(), 'Bearer token-1');
    await clock.advance(4_999);
    t.is(getNow().headers[1], 'Bearer token-1');
    await clock.advance(1);
    t.is(await get(), 'Bearer token-2');
    t.is(endpoint.calls.length, 2);
    t.like(notices[0], { level: 'warn', fields: { provider: 'test', lifetime_ms: Number(lifetime) * 1000 } });
  });
}

test('a clock of theirs that is ten minutes off costs nothing', async (t) => {
  for (const skewMs of [-600_000, 600_000]) {
    // oxlint-disable-next-line no-await-in-loop
    const { endpoint, clock, get, getNow } = await startFlow(t, {
      profile: {
        ...OAUTH,
        token: tokenOf({ read: { ...tokenOf().read, expiry: [{ at: '/exp', since: '/iat', unit: 'ms' }] } }),
      },
      script: ({ n }) => {
        const now = clock.now() + skewMs;
        return { body: { access_token: `token-${n}`, iat: now, exp: now + 60_000 } };
      },
    });
    // oxlint-disable-next-line no-await-in-loop
    await get();
    // oxlint-disable-next-line no-await-in-loop
    await clock.advance(40_000);
    t.is(getNow().generation, 1);
    t.is(endpoint.calls.length, 1);
  }
});

test('a token with no word about its lifetime lives as long as the profile says', async (t) => {
  const { auth, clock, get, getNow } = await startFlow(t, { script: () => ({ body: { access_token: 'a' } }) });
  await get();
  auth.close();
  await clock.advance(599_999);
  t.notThrows(getNow);
  await clock.advance(1);
  t.throws(getNow);
});

test('the store gives a token to whoever asks with the same, and to nobody else', async (t) => {
  const { endpoint, get, auth, deps, clock } = await startFlow(t);
  await get();
  auth.close();
  await clock.advance(1_000);
  const same = { client_id: 'me', client_secret: 'rotated' };
  const endpoints = { token: endpoint.url, api: 'https://api.example' };
  const again = benchOf(providerOf(profileOf(OAUTH), credentialsOf(same), { endpoints }), deps);
  t.like(again.auth.forUpstream('https://api.example').authorize(outbound()), {
    generation: 1,
    headers: ['authorization', 'Bearer token-1'],
  });
  t.is(endpoint.calls.length, 1);
  const others = [
    providerOf(profileOf(OAUTH), credentialsOf({ ...same, client_id: 'you' }), { endpoints }),
    providerOf(profileOf(OAUTH), credentialsOf(same), { endpoints, scope: ['more'] }),
    providerOf(profileOf(OAUTH), credentialsOf(same), { endpoints: { ...endpoints, token: `${endpoint.url}?other` } }),
    providerOf(profileOf(OAUTH), credentialsOf(same), { endpoints, name: 'other' }),
  ];
  for (const provider of others) {
    const other = benchOf(provider, deps);
    // oxlint-disable-next-line no-await-in-loop
    await other.auth.forUpstream('https://api.example').authorize(outbound());
  }
  t.is(endpoint.calls.length, 1 + others.length);
});

test('a person can ask for the token, and for a new one', async (t) => {
  const { endpoint, auth, getNow, renewals } = await startFlow(t);
  const first = await auth.token({ renew: false });
  t.like(first, { generation: 1, accessToken: 'token-1', tokenType: 'Bearer' });
  t.is(await auth.token({ renew: false }), first);
  t.like(await auth.token({ renew: true }), { generation: 2, accessToken: 'token-2' });
  t.is(getNow().generation, 2);
  t.is(endpoint.calls.length, 2);
  t.deepEqual(
    renewals.map(({ reason }) => reason),
    ['manual', 'manual'],
  );
});

test('a person who asks is told why there is none', async (t) => {
  const { auth } = await startFlow(t, { script: () => ({ status: 401, body: '' }) });
  await t.throwsAsync(auth.token({ renew: true }), { message: /token_unavailable: .*refused the credentials/ });
});

test('more requests than may wait are told so at once, and nothing else happens to the others', async (t) => {
  const { endpoint, authorizer } = await startFlow(t, { script: () => undefined, deps: { maxWaiting: 3 } });
  const waiting = Array.from({ length: 3 }, async () => authorizer.authorize(outbound()));
  const error = await t.throwsAsync(Promise.resolve(authorizer.authorize(outbound())));
  t.like(error, { code: 'overloaded', status: 503, outcome: 'not_sent', headers: ['Retry-After', '1'] });
  const call = await endpoint.call(1);
  call.res.end('{"access_token":"late","expires_in":60}');
  t.deepEqual(
    (await Promise.all(waiting)).map(({ headers }) => headers[1]),
    ['Bearer late', 'Bearer late', 'Bearer late'],
  );
});

test('the call goes on when whoever asked for it has gone', async (t) => {
  const { endpoint, authorizer, getNow } = await startFlow(t, { script: () => undefined });
  void authorizer.authorize(outbound());
  const call = await endpoint.call(1);
  call.res.end('{"access_token":"late"}');
  await until('the token is there', () => !(authorizer.authorize(outbound()) instanceof Promise));
  t.is(getNow().headers[1], 'Bearer late');
});

test('a token that another replica stored meanwhile is taken, with no call', async (t) => {
  const keys = new Set<string>();
  let shared: MemoryStore | undefined;
  const { endpoint, authorizer, clock, getNow, get, renewals } = await startFlow(t, {
    wrapStore(store) {
      shared = store;
      return slowStore(store, keys);
    },
  });
  await get();
  const old = getNow();
  await clock.advance(10_000);
  const issuedAtMs = clock.now();
  const theirs = { accessToken: 'theirs', tokenType: 'Bearer', refreshToken: undefined };
  shared?.compareAndSet([...keys][0] as string, 1, {
    ...theirs,
    generation: 2,
    issuedAtMs,
    expiresAtMs: issuedAtMs + 60_000,
  });
  const renewed = await authorizer.renew(old, outbound(), clock.now());
  t.like(renewed, { authorized: { headers: ['authorization', 'Bearer theirs'], generation: 2 } });
  t.is(endpoint.calls.length, 1);
  t.is(renewals.length, 1);
});

test('a store over a network is asked once, and its token used at once from then on', async (t) => {
  const keys = new Set<string>();
  const { endpoint, authorizer, get, getNow, deps } = await startFlow(t, {
    wrapStore: (store) => slowStore(store, keys),
  });
  await Promise.all([get(), get(), get()]);
  t.is(getNow().generation, 1);
  t.deepEqual(
    [...keys].map((key) => key.replace(/@[0-9a-f]{12}$/, '@…')),
    ['test@…'],
  );
  const endpoints = { token: endpoint.url, api: 'https://api.example' };
  const again = benchOf(providerOf(profileOf(OAUTH), credentialsOf({ client_id: 'me' }), { endpoints }), deps);
  const taken = await again.auth.forUpstream('https://api.example').authorize(outbound());
  t.is(taken.headers[1], 'Bearer token-1');
  t.is(endpoint.calls.length, 1);
  t.is(authorizer.privateHeaders.length, 0);
});

test('a store that is down costs nothing: the token is kept in the process', async (t) => {
  const { endpoint, get, getNow } = await startFlow(t, { wrapStore: downStore });
  t.is(await get(), 'Bearer token-1');
  t.is(getNow().generation, 1);
  t.is(endpoint.calls.length, 1);
});
