import test from 'ava';
import type { ExecutionContext } from 'ava';
import { startSimulator } from '../helpers/simulator.ts';
import type { TestSimulator } from '../helpers/simulator.ts';
import { JSON_TYPE, askToken, send } from './client.ts';
import type { Reply } from './client.ts';

const API = '/phonepe/apis/pg-sandbox';

async function client(t: ExecutionContext): Promise<(method: string, path: string, body?: object) => Promise<Reply>> {
  const simulator: TestSimulator = await startSimulator(t);
  const { body } = await askToken(simulator, `${API}/v1/oauth/token`, {
    client_id: 'test',
    client_version: '1',
    client_secret: 'test',
    grant_type: 'client_credentials',
  });
  const headers = { authorization: `O-Bearer ${body.access_token}`, ...JSON_TYPE };
  return (method, path, json) => send(simulator, method, API + path, headers, json && JSON.stringify(json));
}

for (const checkout of ['/checkout/v2', '/payments/v2']) {
  test(`${checkout}: an order is found by its id and by its transaction`, async (t) => {
    const call = await client(t);
    const made = await call('POST', `${checkout}/sdk/order`, { merchantOrderId: 'o-1', amount: 1000 });
    t.like(made.body, { state: 'PENDING' });
    t.is(typeof made.body.token, 'string');
    t.is(typeof made.body.expireAt, 'number');
    const order = await call('GET', `${checkout}/order/o-1/status?details=false&details=false`);
    t.like(order.body, { orderId: made.body.orderId, amount: 1000, state: 'COMPLETED' });
    const { transactionId } = order.body.paymentDetails[0];
    t.deepEqual((await call('GET', `${checkout}/transaction/${transactionId}/status`)).body, order.body);
  });

  test(`${checkout}: what is not there is not found`, async (t) => {
    const call = await client(t);
    await call('POST', `${checkout}/pay`, { merchantOrderId: 'o-1', amount: 1000 });
    for (const id of ['none', 'o-2', '__proto__', 'O-1', 'a%2fb']) {
      const order = await call('GET', `${checkout}/order/${id}/status`);
      t.is(order.status, 404);
      t.deepEqual(order.body, {
        code: 'INVALID_MERCHANT_ORDER_ID',
        message: 'No entry found for given merchant order id',
      });
    }
    const transaction = await call('GET', `${checkout}/transaction/o-1/status`);
    t.is(transaction.status, 404);
    t.is(transaction.body.code, 'TRANSACTION_NOT_FOUND');
  });
}

for (const [type, fields] of [
  ['UPI_INTENT', ['intentUrl']],
  ['UPI_QR', ['intentUrl', 'qrData']],
  ['UPI_COLLECT', []],
  ['NET_BANKING', ['redirectUrl']],
  ['CARD', ['redirectUrl']],
  ['constructor', ['redirectUrl']],
] as const)
  test(`a custom payment by ${type} goes on by ${fields.join(' and ') || 'itself'}`, async (t) => {
    const call = await client(t);
    const paymentFlow = { type: 'PG', paymentMode: { type } };
    const { status, body } = await call('POST', '/payments/v2/pay', {
      merchantOrderId: 'o-1',
      amount: 100,
      paymentFlow,
    });
    t.is(status, 200);
    t.deepEqual(Object.keys(body), ['orderId', 'state', 'expireAt', ...fields]);
    const repeated = await call('POST', '/payments/v2/pay', { merchantOrderId: 'o-1', amount: 100, paymentFlow });
    t.deepEqual(repeated.body, body);
  });

test('a refund tells what the SDK reads of it', async (t) => {
  const call = await client(t);
  await call('POST', '/checkout/v2/pay', { merchantOrderId: 'o-1', amount: 1000 });
  const refund = { merchantRefundId: 'r-1', originalMerchantOrderId: 'o-1', amount: 100 };
  t.is((await call('POST', '/payments/v2/refund', refund)).body.state, 'PENDING');
  const { body } = await call('GET', '/payments/v2/refund/r-1/status');
  t.like(body, { ...refund, state: 'COMPLETED' });
  t.like(body.paymentDetails[0], { amount: 100, state: 'COMPLETED' });
});

test('a refund of an order that is not there names the order', async (t) => {
  const call = await client(t);
  const refund = { merchantRefundId: 'r', originalMerchantOrderId: 'none', amount: 100 };
  t.is((await call('POST', '/payments/v2/refund', refund)).body.code, 'INVALID_MERCHANT_ORDER_ID');
});
