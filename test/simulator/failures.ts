import { simulatedEndpoints } from '../../src/simulator/simulator.ts';
import type { TestSimulator } from '../helpers/simulator.ts';
import { FORM, JSON_TYPE, askToken, opened, sealed, send, sha512, v2Headers } from './client.ts';
import type { Reply } from './client.ts';

type Headers = Readonly<Record<string, string>>;
type Failing = (simulator: TestSimulator) => Promise<Reply>;
type Failures = Readonly<Record<string, readonly Failing[]>>;

const CLIENT = { client_id: 'test', client_secret: 'test' };
const form = (fields: Headers): string => String(new URLSearchParams(fields));

/** The token calls of a kind that fail: another secret, another grant, a field missing. */
const tokenFailures = (kind: string, fields: Headers): readonly Failing[] =>
  [{ client_secret: 'x' }, { grant_type: 'x' }, { client_id: '' }].map(
    (change) => (simulator) => askToken(simulator, simulatedEndpoints(kind)['token'] ?? '', { ...fields, ...change }),
  );

/** A call to a kind's API with a new token. */
const withToken =
  (
    kind: string,
    fields: Headers,
    scheme: string,
    method: string,
    path: string,
    body?: object,
    more: Headers = {},
  ): Failing =>
  async (simulator) => {
    const { token = '', api } = simulatedEndpoints(kind);
    const { access_token: accessToken } = (await askToken(simulator, token, fields)).body;
    const headers = { authorization: `${scheme} ${accessToken}`, merchantId: 'test', ...JSON_TYPE, ...more };
    return send(simulator, method, api + path, headers, body && JSON.stringify(body));
  };

const plain =
  (method: string, path: string, headers: Headers = {}, body?: string): Failing =>
  (simulator) =>
    send(simulator, method, path, headers, body);

/** The last of several calls. */
const after =
  (...calls: readonly Failing[]): Failing =>
  async (simulator) => {
    let reply: Reply | undefined;
    for (const call of calls) reply = await call(simulator);
    return reply!;
  };

const lost = (kind: string, method: string, path: string): readonly Failing[] => [
  plain('GET', `/${kind}/nowhere`),
  plain(method, `/${kind}${path}`),
];

const PHONEPE = { ...CLIENT, client_version: '1', grant_type: 'client_credentials' };
const phonepe = (method: string, path: string, body?: object, more?: Headers): Failing =>
  withToken('phonepe', PHONEPE, 'O-Bearer', method, path, body, more);
const order = (amount: number): Failing => phonepe('POST', '/checkout/v2/pay', { merchantOrderId: 'o', amount });
const refundOf = (id: string): Failing =>
  phonepe('POST', '/payments/v2/refund', { merchantRefundId: 'r', originalMerchantOrderId: id, amount: 200 });

const PINCODE = { ...CLIENT, grant_type: 'client_credentials' };
const pincode = (method: string, path: string, body?: object, more?: Headers): Failing =>
  withToken('pincode', PINCODE, 'O-Bearer', method, path, body, more);
const revoked: Failing = async (simulator) => {
  const { body } = await askToken(simulator, '/pincode/olympus/im/v1/oauth/token', PINCODE);
  await simulator.control('revoke');
  return send(simulator, 'GET', '/pincode/v1/catalogue/items', { authorization: `O-Bearer ${body.access_token}` });
};

const verified =
  (path: string, payload: object, more: Headers = {}): Failing =>
  (simulator) => {
    const { headers, body } = sealed(path, payload);
    return send(simulator, 'POST', `/phonepe-x-verify/apis/pg-sandbox${path}`, { ...headers, ...more }, body);
  };
const xPay = (amount: number): Failing =>
  verified('/pg/v1/pay', { merchantId: 'test', merchantTransactionId: 't', amount });
const NONE = '/pg/v1/status/test/none';
const DETAILS = '/v3/service/userdetails';

