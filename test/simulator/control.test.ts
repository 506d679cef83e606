import test from 'ava';
import { startSimulator } from '../helpers/simulator.ts';
import type { TestSimulator } from '../helpers/simulator.ts';
import { JSON_TYPE, askToken, send } from './client.ts';

const TOKEN = '/phonepe/apis/pg-sandbox/v1/oauth/token';
const ORDER = '/phonepe/apis/pg-sandbox/checkout/v2/order/none/status';
const FIELDS = { client_id: 'test', client_version: '1', client_secret: 'test', grant_type: 'client_credentials' };

const token = (simulator: TestSimulator) => askToken(simulator, TOKEN, FIELDS);
const order = (simulator: TestSimulator, accessToken: string) =>
  send(simulator, 'GET', ORDER, { authorization: `O-Bearer ${accessToken}` });

test('revoke ends every token of one provider, and new ones are good', async (t) => {
  const simulator = await startSimulator(t);
  const [first, second] = [await token(simulator), await token(simulator)];
  t.deepEqual(await simulator.control('revoke', { provider: 'pincode' }), { provider: 'pincode', revoked: 0 });
  t.is((await order(simulator, first.body.access_token)).status, 404);
  t.deepEqual(await simulator.control('revoke', { provider: 'phonepe' }), { provider: 'phonepe', revoked: 2 });
  t.is((await order(simulator, first.body.access_token)).status, 401);
  t.is((await order(simulator, second.body.access_token)).status, 401);
  t.is((await order(simulator, (await token(simulator)).body.access_token)).status, 404);
});

test('without a provider all are meant', async (t) => {
  const simulator = await startSimulator(t, {
    providers: ['a', 'b'].map((name) => ({ name, kind: 'phonepe', credentials: {} })),
  });
  await askToken(simulator, TOKEN.replace('phonepe', 'a'), FIELDS);
  t.deepEqual(await simulator.control('revoke'), {
    providers: [
      { provider: 'a', revoked: 1 },
      { provider: 'b', revoked: 0 },
    ],
  });
});

for (const [what, query, body, lifetimeMs] of [
  ['milliseconds', '?ms=90500', undefined, 90_500],
  ['seconds', '?seconds=30', undefined, 30_000],
  ['a duration', '?value=5s', undefined, 5_000],
  ['a JSON body', '', '{"seconds":7}', 7_000],
  ['nothing, after something else: as at the start', '', undefined, 3_600_000],
] as const)
  test(`lifetime takes ${what}, for tokens issued from then on`, async (t) => {
    const simulator = await startSimulator(t);
    await simulator.control('lifetime', { ms: 1 });
    const url = `/_control/lifetime${query || '?'}${query ? '&' : ''}provider=phonepe`;
    const before = await token(simulator);
    const set = await send(simulator, 'POST', url, JSON_TYPE, body);
    t.deepEqual(set.body, { provider: 'phonepe', lifetime_ms: lifetimeMs });
    const { body: issued } = await token(simulator);
    t.is(issued.expires_at - issued.issued_at, Math.ceil(lifetimeMs / 1000));
    await simulator.clock.advance(lifetimeMs - 1);
    t.is((await order(simulator, before.body.access_token)).status, 401);
    t.is((await order(simulator, issued.access_token)).status, 404);
    await simulator.clock.advance(1);
    t.is((await order(simulator, issued.access_token)).status, 401);
  });

/** Resolves when the call counts say so; each look is a round trip. */
async function until(simulator: TestSimulator, isSo: (calls: Awaited<ReturnType<TestSimulator['calls']>>) => boolean) {
  while (!isSo(await simulator.calls('phonepe')));
}

test('delay holds token calls back, not API calls, until the time is over', async (t) => {
  const simulator = await startSimulator(t);
  const { body } = await token(simulator);
  await simulator.control('delay', { provider: 'phonepe', seconds: 2 });
  let isAnswered = false;
  const pending = Promise.all([token(simulator), token(simulator)]).then((replies) => {
    isAnswered = true;
    return replies;
  });
  await until(simulator, ({ token: { fetch } }) => fetch === 3);
  t.is((await order(simulator, body.access_token)).status, 404);
  await simulator.clock.advance(1_999);
  await simulator.calls('phonepe');
  t.false(isAnswered);
  await simulator.clock.advance(1);
  t.deepEqual(
    (await pending).map(({ status }) => status),
    [200, 200],
  );
  t.like((await simulator.calls('phonepe')).token, { fetch: 3, ok: 3, most_at_once: 2 });
  await simulator.control('delay', { provider: 'phonepe', ms: 0 });
  t.is((await token(simulator)).status, 200);
});

test('delay with target=api holds API calls back, not token calls', async (t) => {
  const simulator = await startSimulator(t);
  await simulator.control('delay', { provider: 'phonepe', ms: 50, target: 'api' });
  const { body } = await token(simulator);
  const pending = order(simulator, body.access_token);
  await until(simulator, ({ api: { total } }) => total === 1);
  t.is((await simulator.calls('phonepe')).api.refused, 0);
  await simulator.clock.advance(50);
  t.is((await pending).status, 404);
});

