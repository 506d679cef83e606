import test from 'ava';
import { until } from '../../helpers/http1.ts';
import { granted } from '../../helpers/token-endpoint.ts';
import { startReplicas, tokenOfRequest } from './replicas.ts';

const HOUR_MS = 3_600_000;

/** One process alone, whose clock can be set. */
async function startOne(t: Parameters<typeof startReplicas>[0], options: Parameters<typeof startReplicas>[2] = {}) {
  const { all, ...rest } = await startReplicas(t, 1, options);
  const [one] = all;
  if (!one) throw new Error('there is none');
  return { ...rest, ...one };
}

for (const [what, jumpMs] of [
  ['back by an hour', -HOUR_MS],
  ['forth by ten minutes', 600_000],
] as const) {
  test(`a clock that is set ${what} costs no token call, and no token lives longer for it`, async (t) => {
    const { endpoint, clock, time, get, getNow, auth } = await startOne(t, {
      script: ({ n }) => granted(`token-${n}`, 1_800),
    });
    await get();
    await time.advance(60_000);
    clock.set(jumpMs);
    t.is(tokenOfRequest(getNow()), 'token-1');
    auth.close();
    await time.advance(1_800_000 - 60_000 - 1 - Math.max(jumpMs, 0));
    t.is(tokenOfRequest(getNow()), 'token-1');
    t.is(endpoint.calls.length, 1);
    await time.advance(1);
    t.throws(getNow);
  });
}

test('a clock that is set beyond the expiry costs one token call, and nothing after that', async (t) => {
  const { endpoint, clock, time, get, getNow } = await startOne(t, { script: ({ n }) => granted(`token-${n}`, 300) });
  await get();
  clock.set(HOUR_MS);
  await Promise.all(Array.from({ length: 50 }, get));
  t.is(endpoint.calls.length, 2);
  await time.advance(200_000);
  t.is(tokenOfRequest(getNow()), 'token-2');
  t.is(endpoint.calls.length, 2);
});

test('a machine that has slept sends no token that expired meanwhile', async (t) => {
  const { clock, get, getNow } = await startOne(t, { script: ({ n }) => granted(`token-${n}`, 300) });
  await get();
  clock.set(299_999);
  t.is(tokenOfRequest(getNow()), 'token-1');
  clock.set(1);
  t.throws(getNow);
});

test('renewals behind the back come when they should, wherever the clock was set', async (t) => {
  const { endpoint, clock, time, get, getNow } = await startOne(t, { script: ({ n }) => granted(`token-${n}`, 1_000) });
  await get();
  clock.set(-HOUR_MS);
  await time.advance(799_999);
  t.is(endpoint.calls.length, 1);
  await time.advance(1);
  await until('the renewal', () => tokenOfRequest(getNow()) === 'token-2');
});

test('a rejected token is renewed, wherever the clock was set since it came', async (t) => {
  for (const jumpMs of [-HOUR_MS, 600_000]) {
    // oxlint-disable-next-line no-await-in-loop
    const { clock, time, get, getNow, reject, endpoint } = await startOne(t);
    // oxlint-disable-next-line no-await-in-loop
    await get();
    clock.set(jumpMs);
    // oxlint-disable-next-line no-await-in-loop
    await time.advance(4_999);
    // oxlint-disable-next-line no-await-in-loop
    t.like(await reject(getNow()), { skip: 'cooldown' });
    // oxlint-disable-next-line no-await-in-loop
    await time.advance(1);
    // oxlint-disable-next-line no-await-in-loop
    t.like(await reject(getNow()), { authorized: { generation: 2 }, renewed: true });
    t.is(endpoint.calls.length, 2);
  }
});

test('a back-off is over when its time is, wherever the clock was set', async (t) => {
  const { clock, time, get, endpoint } = await startOne(t, {
    script: ({ n }) => (n === 1 ? { status: 500, body: '' } : granted(`token-${n}`)),
  });
  await t.throwsAsync(get, { message: /token_unavailable/ });
  clock.set(-HOUR_MS);
  await time.advance(999);
  const error = await t.throwsAsync(get, { message: /token_unavailable/ });
  t.deepEqual((error as { headers?: unknown }).headers, ['Retry-After', '1']);
  t.is(endpoint.calls.length, 1);
  await time.advance(1);
  t.is(await get(), 'token-2');
});

test('a token that was stored before the clock was set back lives no longer than it would have', async (t) => {
  const { all, time, endpoint } = await startReplicas(t, 2, { script: ({ n }) => granted(`token-${n}`, 1_000) });
  const [first, second] = all;
  await first?.get();
  second?.clock.set(-HOUR_MS);
  t.is(await second?.get(), 'token-1');
  for (const { auth } of all) auth.close();
  await time.advance(1_000_000);
  t.is(endpoint.calls.length, 1);
  t.throws(() => second?.getNow());
});

test('an answer that lay there while the process stood still is as old as it may be', async (t) => {
  const { endpoint, clock, time, get, getNow, auth } = await startOne(t, {
    script: ({ n }) => (n === 1 ? undefined : granted(`token-${n}`, 100)),
  });
  const got = get();
  const call = await endpoint.call(1);
  await time.advance(2_000);
  clock.stand(60_000);
  call.res.end(JSON.stringify(granted('token-1', 100).body));
  t.is(await got, 'token-1');
  auth.close();
  await time.advance(39_999);
  t.is(tokenOfRequest(getNow()), 'token-1');
  await time.advance(1);
  t.throws(getNow, undefined, 'it may have come when the process was last seen alive');
});

test('an answer that expired while the process stood still is not used: another is got', async (t) => {
  const { endpoint, clock, time, get } = await startOne(t, {
    script: ({ n }) => (n === 1 ? undefined : granted(`token-${n}`, 5)),
  });
  const got = get();
  const call = await endpoint.call(1);
  await time.advance(2_000);
  clock.stand(60_000);
  // The timer may be met before the answer.
  await time.advance(1_000);
  call.res.end(JSON.stringify(granted('token-1', 5).body));
  t.is(await got, 'token-2');
  t.is(endpoint.calls.length, 2);
});

test('an answer that takes its time is as young as it is', async (t) => {
  const { endpoint, time, get, getNow, auth } = await startOne(t, { script: () => undefined });
  const got = get();
  const call = await endpoint.call(1);
  await time.advance(9_000);
  call.res.end(JSON.stringify(granted('token-1', 100).body));
  await got;
  auth.close();
  await time.advance(99_999);
  t.is(tokenOfRequest(getNow()), 'token-1');
  await time.advance(1);
  t.throws(getNow);
});
