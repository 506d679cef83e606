import { createHash } from 'node:crypto';
import { shelf } from './ledger.ts';
import { PHONEPE_OWN, xVerifyError, xVerifyLost, xVerifyProblem } from './phonepe-words.ts';
import { isId, isObject, isPaise, isText, optional, readJson, readJsonText, reading } from './read.ts';
import type { TypeGuard, Shape, Shaped } from './read.ts';
import { randomHex } from './tokens.ts';
import type { SimulatorAnswer, Call, Endpoint, ErrorWords, Kind, Provider, Role, SimulatedCallback } from './types.ts';

interface Payment {
  readonly transactionId: string;
  readonly amount: number;
}
const payments = shelf<Payment>('x-verify-payment');

const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');

/** The salt for an index. Two are valid at once: `salt_key` at `salt_index`, and `salt_key_2` at the other of 1 and 2. */
function saltAt(
  index: string,
  { salt_key, salt_key_2, salt_index }: Readonly<Record<string, string>>,
): string | undefined {
  if (index === salt_index) return salt_key;
  return index === (salt_index === '1' ? '2' : '1') ? salt_key_2 : undefined;
}

/** Whether `X-VERIFY` is `sha256hex(payload + path + salt) + "###" + index`. The path starts after `base` and has no query. */
function isVerified({ provider, header, path }: Call, base: string, payload: string): boolean {
  const [digest, index = '', ...rest] = (header('x-verify') ?? '').split('###');
  const salt = saltAt(index, provider.credentials);
  return salt !== undefined && rest.length === 0 && digest === sha256(payload + path.slice(base.length) + salt);
}

const reject = (status: number, code: string, message: string): SimulatorAnswer => ({
  ...xVerifyError(status, code, message),
  rejected: true,
});
const wrongSignature = (): SimulatorAnswer => reject(401, 'AUTHORIZATION_FAILED', 'Incorrect X-VERIFY header');
const bad = (detail: string): SimulatorAnswer => xVerifyProblem({ status: 400, detail });
const ok = (code: string, message: string, data: unknown): SimulatorAnswer => ({
  status: 200,
  body: { success: true, code, message, data },
});

type Check = (call: Call) => SimulatorAnswer | undefined;
const namesMerchant =
  (header: string, of: (credentials: Readonly<Record<string, string>>) => string | undefined): Check =>
  (call) =>
    call.header(header) === of(call.provider.credentials)
      ? undefined
      : reject(401, 'UNAUTHORIZED', `${header} does not name this merchant`);
const clientId = namesMerchant('x-client-id', ({ client_id, merchant_id }) => client_id || merchant_id);
const merchantId = namesMerchant('x-merchant-id', ({ merchant_id }) => merchant_id);
const anybody: Check = () => undefined;

const isBase64: TypeGuard<string> = (value): value is string =>
  typeof value === 'string' && value.length > 0 && Buffer.from(value, 'base64').toString('base64') === value;

/** Creates an endpoint whose body has a single key, `request`: the base64 of the JSON. `X-VERIFY` covers that base64 text. */
const sealed = <S extends Shape>(
  base: string,
  check: Check,
  shape: S,
  answer: (body: Shaped<S>, call: Call) => SimulatorAnswer,
) =>
  reading(
    (call) => readJson(call, { request: isBase64 }),
    xVerifyProblem,
    (envelope, call) => {
      if (Object.keys(envelope).length > 1) return bad('the body has other keys than request');
      if (!isVerified(call, base, envelope.request)) return wrongSignature();
      const read = readJsonText(Buffer.from(envelope.request, 'base64'), shape);
      return check(call) ?? ('problem' in read ? xVerifyProblem(read.problem) : answer(read.value, call));
    },
  );

/** Creates an endpoint without a body. `X-VERIFY` covers the path alone. */
const open = (base: string, check: Check, answer: (call: Call) => SimulatorAnswer) => (call: Call) =>
  isVerified(call, base, '') ? (check(call) ?? answer(call)) : wrongSignature();

const PAY = {
  merchantId: isText,
  merchantTransactionId: isId,
  amount: isPaise,
  paymentInstrument: optional(isObject),
};

