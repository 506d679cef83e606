import test from 'ava';
import { until } from '../../helpers/http1.ts';
import { granted, type TokenAnswer, type TokenScript } from '../../helpers/token-endpoint.ts';
import { callOf } from '../helpers.ts';
import { FORM, OAUTH, tokenOf } from './flow.ts';
import { type Replica, type Replicas, startReplicas, tokenOfRequest } from './replicas.ts';

const REFRESHED = {
  ...OAUTH,
  token: tokenOf({
    refresh: callOf({ form: { ...FORM, grant_type: 'refresh_token', refresh_token: '{{token.refresh_token}}' } }),
  }),
};

const answerOf = (n: number, expiresIn = 3600): TokenAnswer => ({
  body: { access_token: `token-${n}`, refresh_token: `refresh-${n}`, expires_in: expiresIn },
});
const refreshable: TokenScript = ({ n }) => answerOf(n);

/** What each call used: `fetch`, or a refresh token. */
const grants = ({ endpoint }: Replicas): string[] =>
  endpoint.calls.map(({ form }) => form.get('refresh_token') ?? 'fetch');

async function startPair(
  t: Parameters<typeof startReplicas>[0],
  options: Parameters<typeof startReplicas>[2] = {},
): Promise<Replicas & { readonly a: Replica; readonly b: Replica }> {
  const replicas = await startReplicas(t, 2, options);
  const [a, b] = replicas.all as [Replica, Replica];
  return { ...replicas, a, b };
}

const hasToken = (replica: Replica, token: string) => (): boolean => {
  try {
    return tokenOfRequest(replica.getNow()) === token;
  } catch {
    return false;
  }
};

/** Three replicas with one token, a while ago. */
async function startWarm(t: Parameters<typeof startReplicas>[0], script: TokenScript = refreshable): Promise<Replicas> {
  const replicas = await startReplicas(t, 3, { script, profile: REFRESHED });
  await Promise.all(replicas.all.map(({ get }) => get()));
  await replicas.time.advance(10_000);
  return replicas;
}

test('three replicas that begin at once make one call', async (t) => {
  const { all, endpoint } = await startReplicas(t, 3);
  const tokens = await Promise.all(all.flatMap(({ get }) => Array.from({ length: 100 }, get)));
  t.deepEqual(new Set(tokens), new Set(['token-1']));
  t.is(endpoint.calls.length, 1);
  t.is(
    all.reduce((sum, { renewals }) => sum + renewals.length, 0),
    1,
  );
});

test('one with a stored token begins without a call', async (t) => {
  const { a, b, endpoint } = await startPair(t);
  await a.get();
  t.is(await b.get(), 'token-1');
  t.is(endpoint.calls.length, 1);
  t.is(b.renewals.length, 0);
});

test('an expired token is refreshed once for all, though hundreds wait', async (t) => {
  const replicas = await startWarm(t, ({ n }) => answerOf(n, n === 1 ? 5 : 3600));
  const tokens = await Promise.all(replicas.all.flatMap(({ get }) => Array.from({ length: 200 }, get)));
  t.deepEqual(new Set(tokens), new Set(['token-2']));
  t.deepEqual(grants(replicas), ['fetch', 'refresh-1']);
});

test('rejections in all replicas cost one call', async (t) => {
  const replicas = await startWarm(t);
  const rejected = replicas.all.map(({ getNow }) => getNow());
  const renewed = await Promise.all(
    replicas.all.flatMap(({ reject }, i) => Array.from({ length: 100 }, () => reject(rejected[i]!))),
  );
  for (const one of renewed)
    t.like(one, { authorized: { headers: ['authorization', 'Bearer token-2'], generation: 2 } });
  t.deepEqual(grants(replicas), ['fetch', 'refresh-1']);
});

test('a renewal in one is in use in all at once, though nobody asks', async (t) => {
  const replicas = await startWarm(t);
  const [first, ...others] = replicas.all;
  await first?.reject(first.getNow());
  for (const other of others) await until('it is heard of', hasToken(other, 'token-2'));
  t.is(replicas.endpoint.calls.length, 2);
});