const oauth = (kind: string, scope: string, other: string, ...rest: readonly Failing[]): readonly Failing[] => [
  ...tokenFailures(kind, { ...PINCODE, scope }),
  (simulator) => askToken(simulator, `/${kind}/oauth/token`, { ...PINCODE, scope, more: '1' }),
  (simulator) => askToken(simulator, `/${kind}/oauth/token`, { ...PINCODE, scope: 'x' }),
  ...lost(kind, 'GET', '/oauth/token'),
  plain('GET', other),
  ...rest,
];
const link = (method: string, path: string, body?: object, more?: Headers): Failing => {
  const scope = 'create_payment_links read_payment_links';
  return withToken('payu-payment-links', { ...PINCODE, scope }, 'Bearer', method, `/payment-links${path}`, body, more);
};
const newLink = link('POST', '', { subAmount: 1, description: 'x', invoiceNumber: 'i' });
const partner = (scope: string, method: string, path: string, body?: object): Failing =>
  withToken('payu-partner', { ...PINCODE, scope }, 'Bearer', method, `/api/v1/merchants${path}`, body);
const bbps = (scope: string, method: string, path: string, body?: object): Failing =>
  withToken('payu-bbps', { ...PINCODE, scope }, 'Bearer', method, `/payu-nbc/v1/nbc${path}`, body);

const SERVICE = '/payu-hash/merchant/postservice.php?form=2';
const command =
  (name: string, vars: Headers, change: Headers = {}): Failing =>
  (simulator) => {
    const hash = sha512(`test|${name}|${vars['var1'] ?? ''}|test`);
    return send(simulator, 'POST', SERVICE, FORM, form({ key: 'test', command: name, ...vars, hash, ...change }));
  };
const invoice = (amount: string): Failing =>
  command('create_invoice', { var1: JSON.stringify({ txnid: 'i', amount, productinfo: 'P', firstname: 'F' }) });
const refund =
  (vars: Headers): Failing =>
  async (simulator) => {
    await invoice('10')(simulator);
    const { body } = await command('verify_payment', { var1: 'i' })(simulator);
    return command('cancel_refund_transaction', { var1: body.transaction_details.i.mihpayid, ...vars })(simulator);
  };
const A = { var2: 'a', var3: '1' };

const PAYMENT = { txnid: 't', amount: '1', productinfo: 'P', firstname: 'F', email: 'E' };
const pay = (change: Headers = {}, forged: Headers = {}): Failing => {
  const { txnid, amount, productinfo, firstname, email } = { ...PAYMENT, ...change };
  const hash = sha512(`test|${txnid}|${amount}|${productinfo}|${firstname}|${email}|||||||||||test`);
  return plain('POST', '/payu-payment/_payment', FORM, form({ ...PAYMENT, ...change, key: 'test', hash, ...forged }));
};

const v2 =
  (method: string, path: string, body?: string, change: Headers | undefined = {}): Failing =>
  (simulator) =>
    send(
      simulator,
      method,
      `/payu-v2/v2/payments${path}`,
      { ...JSON_TYPE, ...v2Headers(body ?? '', simulator.clock.now()), ...change },
      body,
    );

