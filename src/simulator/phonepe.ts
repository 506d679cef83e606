import { bearerEndpoint, tokenEndpoint } from './oauth.ts';
import {
  phonepeAccessToken,
  phonepeBearerWords,
  phonepeError,
  phonepeLost,
  phonepeProblem,
  phonepeTokenWords,
} from './phonepe-words.ts';
import { isId, isObject, isPaise, optional, readJson, reading } from './read.ts';
import type { Shape, Shaped } from './read.ts';
import { shelf } from './ledger.ts';
import { randomHex } from './tokens.ts';
import type { Token } from './tokens.ts';
import type { Answer, Call, Endpoint, Kind } from './types.ts';

const BASE = '/apis/pg-sandbox';
const ORDER_LIFETIME_MS = 20 * 60_000;

interface Order {
  readonly orderId: string;
  readonly merchantOrderId: string;
  readonly amount: number;
  readonly metaInfo: unknown;
  readonly paidAtMs: number;
  readonly transactionId: string;
  refunded: number;
}
interface Refund {
  readonly refundId: string;
  readonly originalMerchantOrderId: string;
  readonly amount: number;
  readonly timestamp: number;
}

const orders = shelf<Order>('order');
const refunds = shelf<Refund>('refund');

const ok = (body: unknown): Answer => ({ status: 200, body });
const bad = (message: string): Answer => phonepeError(400, 'BAD_REQUEST', message);

const seconds = (ms: number): number => Math.floor(ms / 1000);

/** `expires_in` is null and the times are epoch seconds, as documented; a part of a second is rounded up to a whole one. */
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

const PAY = { merchantOrderId: isId, amount: isPaise, metaInfo: optional(isObject), paymentFlow: optional(isObject) };
const REFUND = { merchantRefundId: isId, originalMerchantOrderId: isId, amount: isPaise };

/** The order of that id: a new one, or the one that the same request made before. Undefined: another amount. */
function placeOrder({ merchantOrderId, amount, metaInfo }: Shaped<typeof PAY>, call: Call): Order | undefined {
  const { ledger, clock } = call.provider;
  const before = orders.get(ledger, merchantOrderId);
  if (before) return before.amount === amount ? before : undefined;
  return orders.put(ledger, merchantOrderId, {
    orderId: `OMO${randomHex(10).toUpperCase()}`,
    merchantOrderId,
    amount,
    metaInfo,
    paidAtMs: clock.now(),
    transactionId: `OM${randomHex(10).toUpperCase()}`,
    refunded: 0,
  });
}

const place =
  (name: 'redirectUrl' | 'paylinkUrl', state: string, url: string) => (body: Shaped<typeof PAY>, call: Call) => {
    const order = placeOrder(body, call);
    if (!order) return bad('merchantOrderId was used before, for another amount');
    const { orderId, paidAtMs } = order;
    return ok({ orderId, state, expireAt: paidAtMs + ORDER_LIFETIME_MS, [name]: `${url}${orderId}` });
  };

function orderStatus({ params, provider }: Call): Answer {
  const order = orders.get(provider.ledger, params['id'] ?? '');
  if (!order) return phonepeError(404, 'ORDER_NOT_FOUND', 'No entry found for the given merchant order id');
  const { orderId, merchantOrderId, amount, metaInfo, paidAtMs, transactionId } = order;
  return ok({
    orderId,
    merchantOrderId,
    state: 'COMPLETED',
    amount,
    expireAt: paidAtMs + ORDER_LIFETIME_MS,
    metaInfo,
    paymentDetails: [{ paymentMode: 'UPI_INTENT', transactionId, timestamp: paidAtMs, amount, state: 'COMPLETED' }],
  });
}

function refund(
  { merchantRefundId, originalMerchantOrderId, amount }: Shaped<typeof REFUND>,
  { provider }: Call,
): Answer {
  const { ledger, clock } = provider;
  const before = refunds.get(ledger, merchantRefundId);
  if (before && (before.amount !== amount || before.originalMerchantOrderId !== originalMerchantOrderId))
    return bad('merchantRefundId was used before, for another refund');
  const order = orders.get(ledger, originalMerchantOrderId);
  if (!order) return phonepeError(404, 'ORDER_NOT_FOUND', 'No entry found for the given merchant order id');
  if (!before && order.refunded + amount > order.amount) return bad('the refund amount exceeds the amount paid');
  const made =
    before ??
    refunds.put(ledger, merchantRefundId, {
      refundId: `OMR${randomHex(10).toUpperCase()}`,
      originalMerchantOrderId,
      amount,
      timestamp: clock.now(),
    });
  if (!before) order.refunded += amount;
  return ok({ refundId: made.refundId, amount, state: 'PENDING' });
}

function refundStatus({ params, provider }: Call): Answer {
  const made = refunds.get(provider.ledger, params['id'] ?? '');
  if (!made) return phonepeError(404, 'REFUND_NOT_FOUND', 'No entry found for the given merchant refund id');
  return ok({ ...made, state: 'COMPLETED' });
}

const api = (method: string, path: string, answer: (call: Call) => Answer): Endpoint =>
  bearerEndpoint(phonepeBearerWords, method, BASE + path, answer);
const json = <S extends Shape>(shape: S, answer: (body: Shaped<S>, call: Call) => Answer) =>
  reading((call) => readJson(call, shape), phonepeProblem, answer);

const JSON_TYPE = { 'content-type': 'application/json' };

/** PhonePe PG v2, as its sandbox answers. A payment is completed as soon as it has been made. */
export const phonepe: Kind = {
  token: `${BASE}/v1/oauth/token`,
  api: BASE,
  credentials: { client_id: 'test', client_secret: 'test', client_version: '1' },
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
    api(
      'POST',
      '/checkout/v2/pay',
      json(PAY, place('redirectUrl', 'PENDING', 'https://mercury-uat.phonepe.com/transact/')),
    ),
    api('GET', '/checkout/v2/order/:id/status', orderStatus),
    api('POST', '/payments/v2/refund', json(REFUND, refund)),
    api('GET', '/payments/v2/refund/:id/status', refundStatus),
    api('POST', '/paylinks/v1/pay', json(PAY, place('paylinkUrl', 'ACTIVE', 'https://phon.pe/'))),
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
};
