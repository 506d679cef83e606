import { shelf } from './ledger.ts';
import { bearerEndpoint, tokenEndpoint } from './oauth.ts';
import type { BearerWords } from './oauth.ts';
import {
  PHONEPE_OWN,
  PHONEPE_TOKEN_OWN,
  phonepeAccessToken,
  phonepeBearerWords,
  phonepeError,
  phonepeLost,
  phonepeProblem,
  phonepeTokenWords,
} from './phonepe-words.ts';
import { isId, readJson, reading } from './read.ts';
import type { TypeGuard, Shaped } from './read.ts';
import { randomHex } from './tokens.ts';
import type { Token } from './tokens.ts';
import type { SimulatorAnswer, Call, Endpoint, ErrorWords, Kind } from './types.ts';

interface Item {
  readonly itemId: string;
  readonly name: string;
  readonly price: number;
}
interface Order {
  readonly orderId: string;
  readonly merchantOrderId: string;
  readonly items: readonly Line[];
  readonly amount: number;
  state: 'CREATED' | 'CANCELLED';
}
interface Line {
  readonly itemId: string;
  readonly quantity: number;
}

const CATALOGUE: readonly Item[] = [
  { itemId: 'tea-250', name: 'Assam tea, 250 g', price: 19_900 },
  { itemId: 'rice-1000', name: 'Basmati rice, 1 kg', price: 14_500 },
  { itemId: 'soap-3', name: 'Sandal soap, pack of 3', price: 9_900 },
];
const orders = shelf<Order>('pincode-order');

/**
 * The errors for an access token. 412 says that the session behind the token has ended (`_control/revoke`). 401 says that the
 * token is missing, unknown or expired.
 */
const words: BearerWords = {
  ...phonepeBearerWords,
  rejected: {
    ...phonepeBearerWords.rejected,
    revoked: () => phonepeError(412, 'SESSION_EXPIRED', 'The session of this token has ended: refresh the token'),
  },
};

/**
 * The answer of the token endpoint. `expires_at` and `issued_at` are epoch milliseconds. `expires_in` is seconds, rounded up,
 * and agrees with them.
 */
const tokenAnswer = ({ accessToken, refreshToken, issuedAtMs, expiresAtMs }: Token): unknown => ({
  access_token: accessToken,
  refresh_token: refreshToken,
  token_type: 'O-Bearer',
  expires_in: Math.ceil((expiresAtMs - issuedAtMs) / 1000),
  expires_at: expiresAtMs,
  issued_at: issuedAtMs,
});

const ok = (data: unknown): SimulatorAnswer => ({ status: 200, body: { success: true, code: 'SUCCESS', data } });
const notFound = (what: string): SimulatorAnswer => phonepeError(404, 'NOT_FOUND', `${what} was not found`);

const priceOf = (itemId: unknown): number | undefined => CATALOGUE.find((item) => item.itemId === itemId)?.price;
const isLine: TypeGuard<Line> = (value): value is Line => {
  const { itemId, quantity } = (value ?? {}) as Partial<Line>;
  return priceOf(itemId) !== undefined && Number.isInteger(quantity) && quantity! > 0 && quantity! <= 100;
};
const isLines: TypeGuard<readonly Line[]> = (value): value is readonly Line[] =>
  Array.isArray(value) && value.length > 0 && value.length <= 50 && value.every(isLine);
const ORDER = { merchantOrderId: isId, items: isLines };

function createOrder({ merchantOrderId, items }: Shaped<typeof ORDER>, { provider }: Call): SimulatorAnswer {
  const amount = items.reduce((sum, { itemId, quantity }) => sum + (priceOf(itemId) ?? 0) * quantity, 0);
  const before = orders.get(provider.ledger, merchantOrderId);
  if (before && before.amount !== amount)
    return phonepeProblem({ status: 400, detail: 'merchantOrderId was used before, for another order' });
  return ok(
    before ??
      orders.put(provider.ledger, merchantOrderId, {
        orderId: `PIN${randomHex(8).toUpperCase()}`,
        merchantOrderId,
        items,
        amount,
        state: 'CREATED',
      }),
  );
}

const withOrder =
  (change: (order: Order) => void = () => undefined) =>
  ({ params, provider }: Call): SimulatorAnswer => {
    const order = orders.get(provider.ledger, params['id'] ?? '');
    if (!order) return notFound('the order');
    change(order);
    return ok(order);
  };

function item({ params }: Call): SimulatorAnswer {
  const found = CATALOGUE.find(({ itemId }) => itemId === params['id']);
  return found ? ok(found) : notFound('the item');
}

const api = (method: string, path: string, answer: (call: Call) => SimulatorAnswer): Endpoint =>
  bearerEndpoint(words, method, path, answer);
const TOKEN_PATH = '/olympus/im/v1/oauth/token';

/** The errors of Pincode. Its document gives the two statuses that end a session, and no words for any error. */
const ERRORS: readonly ErrorWords[] = [
  { answer: '400 INVALID_CLIENT', when: 'client_id or client_secret is wrong' },
  { answer: '400 INVALID_GRANT', when: 'the refresh token or the token of a refresh is not valid' },
  { answer: '401 AUTHORIZATION_FAILED', when: 'the access token is missing, unknown or expired' },
  { answer: '412 SESSION_EXPIRED', when: 'the access token was revoked' },
  { answer: '400 BAD_REQUEST', when: 'a body is wrong, or an order id was used before for another order' },
  { answer: '404 NOT_FOUND', when: 'there is no such order or item' },
  ...PHONEPE_TOKEN_OWN,
  ...PHONEPE_OWN,
];

/** Pincode. Its token calls are as documented. Its API is documented by mail only, so the paths here are stand-ins. */
export const pincode: Kind = {
  token: TOKEN_PATH,
  api: '',
  credentials: { client_id: 'test', client_secret: 'test' },
  lifetimeMs: 86_400_000,
  lost: phonepeLost,
  endpoints: [
    tokenEndpoint({
      path: TOKEN_PATH,
      credentials: ['client_id', 'client_secret'],
      grantTypes: ['client_credentials'],
      // The document's table names the first, its samples the second.
      refreshGrantTypes: ['refresh_token', 'client_credentials'],
      needsAccept: true,
      make: phonepeAccessToken,
      words: phonepeTokenWords,
      answer: tokenAnswer,
    }),
    api(
      'POST',
      '/v1/orders',
      reading((call) => readJson(call, ORDER), phonepeProblem, createOrder),
    ),
    api('GET', '/v1/orders/:id', withOrder()),
    api(
      'POST',
      '/v1/orders/:id/cancel',
      withOrder((order) => void (order.state = 'CANCELLED')),
    ),
    api('GET', '/v1/catalogue/items', () => ok(CATALOGUE)),
    api('GET', '/v1/catalogue/items/:id', item),
  ],
  examples: [
    {
      method: 'POST',
      path: '/v1/orders',
      headers: { 'content-type': 'application/json' },
      body: '{"merchantOrderId":"order-1","items":[{"itemId":"tea-250","quantity":2}]}',
    },
    { method: 'GET', path: '/v1/catalogue/items' },
    { method: 'GET', path: '/v1/orders/order-1' },
  ],
  errors: ERRORS,
};