/** Calls that fail, by kind: one for each error that the kind has. */
export const FAILURES: Failures = {
  phonepe: [
    ...tokenFailures('phonepe', PHONEPE),
    plain('GET', '/phonepe/apis/pg-sandbox/checkout/v2/order/o/status'),
    phonepe('POST', '/checkout/v2/pay', {}),
    phonepe('POST', '/checkout/v2/pay', {}, FORM),
    after(order(100), order(101)),
    after(order(100), refundOf('o')),
    refundOf('none'),
    phonepe('GET', '/checkout/v2/order/none/status'),
    phonepe('GET', '/payments/v2/refund/none/status'),
    phonepe('GET', '/checkout/v2/transaction/none/status'),
    ...lost('phonepe', 'GET', '/apis/pg-sandbox/v1/oauth/token'),
  ],
  pincode: [
    ...tokenFailures('pincode', PINCODE),
    (simulator) =>
      askToken(simulator, '/pincode/olympus/im/v1/oauth/token', { ...PINCODE, token: 'x', refresh_token: 'x' }),
    plain('GET', '/pincode/v1/catalogue/items'),
    revoked,
    pincode('POST', '/v1/orders', {}),
    pincode('POST', '/v1/orders', {}, FORM),
    pincode('GET', '/v1/orders/none'),
    ...lost('pincode', 'GET', '/olympus/im/v1/oauth/token'),
  ],
  'payu-payment-links': oauth(
    'payu-payment-links',
    'read_payment_links',
    '/payu-payment-links/payment-links/i',
    link('PUT', '/i', {}),
    after(newLink, newLink),
    link('GET', '/none'),
    link('POST', '', {}),
    link('GET', '/i', undefined, { merchantId: 'x' }),
    async (simulator) => {
      const { body } = await askToken(simulator, '/payu-payment-links/oauth/token', {
        ...PINCODE,
        scope: 'read_payment_links',
      });
      const headers = { authorization: `Bearer ${body.access_token}` };
      return send(simulator, 'GET', '/payu-payment-links/payment-links/i', headers);
    },
  ),
  'payu-partner': oauth(
    'payu-partner',
    'refer_merchant',
    '/payu-partner/api/v1/merchants/1',
    partner('user_token', 'GET', '/1'),
    partner('refer_merchant', 'POST', '', {}),
    partner('refer_merchant', 'GET', '/1'),
  ),
  'payu-bbps': oauth(
    'payu-bbps',
    'read_bills',
    '/payu-bbps/payu-nbc/v1/nbc/getAllBillerCategory',
    bbps('read_bills', 'GET', '/getAllBillerCategory'),
    bbps('read_billers', 'GET', '/getBillerByBillerCategory'),
    bbps('read_transactions', 'GET', '/transactionstatus?refId=none'),
  ),
  'phonepe-x-verify': [
    verified('/pg/v1/pay', {}, { 'x-verify': 'x###1' }),
    verified('/v3/service/auth/access', { grantToken: 'x' }),
    verified('/pg/v1/pay', {}),
    after(xPay(100), xPay(101)),
    plain('GET', `/phonepe-x-verify/apis/pg-sandbox${NONE}`, opened(NONE)),
    verified('/pg/v1/pay', {}, FORM),
    ...lost('phonepe-x-verify', 'GET', '/apis/pg-sandbox/pg/v1/pay'),
  ],
  'phonepe-user': [
    plain('GET', `/phonepe-user${DETAILS}`),
    plain('GET', `/phonepe-user${DETAILS}`, opened(DETAILS)),
    plain('POST', '/phonepe-user/v3/service/auth/access', JSON_TYPE, '{}'),
    plain('POST', '/phonepe-user/v3/service/auth/access', FORM, 'a=b'),
    ...lost('phonepe-user', 'POST', DETAILS),
  ],
  'payu-hash': [
    command('verify_payment', { var1: 'x' }, { hash: 'x' }),
    command('verify_payment', { var1: '' }),
    command('verify_payment', { var1: 'x' }),
    command('check_action_status', { var1: 'x' }),
    command('cancel_refund_transaction', { var1: 'x', ...A }),
    refund({ var3: '1' }),
    refund({ var2: 'a' }),
    after(refund(A), refund({ ...A, var3: '2' })),
    after(refund(A), refund(A)),
    refund({ ...A, var3: '11' }),
    after(invoice('1'), invoice('2')),
    command('getIssuingBankStatus', { var1: 'x' }),
    command('verify_payment', { var1: 'x' }, { key: 'x' }),
    command('none', { var1: 'x' }),
    plain('POST', SERVICE, JSON_TYPE, '{}'),
    ...lost('payu-hash', 'GET', '/merchant/postservice.php'),
  ],
  'payu-payment': [
    pay({}, { hash: 'x' }),
    pay({ api_version: '4' }),
    pay({}, { key: 'x' }),
    pay({ amount: 'x' }),
    after(pay(), pay({ amount: '2' })),
    ...lost('payu-payment', 'GET', '/_payment'),
  ],
  'payu-v2': [
    plain('GET', '/payu-v2/v2/payments/x'),
    v2('GET', '/x', undefined, { authorization: 'hmac' }),
    v2('GET', '/x', undefined, { date: 'x' }),
    v2('POST', '', '{}'),
    after(v2('POST', '', '{"txnId":"t","amount":1}'), v2('POST', '', '{"txnId":"t","amount":2}')),
    v2('GET', '/none'),
    ...lost('payu-v2', 'GET', '/v2/payments'),
  ],
};
