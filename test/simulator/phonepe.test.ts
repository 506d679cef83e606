import test from 'ava';
import { startSimulator } from '../helpers/simulator.ts';
import type { TestSimulator } from '../helpers/simulator.ts';
import { FORM, JSON_TYPE, askToken, send } from './client.ts';

const TOKEN = '/phonepe/apis/pg-sandbox/v1/oauth/token';
const API = '/phonepe/apis/pg-sandbox';
const FIELDS = { client_id: 'test', client_version: '1', client_secret: 'test', grant_type: 'client_credentials' };

async function authorized(simulator: TestSimulator): Promise<Record<string, string>> {
  const { body } = await askToken(simulator, TOKEN, FIELDS);
  return { authorization: `O-Bearer ${body.access_token}`, ...JSON_TYPE };
}

test('a token comes in the documented shape: expires_in null, times in epoch seconds', async (t) => {
  const simulator = await startSimulator(t);
  const { status, body, headers } = await askToken(simulator, TOKEN, FIELDS);
  t.is(status, 200);
  const now = Math.floor(simulator.clock.now() / 1000);
  t.like(body, {
    expires_in: null,
    issued_at: now,
    expires_at: now + 3600,
    session_expires_at: now + 3600,
    token_type: 'O-Bearer',
  });
  t.is(typeof body.encrypted_access_token, 'string');
  t.is(headers.get('date'), new Date(simulator.clock.now()).toUTCString());
});

test('the expiry inside the token contradicts the fields, so that nobody can rely on it', async (t) => {
  const simulator = await startSimulator(t);
  const { body } = await askToken(simulator, TOKEN, FIELDS);
  const claims = JSON.parse(Buffer.from(body.access_token.split('.')[1], 'base64url').toString());
  t.true(claims.expiresOn < simulator.clock.now());
});

test('a payment exists afterwards, can be refunded up to its amount, and the refund exists', async (t) => {
  const simulator = await startSimulator(t);
  const headers = await authorized(simulator);
  const call = (method: string, path: string, body?: object) =>
    send(simulator, method, API + path, headers, body && JSON.stringify(body));

  const paid = await call('POST', '/checkout/v2/pay', {
    merchantOrderId: 'o-1',
    amount: 1000,
    metaInfo: { udf1: 'x' },
  });
  t.is(paid.status, 200);
  t.is(paid.body.state, 'PENDING');
  t.true(paid.body.redirectUrl.endsWith(paid.body.orderId));

  const status = await call('GET', '/checkout/v2/order/o-1/status?details=true');
  t.like(status.body, { orderId: paid.body.orderId, state: 'COMPLETED', amount: 1000, metaInfo: { udf1: 'x' } });

  const refund = { merchantRefundId: 'r-1', originalMerchantOrderId: 'o-1', amount: 600 };
  const refunded = await call('POST', '/payments/v2/refund', refund);
  t.like(refunded.body, { amount: 600, state: 'PENDING' });
  t.is((await call('POST', '/payments/v2/refund', refund)).body.refundId, refunded.body.refundId);
  t.is((await call('POST', '/payments/v2/refund', { ...refund, merchantRefundId: 'r-2' })).status, 400);
  t.like((await call('GET', '/payments/v2/refund/r-1/status')).body, {
    refundId: refunded.body.refundId,
    originalMerchantOrderId: 'o-1',
    amount: 600,
    state: 'COMPLETED',
  });

  const link = await call('POST', '/paylinks/v1/pay', { merchantOrderId: 'l-1', amount: 500 });
  t.is(link.body.state, 'ACTIVE');
  t.is((await call('GET', '/paylinks/v1/l-1/status')).body.amount, 500);
});

test('the same payment again is the same order, another amount under its id is refused', async (t) => {
  const simulator = await startSimulator(t);
  const headers = await authorized(simulator);
  const pay = (amount: number) =>
    send(simulator, 'POST', `${API}/checkout/v2/pay`, headers, JSON.stringify({ merchantOrderId: 'o-1', amount }));
  const first = await pay(1000);
  t.is((await pay(1000)).body.orderId, first.body.orderId);
  const other = await pay(2000);
  t.is(other.status, 400);
  t.is(other.body.code, 'BAD_REQUEST');
});

test('what was never made is not found', async (t) => {
  const simulator = await startSimulator(t);
  const headers = await authorized(simulator);
  const order = await send(simulator, 'GET', `${API}/checkout/v2/order/none/status`, headers);
  t.is(order.status, 404);
  t.deepEqual(order.body, {
    code: 'INVALID_MERCHANT_ORDER_ID',
    message: 'No entry found for given merchant order id',
  });
  const refund = await send(simulator, 'GET', `${API}/payments/v2/refund/none/status`, headers);
  t.is(refund.body.code, 'REFUND_NOT_FOUND');
  const missing = { merchantRefundId: 'r', originalMerchantOrderId: 'none', amount: 100 };
  t.is((await send(simulator, 'POST', `${API}/payments/v2/refund`, headers, JSON.stringify(missing))).status, 404);
});

for (const [what, body] of Object.entries({
  'no order id': '{"amount":1000}',
  'an order id with a slash': '{"merchantOrderId":"a/b","amount":1000}',
  'an amount below one rupee': '{"merchantOrderId":"a","amount":99}',
  'an amount as text': '{"merchantOrderId":"a","amount":"1000"}',
  'half a paisa': '{"merchantOrderId":"a","amount":1000.5}',
  'a list': '[]',
  'no JSON': '{',
  nothing: '',
  'a BOM': '\ufeff{"merchantOrderId":"a","amount":1000}',
}))
  test(`a payment with ${what} is a BAD_REQUEST`, async (t) => {
    const simulator = await startSimulator(t);
    const answer = await send(simulator, 'POST', `${API}/checkout/v2/pay`, await authorized(simulator), body);
    t.is(answer.status, 400);
    t.deepEqual(answer.body, { code: 'BAD_REQUEST', message: 'Please check the inputs you have provided.' });
    t.regex(answer.headers.get('x-simulator-hint') ?? '', /merchantOrderId|amount|body/);
  });

