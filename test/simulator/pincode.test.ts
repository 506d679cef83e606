import test from 'ava';
import { startSimulator } from '../helpers/simulator.ts';
import type { TestSimulator } from '../helpers/simulator.ts';
import { FORM, JSON_TYPE, askToken, send } from './client.ts';
import type { Reply } from './client.ts';

const TOKEN = '/pincode/olympus/im/v1/oauth/token';
const CLIENT = { client_id: 'test', client_secret: 'test' };
const FIELDS = { ...CLIENT, grant_type: 'client_credentials' };

const status = async (simulator: TestSimulator, token: string): Promise<Reply> =>
  send(simulator, 'GET', '/pincode/v1/catalogue/items', { authorization: `O-Bearer ${token}` });

const refresh = (simulator: TestSimulator, old: Reply, change: Readonly<Record<string, string>> = {}): Promise<Reply> =>
  askToken(simulator, TOKEN, {
    ...CLIENT,
    grant_type: 'refresh_token',
    token: old.body.access_token,
    refresh_token: old.body.refresh_token,
    ...change,
  });

test('a token comes in the documented shape: times in milliseconds, expires_in in seconds', async (t) => {
  const simulator = await startSimulator(t);
  const { status: code, body } = await askToken(simulator, TOKEN, FIELDS);
  t.is(code, 200);
  const now = simulator.clock.now();
  t.like(body, { token_type: 'O-Bearer', expires_in: 86_400, issued_at: now, expires_at: now + 86_400_000 });
  t.is(typeof body.refresh_token, 'string');
});

test('an order is priced, exists afterwards and can be cancelled', async (t) => {
  const simulator = await startSimulator(t);
  const { body: token } = await askToken(simulator, TOKEN, FIELDS);
  const headers = { authorization: `O-Bearer ${token.access_token}`, ...JSON_TYPE };
  const order = {
    merchantOrderId: 'o-1',
    items: [
      { itemId: 'tea-250', quantity: 2 },
      { itemId: 'soap-3', quantity: 1 },
    ],
  };
  const made = await send(simulator, 'POST', '/pincode/v1/orders', headers, JSON.stringify(order));
  t.is(made.status, 200);
  t.is(made.body.data.amount, 2 * 19_900 + 9_900);
  const read = await send(simulator, 'GET', '/pincode/v1/orders/o-1', headers);
  t.deepEqual(read.body, made.body);
  const cancelled = await send(simulator, 'POST', '/pincode/v1/orders/o-1/cancel', headers);
  t.is(cancelled.body.data.state, 'CANCELLED');
  t.is((await send(simulator, 'GET', '/pincode/v1/orders/none', headers)).status, 404);
  t.is((await send(simulator, 'GET', '/pincode/v1/catalogue/items/tea-250', headers)).body.data.price, 19_900);
  const unknown = { merchantOrderId: 'o-2', items: [{ itemId: 'gold', quantity: 1 }] };
  t.is((await send(simulator, 'POST', '/pincode/v1/orders', headers, JSON.stringify(unknown))).status, 400);
});

test('a revoked session is a 412; an unknown, missing or expired token a 401', async (t) => {
  const simulator = await startSimulator(t);
  const first = await askToken(simulator, TOKEN, FIELDS);
  t.is((await status(simulator, first.body.access_token)).status, 200);
  await simulator.control('revoke', { provider: 'pincode' });
  const rejected = await status(simulator, first.body.access_token);
  t.is(rejected.status, 412);
  t.is(rejected.body.code, 'SESSION_EXPIRED');

  t.is((await status(simulator, 'nobody')).status, 401);
  t.is((await send(simulator, 'GET', '/pincode/v1/catalogue/items')).status, 401);
  const second = await askToken(simulator, TOKEN, FIELDS);
  await simulator.clock.advance(86_400_000);
  const expired = await status(simulator, second.body.access_token);
  t.is(expired.status, 401);
  t.is(expired.body.code, 'AUTHORIZATION_FAILED');
  t.like((await simulator.calls('pincode')).api, { total: 5, ok: 1, rejected: 4 });
});

for (const grantType of ['refresh_token', 'client_credentials'])
  test(`a refresh with grant_type ${grantType} brings a new token and a new refresh token`, async (t) => {
    const simulator = await startSimulator(t);
    const first = await askToken(simulator, TOKEN, FIELDS);
    const second = await refresh(simulator, first, { grant_type: grantType });
    t.is(second.status, 200);
    t.not(second.body.access_token, first.body.access_token);
    t.not(second.body.refresh_token, first.body.refresh_token);
    t.is((await status(simulator, second.body.access_token)).status, 200);
    t.is((await status(simulator, first.body.access_token)).status, 200);
    t.like((await simulator.calls('pincode')).token, { fetch: 1, refresh: 1, ok: 2, refused: 0 });
  });

test('a refresh works for a revoked token too, unless the refresh tokens were revoked with it', async (t) => {
  const simulator = await startSimulator(t);
  const first = await askToken(simulator, TOKEN, FIELDS);
  await simulator.control('revoke', { provider: 'pincode' });
  const second = await refresh(simulator, first);
  t.is((await status(simulator, second.body.access_token)).status, 200);
  await simulator.control('revoke', { provider: 'pincode', refresh: 'true' });
  const third = await refresh(simulator, second);
  t.is(third.status, 400);
  t.is(third.body.code, 'INVALID_GRANT');
});

test('a refresh wants the old token, the refresh token and the client, and spends nothing when refused', async (t) => {
  const simulator = await startSimulator(t);
  const first = await askToken(simulator, TOKEN, FIELDS);
  const other = await askToken(simulator, TOKEN, FIELDS);
  t.is((await refresh(simulator, first, { token: other.body.access_token })).body.code, 'INVALID_GRANT');
  t.is((await refresh(simulator, first, { refresh_token: 'nobody' })).body.code, 'INVALID_GRANT');
  t.is((await refresh(simulator, first, { token: '' })).body.code, 'BAD_REQUEST');
  t.is((await refresh(simulator, first, { client_secret: 'wrong' })).body.code, 'INVALID_CLIENT');
  t.is((await refresh(simulator, first, { grant_type: 'password' })).body.code, 'UNSUPPORTED_GRANT_TYPE');
  t.is((await refresh(simulator, first)).status, 200);
});

test('a refresh token that is used twice ends the whole family, and no other', async (t) => {
  const simulator = await startSimulator(t);
  const first = await askToken(simulator, TOKEN, FIELDS);
  const other = await askToken(simulator, TOKEN, FIELDS);
  const second = await refresh(simulator, first);
  t.is((await refresh(simulator, first)).status, 400);
  t.is((await status(simulator, second.body.access_token)).status, 412);
  t.is((await refresh(simulator, second)).status, 400);
  t.is((await status(simulator, other.body.access_token)).status, 200);
});

for (const [what, accept, code] of [
  ['application/json', 'application/json', 200],
  ['anything', '*/*', 200],
  ['only XML', 'application/xml', 400],
] as const)
  test(`a token call that accepts ${what} gets ${code}`, async (t) => {
    const simulator = await startSimulator(t);
    const answer = await send(simulator, 'POST', TOKEN, { ...FORM, accept }, String(new URLSearchParams(FIELDS)));
    t.is(answer.status, code);
  });

test('a client_version, which PhonePe PG wants, is a field too many here', async (t) => {
  const simulator = await startSimulator(t);
  t.is((await askToken(simulator, TOKEN, { ...FIELDS, client_version: '1' })).status, 400);
});
