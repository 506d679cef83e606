import test from 'ava';
import { startSimulator } from '../helpers/simulator.ts';
import type { TestSimulator } from '../helpers/simulator.ts';
import { FORM, JSON_TYPE, askToken, send } from './client.ts';

const FIELDS = { client_id: 'test', client_secret: 'test', grant_type: 'client_credentials' };
const LINK_SCOPES = 'create_payment_links update_payment_links read_payment_links';

const token = (simulator: TestSimulator, kind: string, scope: string) =>
  askToken(simulator, `/${kind}/oauth/token`, { ...FIELDS, scope });

async function authorized(simulator: TestSimulator, kind: string, scope: string): Promise<Record<string, string>> {
  const { body } = await token(simulator, kind, scope);
  return { authorization: `Bearer ${body.access_token}`, merchantId: 'test', ...JSON_TYPE };
}

test('a token comes in the documented shape, with the scope that was asked for', async (t) => {
  const simulator = await startSimulator(t);
  const { status, body } = await token(simulator, 'payu-payment-links', LINK_SCOPES);
  t.is(status, 200);
  t.regex(body.access_token, /^[0-9a-f]{64}$/);
  t.like(body, {
    token_type: 'Bearer',
    expires_in: 7200,
    scope: LINK_SCOPES,
    created_at: Math.floor(simulator.clock.now() / 1000),
  });
});

for (const [what, change, status, error] of [
  ['a wrong secret', { client_secret: 'wrong' }, 401, 'invalid_client'],
  ['a wrong client', { client_id: 'wrong' }, 401, 'invalid_client'],
  ['another grant', { grant_type: 'password' }, 401, 'invalid_client'],
  ['no scope', { scope: '' }, 401, 'invalid_request'],
  ['a scope of another product', { scope: 'read_bills' }, 400, 'invalid_scope'],
  ['more than three scopes', { scope: `${LINK_SCOPES} create_payment_links` }, 400, 'invalid_scope'],
  ['scopes separated by a comma', { scope: LINK_SCOPES.replaceAll(' ', ',') }, 400, 'invalid_scope'],
  ['a field too many', { client_version: '1' }, 401, 'invalid_request'],
] as const)
  test(`the token endpoint refuses ${what} as ${error}`, async (t) => {
    const simulator = await startSimulator(t);
    const fields = { ...FIELDS, scope: LINK_SCOPES, ...change };
    const answer = await askToken(simulator, '/payu-payment-links/oauth/token', fields);
    t.is(answer.status, status);
    t.is(answer.body.error, error);
  });

test('a link that was created can be read and updated, and its number is taken', async (t) => {
  const simulator = await startSimulator(t);
  const headers = await authorized(simulator, 'payu-payment-links', LINK_SCOPES);
  const call = (method: string, path: string, body?: object) =>
    send(simulator, method, `/payu-payment-links${path}`, headers, body && JSON.stringify(body));
  const link = { subAmount: 12.5, description: 'Tea', source: 'API', invoiceNumber: 'INV1' };
  const made = await call('POST', '/payment-links/', link);
  t.is(made.status, 200);
  t.like(made.body, {
    status: 0,
    message: 'paymentLink generated',
    result: { totalAmount: 12.5, invoiceNumber: 'INV1' },
  });
  const again = await call('POST', '/payment-links', link);
  t.like(again.body, { status: -1, message: 'Invoice Number already exists. Please enter new invoice number.' });
  t.is((await call('PUT', '/payment-links/INV1', { active: false })).status, 200);
  t.like((await call('GET', '/payment-links/INV1')).body.result, { description: 'Tea', status: 'inactive' });
  const none = await call('GET', '/payment-links/INV2');
  t.is(none.status, 404);
  t.like(none.body, { status: -1, message: 'paymentLink not found' });
  t.is((await call('POST', '/payment-links', { description: 'no amount' })).status, 400);
});

test('a token without the scope of the call is a 403 that names the scope', async (t) => {
  const simulator = await startSimulator(t);
  const headers = await authorized(simulator, 'payu-payment-links', 'read_payment_links');
  const answer = await send(
    simulator,
    'POST',
    '/payu-payment-links/payment-links',
    headers,
    '{"subAmount":1,"description":"x"}',
  );
  t.is(answer.status, 403);
  t.like(answer.body, {
    error: 'insufficient_scope',
    error_description: 'Access to this resource requires scope "create_payment_links".',
  });
  t.regex(answer.headers.get('www-authenticate') ?? '', /^Bearer .*error="insufficient_scope"/);
  t.is((await simulator.calls('payu-payment-links')).api.rejected, 1);
});

for (const [what, headers, status] of [
  ['no merchantId', {}, 400],
  ['the merchantId of another', { merchantId: 'other' }, 403],
] as const)
  test(`a payment link call with ${what} is a ${status}`, async (t) => {
    const simulator = await startSimulator(t);
    const { authorization = '' } = await authorized(simulator, 'payu-payment-links', LINK_SCOPES);
    const answer = await send(simulator, 'GET', '/payu-payment-links/payment-links/INV1', {
      authorization,
      ...headers,
    });
    t.is(answer.status, status);
    t.is(answer.body.status, -1);
  });