test('a token call whose sender goes away during the delay issues nothing', async (t) => {
  const simulator = await startSimulator(t);
  await simulator.control('delay', { provider: 'phonepe', ms: 1000 });
  const abort = new AbortController();
  const gone = fetch(simulator.origin + TOKEN, {
    method: 'POST',
    body: new URLSearchParams(FIELDS),
    signal: abort.signal,
  });
  await until(simulator, ({ token: { fetch } }) => fetch === 1);
  abort.abort();
  await t.throwsAsync(gone);
  await until(simulator, ({ token: { under_way } }) => under_way === 0);
  await simulator.clock.advance(1000);
  t.like((await simulator.calls('phonepe')).token, { fetch: 1, ok: 0, refused: 0 });
});

test('fail answers so many calls with the status, then all is as before', async (t) => {
  const simulator = await startSimulator(t);
  await simulator.control('fail', { provider: 'phonepe', status: 429, count: 2, retry_after: 7 });
  for (const left of [2, 1]) {
    const answer = await token(simulator);
    t.is(answer.status, 429, `${left} left`);
    t.is(answer.headers.get('retry-after'), '7');
    t.is(answer.body.code, 'SIMULATED_FAILURE');
  }
  t.is((await token(simulator)).status, 200);
  t.like((await simulator.calls('phonepe')).token, { fetch: 3, ok: 1, refused: 0, failed: 2 });
});

test('fail goes on until it is cleared, for the target alone', async (t) => {
  const simulator = await startSimulator(t);
  await simulator.control('fail', { provider: 'phonepe', target: 'api' });
  const { body } = await token(simulator);
  for (let i = 0; i < 3; i++) t.is((await order(simulator, body.access_token)).status, 503);
  await simulator.control('fail', { provider: 'phonepe', target: 'api', status: 0 });
  t.is((await order(simulator, body.access_token)).status, 404);
  t.like((await simulator.calls('phonepe')).api, { total: 4, failed: 3, refused: 1 });
});

test('calls counts each provider by itself, controls not at all', async (t) => {
  const simulator = await startSimulator(t);
  const { body } = await token(simulator);
  await askToken(simulator, TOKEN, { ...FIELDS, client_secret: 'wrong' });
  await order(simulator, body.access_token);
  await order(simulator, 'nobody');
  await send(simulator, 'GET', '/phonepe/nowhere');
  const pay = { merchantOrderId: 'o', amount: 100 };
  const headers = { authorization: `O-Bearer ${body.access_token}`, ...JSON_TYPE };
  await send(simulator, 'POST', '/phonepe/apis/pg-sandbox/checkout/v2/pay', headers, JSON.stringify(pay));
  t.deepEqual(await simulator.calls('phonepe'), {
    provider: 'phonepe',
    kind: 'phonepe',
    token: { fetch: 2, refresh: 0, ok: 1, refused: 1, failed: 0, under_way: 0, most_at_once: 1 },
    api: { total: 4, ok: 1, rejected: 1, refused: 2, failed: 0 },
  });
  t.is((await simulator.calls('pincode')).token.fetch, 0);
  const all = await send(simulator, 'GET', '/_control/calls');
  t.is(all.body.providers.length, 10);
});

test('an unknown provider is a 404 that lists the known ones', async (t) => {
  const simulator = await startSimulator(t, { providers: [{ name: 'mine', kind: 'phonepe', credentials: {} }] });
  for (const path of ['/_control/calls?provider=pincode', '/_control/calls?provider=', '/phonepe/x']) {
    const answer = await send(simulator, 'GET', path);
    t.is(answer.status, 404, path);
    t.deepEqual(answer.body.known, ['mine']);
  }
});

test('a provider answers to the name of its profile too', async (t) => {
  const simulator = await startSimulator(t, { providers: [{ name: 'mine', kind: 'phonepe', credentials: {} }] });
  const answer = await send(simulator, 'GET', '/_control/calls?provider=phonepe');
  t.is(answer.status, 200);
  t.is(answer.body.provider, 'mine');
});

for (const [method, path, status, body] of [
  ['POST', '/_control/lifetime?ms=soon', 400],
  ['POST', '/_control/lifetime?ms=-1', 400],
  ['POST', '/_control/lifetime?value=5', 400],
  ['POST', '/_control/lifetime?ms=1&seconds=1', 400],
  ['POST', '/_control/lifetime?ms=1&ms=2', 400],
  ['POST', '/_control/lifetime?milliseconds=1', 400],
  ['POST', '/_control/lifetime', 400, '{'],
  ['POST', '/_control/lifetime', 400, '[1]'],
  ['POST', '/_control/delay?ms=1&target=all', 400],
  ['POST', '/_control/fail?status=200', 400],
  ['POST', '/_control/fail?status=600', 400],
  ['POST', '/_control/fail?count=0', 400],
  ['POST', '/_control/fail?retry_after=%0d%0a', 400],
  ['POST', '/_control/revoke?refresh=yes', 400],
  ['GET', '/_control/revoke', 405],
  ['POST', '/_control/calls', 405],
  ['POST', '/_control/nothing', 404],
  ['POST', '/_control', 404],
] as const)
  test(`${method} ${path} ${body ?? ''} is a ${status} that changes nothing`, async (t) => {
    const simulator = await startSimulator(t);
    const answer = await send(simulator, method, path, JSON_TYPE, body);
    t.is(answer.status, status);
    t.is(typeof answer.body.error, 'string');
    const { body: issued } = await token(simulator);
    t.is(issued.expires_at - issued.issued_at, 3600);
  });