test('renewals behind the back are made by one', async (t) => {
  const replicas = await startReplicas(t, 3, { script: ({ n }) => answerOf(n, 100), profile: REFRESHED });
  await Promise.all(replicas.all.map(({ get }) => get()));
  for (const { getNow } of replicas.all) getNow();
  await replicas.time.advance(80_000);
  for (const replica of replicas.all) await until('the renewal', hasToken(replica, 'token-2'));
  await replicas.time.advance(1_000);
  t.deepEqual(grants(replicas), ['fetch', 'refresh-1']);
});

test('who waits for another replica goes on as soon as that has the token', async (t) => {
  const { a, b, endpoint } = await startPair(t, { script: () => undefined });
  const [first, second] = [a.get(), b.get()];
  const call = await endpoint.call(1);
  call.res.end(JSON.stringify(granted('slow').body));
  t.deepEqual(await Promise.all([first, second]), ['slow', 'slow']);
  t.is(endpoint.calls.length, 1);
});

test('a replica that ends in the middle of its call is followed by another, which does not use its refresh token', async (t) => {
  const replicas = await startWarm(t, ({ n }) => (n === 2 ? undefined : answerOf(n)));
  const [a, b] = replicas.all as [Replica, Replica];
  void a.reject(a.getNow());
  await replicas.endpoint.call(2);
  const renewed = b.reject(b.getNow());
  await replicas.time.advance(1_000);
  t.is(replicas.endpoint.calls.length, 2, 'its lease still runs');
  a.link.takeAway();
  await replicas.time.advance(1_000);
  t.like(await renewed, { authorized: { generation: 2, headers: ['authorization', 'Bearer token-3'] } });
  t.deepEqual(grants(replicas), ['fetch', 'refresh-1', 'fetch']);
});

test('an answer that comes after a newer token changes nothing', async (t) => {
  const replicas = await startWarm(t, ({ n }) => (n === 2 ? undefined : answerOf(n)));
  const [a, b, c] = replicas.all as [Replica, Replica, Replica];
  const late = a.reject(a.getNow());
  const call = await replicas.endpoint.call(2);
  a.link.takeAway();
  await b.reject(b.getNow());
  await until('a has heard', hasToken(a, 'token-3'));
  call.res.end(JSON.stringify(answerOf(2).body));
  t.like(await late, { authorized: { headers: ['authorization', 'Bearer token-3'] } });
  for (const replica of [a, b, c]) t.true(hasToken(replica, 'token-3')());
  t.like(replicas.stored(), { generation: 2, accessToken: 'token-3', refreshToken: 'refresh-3' });
  t.is(replicas.endpoint.calls.length, 3);
});

test('an answer that comes after a newer token has come and expired changes nothing, and takes no number of its', async (t) => {
  const replicas = await startWarm(t, ({ n }) => (n === 2 ? undefined : answerOf(n, n === 3 ? 5 : 3600)));
  const [a, b] = replicas.all as [Replica, Replica];
  const late = a.reject(a.getNow());
  const call = await replicas.endpoint.call(2);
  a.link.takeAway();
  await b.reject(b.getNow());
  for (const { auth } of replicas.all) auth.close();
  await replicas.time.advance(6_000);
  call.res.end(JSON.stringify(answerOf(2).body));
  t.like(await late, { authorized: { headers: ['authorization', 'Bearer token-2'], generation: 3 } });
  t.is(replicas.stored()?.generation, 3);
});

test('a replica that stood still before its call makes none when another has renewed', async (t) => {
  const replicas = await startWarm(t);
  const [a, b] = replicas.all as [Replica, Replica];
  const release = Promise.withResolvers<void>();
  const rejected = a.getNow();
  a.link.held = release.promise;
  const late = a.reject(rejected);
  await b.reject(b.getNow());
  release.resolve();
  t.like(await late, { authorized: { headers: ['authorization', 'Bearer token-2'] } });
  t.deepEqual(grants(replicas), ['fetch', 'refresh-1']);
});