test('unknown, expired and revoked tokens are told apart in PayU’s words, all with 401', async (t) => {
  const simulator = await startSimulator(t);
  const description = async (headers: Record<string, string>): Promise<string> => {
    const { status, body } = await send(simulator, 'GET', '/payu-payment-links/payment-links/INV1', headers);
    t.is(status, 401);
    t.is(body.error, 'invalid_token');
    return body.error_description;
  };
  t.is(await description({}), 'The access token is invalid');
  t.is(await description({ authorization: 'Bearer nobody' }), 'The access token is invalid');
  const old = await authorized(simulator, 'payu-payment-links', LINK_SCOPES);
  await simulator.clock.advance(7_200_000);
  t.is(await description(old), 'The access token expired');
  const revoked = await authorized(simulator, 'payu-payment-links', LINK_SCOPES);
  await simulator.control('revoke', { provider: 'payu-payment-links' });
  t.is(await description(revoked), 'The access token was revoked');
});

test('a merchant is referred by JSON or by form, exists afterwards and gets a bank account', async (t) => {
  const simulator = await startSimulator(t);
  const headers = await authorized(simulator, 'payu-partner', 'refer_merchant create_bank_details');
  const merchant = { display_name: 'Acme', email: 'a@example.com', mobile: '9876543210' };
  const made = await send(simulator, 'POST', '/payu-partner/api/v1/merchants', headers, JSON.stringify({ merchant }));
  t.is(made.status, 200);
  const path = `/payu-partner/api/v1/merchants/${made.body.mid}`;
  t.like((await send(simulator, 'GET', path, headers)).body.merchant, { ...merchant, mid: made.body.mid });

  const form = new URLSearchParams(Object.entries(merchant).map(([name, value]) => [`merchant[${name}]`, value]));
  const second = await send(simulator, 'POST', '/payu-partner/api/v3/merchants', { ...headers, ...FORM }, String(form));
  t.is(second.status, 200);
  form.delete('merchant[mobile]');
  t.is(
    (await send(simulator, 'POST', '/payu-partner/api/v3/merchants', { ...headers, ...FORM }, String(form))).status,
    400,
  );

  const bank = { bank_account_number: '123456789', ifsc_code: 'HDFC0000001' };
  t.is((await send(simulator, 'PUT', `${path}/bank_details`, headers, JSON.stringify(bank))).status, 200);
  t.like((await send(simulator, 'GET', path, headers)).body.merchant, { bank_detail: bank });
  t.is((await send(simulator, 'GET', '/payu-partner/api/v1/merchants/1', headers)).status, 404);
  const readOnly = await authorized(simulator, 'payu-partner', 'create_bank_details');
  t.is((await send(simulator, 'GET', path, readOnly)).status, 403);
});

test('a bill is fetched, paid once for its amount, and the payment can be read', async (t) => {
  const simulator = await startSimulator(t);
  const scope = 'read_biller_categories read_billers read_bills create_transactions read_transactions';
  const headers = await authorized(simulator, 'payu-bbps', scope);
  const call = (method: string, path: string, body?: object) =>
    send(simulator, method, `/payu-bbps/payu-nbc/v1/nbc${path}`, headers, body && JSON.stringify(body));

  t.true((await call('GET', '/getAllBillerCategory')).body.payload.billerCategories.includes('WATER'));
  const billers = await call('GET', '/getBillerByBillerCategory?billerCategoryName=WATER');
  const { billerId } = billers.body.payload.billers[0];
  t.is((await call('GET', '/getBillerByBillerCategory?billerCategoryName=constructor')).status, 400);

  const bill = await call(
    'POST',
    `/billfetchrequest?agentId=1&customerPhoneNumber=9876543210&refId=R1&billerId=${billerId}`,
  );
  t.is(bill.body.status, 'SUCCESS');
  const { amount } = bill.body.payload;
  t.is((await call('POST', '/billpaymentrequest', { refId: 'R1', amount: amount + 1 })).status, 400);
  t.is((await call('POST', '/billpaymentrequest', { refId: 'R2', amount })).status, 404);
  const paid = await call('POST', '/billpaymentrequest', { refId: 'R1', amount });
  t.deepEqual((await call('POST', '/billpaymentrequest', { refId: 'R1', amount })).body, paid.body);
  t.like((await call('GET', '/transactionstatus?refId=R1')).body.payload, {
    ...paid.body.payload,
    txnStatus: 'SUCCESS',
  });
  t.is((await call('POST', '/billfetchrequest?agentId=1')).body.status, 'FAILURE');

  const bills = await authorized(simulator, 'payu-bbps', 'read_billers');
  t.is((await send(simulator, 'POST', '/payu-bbps/payu-nbc/v1/nbc/billfetchrequest', bills)).status, 403);
});

test('bill payments want the grant type that PayU told the operator', async (t) => {
  const simulator = await startSimulator(t, {
    providers: [{ name: 'bills', kind: 'payu-bbps', credentials: { grant_type: 'agent' } }],
  });
  const ask = (grant_type: string) =>
    askToken(simulator, '/bills/oauth/token', { ...FIELDS, scope: 'read_bills', grant_type });
  t.is((await ask('agent')).status, 200);
  t.is((await ask('client_credentials')).body.error, 'invalid_client');
});
