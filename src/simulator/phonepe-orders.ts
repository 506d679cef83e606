import { createHash } from 'node:crypto';
import { phonepeError, phonepeProblem } from './phonepe-words.ts';
import { isId, isObject, isPaise, optional } from './read.ts';
import type { Shaped } from './read.ts';
import { shelf } from './ledger.ts';
import { randomHex } from './tokens.ts';
import type { Call, Provider, SimulatedCallback, SimulatorAnswer } from './types.ts';

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
  readonly merchantRefundId: string;
  readonly originalMerchantOrderId: string;
  readonly amount: number;
  readonly timestamp: number;
  readonly transactionId: string;
}

const orders = shelf<Order>('order');
const ordersByTransaction = shelf<Order>('order-by-transaction');
const refunds = shelf<Refund>('refund');

const ok = (body: unknown): SimulatorAnswer => ({ status: 200, body });
const bad = (detail: string): SimulatorAnswer => phonepeProblem({ status: 400, detail });
/**
 * The source is case 6 of
 * https://developer.phonepe.com/payment-gateway/website-integration/standard-checkout/api-integration/api-reference/order-status.
 */
const noOrder = (): SimulatorAnswer =>
  phonepeError(404, 'INVALID_MERCHANT_ORDER_ID', 'No entry found for given merchant order id');

/** The body of a payment. */
export const PAY = {
  merchantOrderId: isId,
  amount: isPaise,
  metaInfo: optional(isObject),
  paymentFlow: optional(isObject),
};
/** The body of a refund. */
export const REFUND = { merchantRefundId: isId, originalMerchantOrderId: isId, amount: isPaise };
type Pay = Shaped<typeof PAY>;

/** Makes the order, or finds the one that an equal request made before. Undefined if that one has another amount. */
function placeOrder({ merchantOrderId, amount, metaInfo }: Pay, call: Call): Order | undefined {
  const { ledger, clock } = call.provider;
  const before = orders.get(ledger, merchantOrderId);
  if (before) return before.amount === amount ? before : undefined;
  const order = orders.put(ledger, merchantOrderId, {
    orderId: `OMO${randomHex(10).toUpperCase()}`,
    merchantOrderId,
    amount,
    metaInfo,
    paidAtMs: clock.now(),
    transactionId: `OM${randomHex(10).toUpperCase()}`,
    refunded: 0,
  });
  return ordersByTransaction.put(ledger, order.transactionId, order);
}

/** The fields of an answer that say where the customer continues. */
type Onward = (orderId: string, body: Pay) => Readonly<Record<string, string>>;

const PAY_PAGE = 'https://mercury-uat.phonepe.com/transact/';
const redirect: Onward = (orderId) => ({ redirectUrl: PAY_PAGE + orderId });
const intent = (orderId: string): string => `upi://pay?pa=SIMULATOR@ybl&tr=${orderId}`;

/**
 * Where the customer of a custom checkout continues, by payment mode: a link, a code to scan, or nothing. Any other mode has a
 * page.
 */
const BY_MODE: Readonly<Record<string, Onward>> = {
  UPI_INTENT: (orderId) => ({ intentUrl: intent(orderId) }),
  UPI_QR: (orderId) => ({ intentUrl: intent(orderId), qrData: Buffer.from(intent(orderId)).toString('base64') }),
  UPI_COLLECT: () => ({}),
};

/** Where the customer continues, by kind of checkout. */
export const ONWARD = {
  page: redirect,
  link: (orderId) => ({ paylinkUrl: `https://phon.pe/${orderId}` }),
  token: (orderId) => ({ token: Buffer.from(orderId).toString('base64url') }),
  byMode: (orderId, body) => {
    const mode = body.paymentFlow?.['paymentMode'];
    const type = isObject(mode) ? String(mode['type']) : '';
    return (Object.hasOwn(BY_MODE, type) ? BY_MODE[type]! : redirect)(orderId, body);
  },
} as const satisfies Readonly<Record<string, Onward>>;

/** Creates the answer of an endpoint that places an order. */
export const place =
  (state: 'PENDING' | 'ACTIVE', onward: Onward) =>
  (body: Pay, call: Call): SimulatorAnswer => {
    const order = placeOrder(body, call);
    if (!order) return bad('merchantOrderId was used before, for another amount');
    const { orderId, paidAtMs } = order;
    return ok({ orderId, state, expireAt: paidAtMs + ORDER_LIFETIME_MS, ...onward(orderId, body) });
  };

