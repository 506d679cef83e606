import { bearerEndpoint, tokenEndpoint } from './oauth.ts';
import {
  ONWARD,
  PAY,
  REFUND,
  orderStatus,
  place,
  refund,
  refundStatus,
  transactionStatus,
  webhook,
} from './phonepe-orders.ts';
import {
  PHONEPE_OWN,
  PHONEPE_TOKEN_OWN,
  phonepeAccessToken,
  phonepeBearerWords,
  phonepeLost,
  phonepeProblem,
  phonepeTokenWords,
} from './phonepe-words.ts';
import { readJson, reading } from './read.ts';
import type { Shape, Shaped } from './read.ts';
import type { Token } from './tokens.ts';
import type { SimulatorAnswer, Call, Endpoint, ErrorWords, Kind } from './types.ts';

const BASE = '/apis/pg-sandbox';

const seconds = (ms: number): number => Math.floor(ms / 1000);

/**
 * The answer of the token endpoint. As documented, `expires_in` is null and times are epoch seconds. A lifetime is rounded up
 * to a whole second.
 */
function tokenAnswer({ accessToken, issuedAtMs, expiresAtMs }: Token): unknown {
  const issuedAt = seconds(issuedAtMs);
  const expiresAt = issuedAt + Math.ceil((expiresAtMs - issuedAtMs) / 1000);
  return {
    access_token: accessToken,
    encrypted_access_token: Buffer.from(accessToken).toString('base64url'),
    expires_in: null,
    issued_at: issuedAt,
    expires_at: expiresAt,
    session_expires_at: expiresAt,
    token_type: 'O-Bearer',
  };
}

const api = (method: string, path: string, answer: (call: Call) => SimulatorAnswer): Endpoint =>
  bearerEndpoint(phonepeBearerWords, method, BASE + path, answer);
const json = <S extends Shape>(shape: S, answer: (body: Shaped<S>, call: Call) => SimulatorAnswer) =>
  reading((call) => readJson(call, shape), phonepeProblem, answer);

const JSON_TYPE = { 'content-type': 'application/json' };

const PAGES = 'https://developer.phonepe.com/payment-gateway/website-integration/standard-checkout/api-integration';
const SKILLS = 'https://github.com/PhonePe/phonepe-pg-skills';

const ERRORS: readonly ErrorWords[] = [
  {
    answer: '400 INVALID_CLIENT',
    when: 'client_id, client_secret or client_version is wrong',
    source: 'https://github.com/PhonePe/phonepe-pg-sdk-python, the tests of its token service',
  },
  {
    answer: '401 AUTHORIZATION_FAILED',
    when: 'the access token is missing, unknown, expired or revoked',
    source: SKILLS,
    unsaid: 'the message',
  },
  {
    answer: '400 BAD_REQUEST',
    when: 'a body is wrong, or an order id was used before for another amount',
    source: `${PAGES}/api-reference/create-payment`,
  },
  { answer: '400 BAD_REQUEST', when: 'a refund exceeds what was paid', source: SKILLS },
  {
    answer: '404 INVALID_MERCHANT_ORDER_ID',
    when: 'the status of an order that is not there is asked for',
    source: `${PAGES}/api-reference/order-status`,
    unsaid: 'the status',
  },
  { answer: '404 INVALID_MERCHANT_ORDER_ID', when: 'the order of a refund is not there' },
  { answer: '404 REFUND_NOT_FOUND', when: 'the status of a refund that is not there is asked for' },
  { answer: '404 TRANSACTION_NOT_FOUND', when: 'the status of a transaction that is not there is asked for' },
  ...PHONEPE_TOKEN_OWN,
  ...PHONEPE_OWN,
];

/** PhonePe PG v2 as its sandbox answers. A payment is completed as soon as it is made. */
export const phonepe: Kind = {
  token: `${BASE}/v1/oauth/token`,
  api: BASE,
  credentials: {
    client_id: 'test',
    client_secret: 'test',
    client_version: '1',
    webhook_username: 'test',
    webhook_password: 'test',
  },
  callback: webhook,
  lifetimeMs: 3_600_000,
  lost: phonepeLost,
  endpoints: [
    tokenEndpoint({
      path: `${BASE}/v1/oauth/token`,
      credentials: ['client_id', 'client_version', 'client_secret'],
      grantTypes: ['client_credentials'],
      make: phonepeAccessToken,
      words: phonepeTokenWords,
      answer: tokenAnswer,
    }),
    api('POST', '/checkout/v2/pay', json(PAY, place('PENDING', ONWARD.page))),
    api('POST', '/payments/v2/pay', json(PAY, place('PENDING', ONWARD.byMode))),
    ...['/checkout/v2', '/payments/v2'].flatMap((checkout) => [
      api('POST', `${checkout}/sdk/order`, json(PAY, place('PENDING', ONWARD.token))),
      api('GET', `${checkout}/order/:id/status`, orderStatus),
      api('GET', `${checkout}/transaction/:id/status`, transactionStatus),
    ]),
    api('POST', '/payments/v2/refund', json(REFUND, refund)),
    api('GET', '/payments/v2/refund/:id/status', refundStatus),
    api('POST', '/paylinks/v1/pay', json(PAY, place('ACTIVE', ONWARD.link))),
    api('GET', '/paylinks/v1/:id/status', orderStatus),
  ],
  examples: [
    {
      method: 'POST',
      path: '/checkout/v2/pay',
      headers: JSON_TYPE,
      body: '{"merchantOrderId":"order-1","amount":1000,"paymentFlow":{"type":"PG_CHECKOUT"}}',
    },
    { method: 'GET', path: '/checkout/v2/order/order-1/status' },
    {
      method: 'POST',
      path: '/payments/v2/refund',
      headers: JSON_TYPE,
      body: '{"merchantRefundId":"refund-1","originalMerchantOrderId":"order-1","amount":500}',
    },
    { method: 'GET', path: '/payments/v2/refund/refund-1/status' },
    {
      method: 'POST',
      path: '/paylinks/v1/pay',
      headers: JSON_TYPE,
      body: '{"merchantOrderId":"link-1","amount":2500,"paymentFlow":{"type":"PAYLINK"}}',
    },
  ],
  errors: ERRORS,
};