test('the same token again, by whichever replica, is no new generation', async (t) => {
  const { a, b, time, endpoint } = await startPair(t, { script: () => granted('same') });
  await a.get();
  await b.get();
  await time.advance(10_000);
  t.like(await b.reject(b.getNow()), { skip: 'renewal_failed' });
  t.is(a.getNow().generation, 1);
  t.is(b.getNow().generation, 1);
  t.is(endpoint.calls.length, 2);
  await time.advance(1_000);
  t.like(await a.reject(a.getNow()), { skip: 'cooldown' }, 'a knows that it is fresh');
});

test('a call that fails where another has got a token meanwhile is no failure', async (t) => {
  const replicas = await startWarm(t, ({ n }) => (n === 2 ? undefined : answerOf(n, n === 1 ? 5 : 3600)));
  const [a, b] = replicas.all as [Replica, Replica];
  const waiting = a.get();
  const call = await replicas.endpoint.call(2);
  a.link.takeAway();
  await b.get();
  call.res.destroy();
  t.is(await waiting, 'token-3');
  t.true(hasToken(a, 'token-3')());
  t.deepEqual(a.notices, []);
});

test('while the store is away each goes on with what it has, and renews without the refresh token of all', async (t) => {
  const replicas = await startWarm(t);
  const [a, b] = replicas.all as [Replica, Replica];
  for (const { link } of replicas.all) link.isDown = true;
  t.is(tokenOfRequest(a.getNow()), 'token-1');
  await a.reject(a.getNow());
  await b.reject(b.getNow());
  t.deepEqual(grants(replicas), ['fetch', 'fetch', 'fetch']);
  t.is(tokenOfRequest(a.getNow()), 'token-2');
  t.is(tokenOfRequest(b.getNow()), 'token-3');
});

for (const [what, lose] of [
  ['with all that it knew', () => undefined],
  ['empty', ({ memory, all }: Replicas) => memory.delete(all[0]?.link.key ?? '')],
] as const) {
  test(`a store that comes back ${what} finds all agreed on one token and one number`, async (t) => {
    const replicas = await startWarm(t);
    const [a, b, c] = replicas.all as [Replica, Replica, Replica];
    for (const { link } of replicas.all) link.isDown = true;
    await a.reject(a.getNow());
    const rejected = b.getNow();
    await b.reject(rejected);
    const own = b.getNow();
    lose(replicas);
    for (const { link } of [a, b, c]) {
      link.mend();
      await replicas.time.advance(10);
    }
    const used = [a, b, c].map(({ getNow }) => getNow());
    t.is(new Set(used.map(tokenOfRequest)).size, 1);
    t.is(new Set(used.map(({ generation }) => generation)).size, 1);
    t.is(replicas.stored()?.accessToken, tokenOfRequest(used[0]!));
    t.is(replicas.stored()?.refreshToken, undefined, 'whoever may have used it');
    t.is(replicas.endpoint.calls.length, 3);
    if (tokenOfRequest(own) !== tokenOfRequest(used[1]!)) {
      t.like(await b.reject(own), { renewed: false }, 'its own token has another number than that of all');
    }
    await replicas.time.advance(10_000);
    await a.reject(a.getNow());
    t.is(grants(replicas).at(-1), 'fetch');
    for (const replica of [a, b, c]) await until('the renewal', hasToken(replica, 'token-4'));
  });
}

test('a store that has forgotten all is given no refresh token that somebody may have used', async (t) => {
  const replicas = await startWarm(t);
  const [a, b] = replicas.all as [Replica, Replica];
  for (const { link } of replicas.all) link.isDown = true;
  replicas.memory.delete(a.link.key);
  for (const { link } of replicas.all) link.mend();
  await until('it is there again', () => replicas.stored() !== undefined);
  t.like(replicas.stored(), { generation: 1, accessToken: 'token-1', refreshToken: undefined });
  await b.reject(b.getNow());
  t.deepEqual(grants(replicas), ['fetch', 'fetch']);
  t.is(replicas.stored()?.refreshToken, 'refresh-2', 'this one is new');
});