function pay(
  { merchantId: id, merchantTransactionId, amount, paymentInstrument }: Shaped<typeof PAY>,
  call: Call,
): SimulatorAnswer {
  const { ledger, credentials } = call.provider;
  if (id !== credentials['merchant_id']) return reject(401, 'UNAUTHORIZED', 'merchantId is not the one of this salt');
  const before = payments.get(ledger, merchantTransactionId);
  if (before && before.amount !== amount) return bad('merchantTransactionId was used before, for another amount');
  const payment =
    before ?? payments.put(ledger, merchantTransactionId, { transactionId: `T${randomHex(10).toUpperCase()}`, amount });
  const url = `https://mercury-uat.phonepe.com/transact/simulator?token=${payment.transactionId}`;
  return ok('PAYMENT_INITIATED', 'Payment initiated', {
    merchantId: id,
    merchantTransactionId,
    instrumentResponse: { type: paymentInstrument?.['type'] ?? 'PAY_PAGE', redirectInfo: { url, method: 'GET' } },
  });
}

function payStatus({ params, provider }: Call): SimulatorAnswer {
  const { merchant = '', transaction = '' } = params;
  const payment = payments.get(provider.ledger, transaction);
  if (merchant !== provider.credentials['merchant_id'] || !payment)
    return xVerifyError(404, 'TRANSACTION_NOT_FOUND', 'No transaction was found with the given details');
  return ok('PAYMENT_SUCCESS', 'Your payment is successful.', {
    merchantId: merchant,
    merchantTransactionId: transaction,
    ...payment,
    state: 'COMPLETED',
    responseCode: 'SUCCESS',
    paymentInstrument: { type: 'UPI', utr: null },
  });
}

/** The server-to-server callback about a payment. Its `X-VERIFY` has no path in it. */
function callback(
  { ledger, credentials }: Provider,
  order: string | undefined,
  isPaid: boolean,
): SimulatedCallback | undefined {
  const [id, payment] = payments.entry(ledger, order) ?? [];
  if (id === undefined || !payment) return undefined;
  const content = {
    success: isPaid,
    code: isPaid ? 'PAYMENT_SUCCESS' : 'PAYMENT_ERROR',
    message: isPaid ? 'Your request has been successfully completed.' : 'Payment Failed',
    data: {
      merchantId: credentials['merchant_id'],
      merchantTransactionId: id,
      ...payment,
      state: isPaid ? 'COMPLETED' : 'FAILED',
      responseCode: isPaid ? 'SUCCESS' : 'PAYMENT_DECLINED',
      paymentInstrument: { type: 'UPI', utr: null },
    },
  };
  const response = Buffer.from(JSON.stringify(content)).toString('base64');
  const { salt_key: salt = '', salt_index: index = '' } = credentials;
  return {
    order: id,
    headers: { ...JSON_TYPE, 'x-verify': `${sha256(response + salt)}###${index}` },
    body: JSON.stringify({ response }),
  };
}

const isGrant: TypeGuard<string> = (value): value is string =>
  typeof value === 'string' && /^GRT[\w-]{1,253}$/.test(value);
const GRANT = { grantToken: isText };

function access({ grantToken }: Shaped<typeof GRANT>, { provider }: Call): SimulatorAnswer {
  if (!isGrant(grantToken))
    return reject(401, 'UNAUTHORIZED', 'The grantToken provided is either invalid or not mapped to the merchant');
  const { accessToken, issuedAtMs, expiresAtMs } = provider.tokens.issue({
    make: () => `AUTH${randomHex(32)}`,
    lifetimeMs: provider.lifetimeMs,
    subject: grantToken,
  });
  const expiresInSeconds = Math.ceil((expiresAtMs - issuedAtMs) / 1000);
  return { status: 200, body: { success: true, code: 'SUCCESS', data: { accessToken, expiresInSeconds } } };
}

/** The details of a user. They are derived from the grant token, so that two users differ. */
function userDetails(subject: string): SimulatorAnswer {
  const digest = sha256(subject);
  const phoneNumber = `9${(parseInt(digest.slice(0, 12), 16) % 1e9).toString().padStart(9, '0')}`;
  const name = `User ${digest.slice(0, 8)}`;
  const data = { name, phoneNumber, primaryEmail: `${digest.slice(0, 8)}@example.com`, isEmailVerified: true };
  return { status: 200, body: { success: true, code: 'SUCCESS', data } };
}