const attempt = ({
  transactionId,
  amount,
  timestamp,
}: {
  transactionId: string;
  amount: number;
  timestamp: number;
}) => ({
  paymentMode: 'UPI_INTENT',
  transactionId,
  timestamp,
  amount,
  state: 'COMPLETED',
});

const detailsOf = (
  { orderId, merchantOrderId, amount, metaInfo, paidAtMs, transactionId }: Order,
  state: 'COMPLETED' | 'FAILED' = 'COMPLETED',
): object => ({
  orderId,
  merchantOrderId,
  state,
  amount,
  expireAt: paidAtMs + ORDER_LIFETIME_MS,
  metaInfo,
  paymentDetails: [{ ...attempt({ transactionId, amount, timestamp: paidAtMs }), state }],
});

const shown = (order: Order): SimulatorAnswer => ok(detailsOf(order));

/** The webhook about an order. Its `Authorization` is the digest of what the merchant has set in the dashboard. */
export function webhook(
  { ledger, credentials }: Provider,
  order: string | undefined,
  isPaid: boolean,
): SimulatedCallback | undefined {
  const [id, found] = orders.entry(ledger, order) ?? [];
  if (id === undefined || !found) return undefined;
  const { webhook_username: user = '', webhook_password: password = '' } = credentials;
  const authorization = createHash('sha256').update(`${user}:${password}`).digest('hex');
  const payload = { merchantId: 'SIMULATOR', ...detailsOf(found, isPaid ? 'COMPLETED' : 'FAILED') };
  return {
    order: id,
    headers: { 'content-type': 'application/json', authorization },
    body: JSON.stringify({ event: `checkout.order.${isPaid ? 'completed' : 'failed'}`, payload }),
  };
}

/** The status of the order `:id` (the merchant's order id). */
export function orderStatus({ params, provider }: Call): SimulatorAnswer {
  const order = orders.get(provider.ledger, params['id'] ?? '');
  return order ? shown(order) : noOrder();
}

/** The status of the order with the transaction `:id`. */
export function transactionStatus({ params, provider }: Call): SimulatorAnswer {
  const order = ordersByTransaction.get(provider.ledger, params['id'] ?? '');
  return order
    ? shown(order)
    : phonepeError(404, 'TRANSACTION_NOT_FOUND', 'No entry found for the given transaction id');
}

/** Refunds a part of an order. An equal request with the same refund id changes nothing more. */
export function refund(
  { merchantRefundId, originalMerchantOrderId, amount }: Shaped<typeof REFUND>,
  { provider }: Call,
): SimulatorAnswer {
  const { ledger, clock } = provider;
  const before = refunds.get(ledger, merchantRefundId);
  if (before && (before.amount !== amount || before.originalMerchantOrderId !== originalMerchantOrderId))
    return bad('merchantRefundId was used before, for another refund');
  const order = orders.get(ledger, originalMerchantOrderId);
  if (!order) return noOrder();
  if (!before && order.refunded + amount > order.amount) return bad('the refund amount exceeds the amount paid');
  const made =
    before ??
    refunds.put(ledger, merchantRefundId, {
      refundId: `OMR${randomHex(10).toUpperCase()}`,
      merchantRefundId,
      originalMerchantOrderId,
      amount,
      timestamp: clock.now(),
      transactionId: order.transactionId,
    });
  if (!before) order.refunded += amount;
  return ok({ refundId: made.refundId, amount, state: 'PENDING' });
}

/** The status of the refund `:id` (the merchant's refund id). */
export function refundStatus({ params, provider }: Call): SimulatorAnswer {
  const made = refunds.get(provider.ledger, params['id'] ?? '');
  if (!made) return phonepeError(404, 'REFUND_NOT_FOUND', 'No entry found for the given merchant refund id');
  const { refundId, merchantRefundId, originalMerchantOrderId, amount, timestamp } = made;
  return ok({
    merchantId: 'SIMULATOR',
    refundId,
    merchantRefundId,
    originalMerchantOrderId,
    amount,
    timestamp,
    state: 'COMPLETED',
    paymentDetails: [attempt(made)],
  });
}