test('a token that was got alone is known to all when the store is back, and the same token keeps its age', async (t) => {
  const replicas = await startWarm(t);
  const [a, b] = replicas.all as [Replica, Replica];
  a.link.isDown = true;
  await a.reject(a.getNow());
  replicas.memory.delete(a.link.key);
  a.link.mend();
  await until('b has it', hasToken(b, 'token-2'));
  t.like(await b.reject(b.getNow()), { skip: 'cooldown' });
  t.is(replicas.endpoint.calls.length, 2);
});

test('a store that hangs costs 250 ms in all, and the call is made without it', async (t) => {
  const { a, time, endpoint } = await startPair(t);
  a.link.held = new Promise(() => undefined);
  const got = a.get();
  await time.advance(249);
  t.is(endpoint.calls.length, 0);
  await time.advance(1);
  await endpoint.call(1);
  await time.advance(0);
  t.is(await got, 'token-1');
});

test('several slow answers of the store together cost no more', async (t) => {
  const replicas = await startWarm(t);
  const [a] = replicas.all as [Replica];
  const slow = async (ms: number): Promise<void> =>
    new Promise((resolve) => {
      replicas.time.after(ms, resolve);
    });
  Object.defineProperty(a.link, 'held', { get: () => slow(100) });
  const began = replicas.time.now();
  let tookMs = -1;
  const renewed = a.reject(a.getNow()).then(() => (tookMs = replicas.time.now() - began));
  for (let i = 0; i < 40 && tookMs < 0; i++) {
    await replicas.time.advance(10);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await renewed;
  t.true(tookMs >= 200 && tookMs <= 270, `${tookMs} ms`);
  t.is(tokenOfRequest(a.getNow()), 'token-2');
  await replicas.time.advance(1_000);
  t.is(replicas.stored()?.accessToken, 'token-2', 'it is written all the same');
});

for (const [when, isHeardFirst] of [
  ['while it still waits', true],
  ['after that', false],
] as const) {
  test(`a token that can not be written in time gives way to another replica's, heard of ${when}`, async (t) => {
    const replicas = await startWarm(t, ({ n }) => (n === 2 ? undefined : answerOf(n)));
    const [a, b] = replicas.all as [Replica, Replica];
    const late = a.reject(a.getNow());
    const call = await replicas.endpoint.call(2);
    a.link.takeAway();
    const release = Promise.withResolvers<void>();
    a.link.heldWrites = release.promise;
    call.res.end(JSON.stringify(answerOf(2).body));
    await until('a has its answer', () => replicas.endpoint.underWay === 0);
    if (!isHeardFirst) await replicas.time.advance(300);
    t.is(hasToken(a, 'token-2')(), !isHeardFirst);
    await b.reject(b.getNow());
    await until('a has heard', hasToken(a, 'token-3'));
    await replicas.time.advance(300);
    t.like(await late, { renewed: true });
    release.resolve();
    await replicas.time.advance(300);
    for (const replica of replicas.all) t.true(hasToken(replica, 'token-3')());
    t.is(replicas.stored()?.accessToken, 'token-3');
  });
}

test('who waits for a replica whose call never ends is told so, and tries again itself later', async (t) => {
  const { a, b, time, memory, endpoint } = await startPair(t);
  memory.lock(a.link.key);
  const waiting = b.get();
  const failed = t.throwsAsync(waiting, { message: /token_unavailable: .*those that share its store/ });
  await time.advance(27_000);
  await failed;
  t.is(endpoint.calls.length, 0);
});

test('a person who asks for a new token gets one, also where another replica has newer ones', async (t) => {
  const { a, b, endpoint } = await startPair(t);
  await a.get();
  t.like(await b.auth.token({ renew: false }), { generation: 1 });
  t.like(await b.auth.token({ renew: true }), { generation: 2, accessToken: 'token-2' });
  t.like(await a.auth.token({ renew: true }), { generation: 3, accessToken: 'token-3' });
  t.is(endpoint.calls.length, 3);
});

test('a provider that is closed listens no more', async (t) => {
  const { a, b, time } = await startPair(t);
  await Promise.all([a.get(), b.get()]);
  await time.advance(10_000);
  b.auth.close();
  await a.reject(a.getNow());
  await time.advance(10);
  t.is(tokenOfRequest(b.getNow()), 'token-1');
});