/** The endpoint of user details. PhonePe's page on it names no header for the token, so the plain profile may send none. */
const details =
  (needsToken: boolean) =>
  ({ header, provider }: Call): SimulatorAnswer => {
    const accessToken = header('x-access-token');
    if (accessToken === undefined && !needsToken) return userDetails('');
    const state = accessToken === undefined ? 'missing' : provider.tokens.state(accessToken);
    if (state !== 'valid') return reject(401, 'UNAUTHORIZED', `The X-ACCESS-TOKEN is ${state}`);
    return userDetails(provider.tokens.find(accessToken!)?.subject ?? '');
  };

const service = (base: string, accessRole: Role, needsToken: boolean): readonly Endpoint[] => [
  {
    method: 'POST',
    path: `${base}/v3/service/auth/access`,
    role: accessRole,
    answer: sealed(base, clientId, GRANT, access),
  },
  {
    method: 'GET',
    path: `${base}/v3/service/userdetails`,
    role: 'api',
    answer: open(base, clientId, details(needsToken)),
  },
];

/** A page about an older product whose calls carry X-VERIFY. PhonePe's page on payments lists only the codes. */
const CODES = 'https://developer.phonepe.com/v1/reference/autopay-refund';
const ERRORS: readonly ErrorWords[] = [
  {
    answer: '401 AUTHORIZATION_FAILED',
    when: 'X-VERIFY is missing or wrong',
    source: CODES,
    unsaid: 'the status and the message',
  },
  {
    answer: '401 UNAUTHORIZED',
    when: 'the merchant, the client, the grant token or the access token is not known',
    source: 'the codes of /v3/service/auth/access, in the document that PhonePe sends',
    unsaid: 'the status and the message',
  },
  { answer: '400 BAD_REQUEST', when: 'the body is wrong', source: CODES, unsaid: 'the status and the message' },
  ...PHONEPE_OWN,
];
const PAYMENT_ERRORS: readonly ErrorWords[] = [
  {
    answer: '404 TRANSACTION_NOT_FOUND',
    when: 'the status of a payment that is not there is asked for',
    source: CODES,
    unsaid: 'the status and the message',
  },
  { answer: '400 BAD_REQUEST', when: 'a transaction id was used before for another amount' },
];

const BASE = '/apis/pg-sandbox';
// An empty client_id stands for the merchant's id, as in the profile.
const CREDENTIALS = { merchant_id: 'test', client_id: '', salt_key: 'test', salt_index: '1', salt_key_2: 'test2' };
const JSON_TYPE = { 'content-type': 'application/json' };

/** PhonePe's calls that are signed by a salted digest: payments (v1) and the services of its app (v3). */
export const xVerify: Kind = {
  api: BASE,
  credentials: CREDENTIALS,
  lifetimeMs: 1_800_000,
  lost: xVerifyLost,
  callback,
  endpoints: [
    { method: 'POST', path: `${BASE}/pg/v1/pay`, role: 'api', answer: sealed(BASE, anybody, PAY, pay) },
    {
      method: 'GET',
      path: `${BASE}/pg/v1/status/:merchant/:transaction`,
      role: 'api',
      answer: open(BASE, merchantId, payStatus),
    },
    ...service(BASE, 'api', false),
  ],
  examples: [
    {
      method: 'POST',
      path: '/pg/v1/pay',
      headers: JSON_TYPE,
      body: '{"merchantId":"test","merchantTransactionId":"txn-1","amount":1000,"paymentInstrument":{"type":"PAY_PAGE"}}',
    },
    { method: 'GET', path: '/pg/v1/status/test/txn-1' },
    { method: 'POST', path: '/v3/service/auth/access', headers: JSON_TYPE, body: '{"grantToken":"GRT0001"}' },
  ],
  errors: [...PAYMENT_ERRORS, ...ERRORS],
};

/** The services of PhonePe's app, where a signed call fetches the access token of a user. */
export const phonepeUser: Kind = {
  token: '/v3/service/auth/access',
  api: '',
  credentials: CREDENTIALS,
  lifetimeMs: 1_800_000,
  lost: xVerifyLost,
  endpoints: service('', 'token', true),
  examples: [{ method: 'GET', path: '/v3/service/userdetails', headers: { 'x-grant-token': 'GRT0001' } }],
  errors: ERRORS,
};