test('a payment that is not declared as JSON is refused', async (t) => {
  const simulator = await startSimulator(t);
  const headers = { ...(await authorized(simulator)), ...FORM };
  const answer = await send(
    simulator,
    'POST',
    `${API}/checkout/v2/pay`,
    headers,
    '{"merchantOrderId":"a","amount":1000}',
  );
  t.is(answer.status, 415);
});

for (const [what, change, code] of [
  ['a wrong secret', { client_secret: 'wrong' }, 'INVALID_CLIENT'],
  ['a wrong client', { client_id: 'wrong' }, 'INVALID_CLIENT'],
  ['a wrong client version', { client_version: '2' }, 'INVALID_CLIENT'],
  ['another grant', { grant_type: 'password' }, 'UNSUPPORTED_GRANT_TYPE'],
  ['an empty secret', { client_secret: '' }, 'BAD_REQUEST'],
  ['a field too many', { scope: 'all' }, 'BAD_REQUEST'],
] as const)
  test(`the token endpoint refuses ${what}`, async (t) => {
    const simulator = await startSimulator(t);
    const { status, body } = await askToken(simulator, TOKEN, { ...FIELDS, ...change });
    t.is(status, 400);
    t.like(body, { code, errorCode: 'OIM000' });
    t.false(JSON.stringify(body).includes('wrong'));
    t.like((await simulator.calls('phonepe')).token, { fetch: 1, ok: 0, refused: 1 });
  });

const FORM_TEXT = String(new URLSearchParams(FIELDS));

for (const [what, status, headers, body, query] of [
  ['JSON', 415, JSON_TYPE, JSON.stringify(FIELDS), ''],
  ['a form that is declared as text', 415, { 'content-type': 'text/plain' }, FORM_TEXT, ''],
  ['a field twice', 400, FORM, `${FORM_TEXT}&client_id=test`, ''],
  ['a missing field', 400, FORM, FORM_TEXT.replace('client_version=1&', ''), ''],
  ['a bad percent escape', 400, FORM, FORM_TEXT.replace('client_id=test', 'client_id=%zz'), ''],
  ['bytes that are not UTF-8', 400, FORM, Buffer.concat([Buffer.from(FORM_TEXT), Buffer.from([0xff])]), ''],
  ['an empty body', 400, FORM, '', ''],
  ['the secret in the query', 400, FORM, FORM_TEXT, '?client_secret=test'],
] as const)
  test(`the token endpoint refuses ${what}`, async (t) => {
    const simulator = await startSimulator(t);
    t.is((await send(simulator, 'POST', TOKEN + query, headers, body)).status, status);
  });

test('the token endpoint takes a charset and any order of fields', async (t) => {
  const simulator = await startSimulator(t);
  const body = String(new URLSearchParams(Object.entries(FIELDS).toReversed()));
  const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
  t.is((await send(simulator, 'POST', TOKEN, headers, body)).status, 200);
});

for (const [what, authorization] of Object.entries({
  'no Authorization': undefined,
  'an unknown token': 'O-Bearer nobody',
  'the scheme Bearer': 'Bearer',
  'an empty token': 'O-Bearer ',
  'two spaces': 'O-Bearer  ',
}))
  test(`the API rejects ${what} with 401 AUTHORIZATION_FAILED`, async (t) => {
    const simulator = await startSimulator(t);
    const token = (await askToken(simulator, TOKEN, FIELDS)).body.access_token;
    const value = ['Bearer', 'O-Bearer  '].includes(authorization ?? '') ? `${authorization} ${token}` : authorization;
    const headers = value === undefined ? {} : { authorization: value };
    const answer = await send(simulator, 'GET', `${API}/checkout/v2/order/o-1/status`, headers);
    t.is(answer.status, 401);
    t.like(answer.body, { code: 'AUTHORIZATION_FAILED' });
    t.like((await simulator.calls('phonepe')).api, { total: 1, rejected: 1, refused: 0 });
  });

test('a token is good until the moment it expires', async (t) => {
  const simulator = await startSimulator(t);
  const headers = await authorized(simulator);
  const status = async () => (await send(simulator, 'GET', `${API}/checkout/v2/order/none/status`, headers)).status;
  await simulator.clock.advance(3_599_999);
  t.is(await status(), 404);
  await simulator.clock.advance(1);
  t.is(await status(), 401);
});

test('each provider has its own tokens, orders and credentials', async (t) => {
  const simulator = await startSimulator(t, {
    providers: [
      { name: 'one', kind: 'phonepe', credentials: { client_secret: 'first' } },
      { name: 'two', kind: 'phonepe', credentials: {} },
    ],
  });
  const token = (name: string, client_secret: string) =>
    askToken(simulator, TOKEN.replace('phonepe', name), { ...FIELDS, client_secret });
  t.is((await token('one', 'test')).status, 400);
  const { body } = await token('one', 'first');
  t.is((await token('two', 'test')).status, 200);
  const headers = { authorization: `O-Bearer ${body.access_token}` };
  const path = API.replace('phonepe', 'two');
  t.is((await send(simulator, 'GET', `${path}/checkout/v2/order/o/status`, headers)).status, 401);
});
