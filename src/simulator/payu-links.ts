import { shelf } from './ledger.ts';
import { payuProduct } from './payu-oauth.ts';
import { isId, isRupees, isText, optional, readJson, reading } from './read.ts';
import type { Problem, Shaped } from './read.ts';
import { randomHex } from './tokens.ts';
import type { SimulatorAnswer, Call } from './types.ts';

interface Link {
  readonly invoiceNumber: string;
  readonly paymentLink: string;
  readonly addedOn: string;
  subAmount: number;
  description: string;
  active: boolean;
}
const links = shelf<Link>('payment-link');

const answer = (status: number, outcome: 0 | -1, message: string | null, result: unknown): SimulatorAnswer => ({
  status,
  body: { status: outcome, message, result, errorCode: null, guid: null },
});
const bad = ({ status, detail }: Problem): SimulatorAnswer => answer(status, -1, detail, null);
const notFound = (): SimulatorAnswer => answer(404, -1, 'paymentLink not found', null);

const shown = (link: Link): unknown => ({
  ...link,
  tax: 0,
  shippingCharge: 0,
  totalAmount: link.subAmount,
  totalAmountCollected: 0,
  isPartialPaymentAllowed: false,
  status: link.active ? 'active' : 'inactive',
});

/** Requires the header `merchantId`: every call names the merchant that it acts for. */
const forMerchant =
  (then: (call: Call) => SimulatorAnswer) =>
  (call: Call): SimulatorAnswer => {
    const named = call.header('merchantid');
    if (named === undefined) return bad({ status: 400, detail: 'the header merchantId is missing' });
    return named === call.provider.credentials['merchant_id']
      ? then(call)
      : { ...answer(403, -1, 'merchantId is not one of this client', null), rejected: true };
  };

const CREATE = { subAmount: isRupees, description: isText, source: optional(isText), invoiceNumber: optional(isId) };
const isFlag = (value: unknown): value is boolean => typeof value === 'boolean';
const UPDATE = { subAmount: optional(isRupees), description: optional(isText), active: optional(isFlag) };

function create({ subAmount, description, invoiceNumber }: Shaped<typeof CREATE>, { provider }: Call): SimulatorAnswer {
  const id = invoiceNumber ?? `INV${parseInt(randomHex(6), 16).toString().padStart(15, '0')}`;
  if (links.get(provider.ledger, id))
    return answer(400, -1, 'Invoice Number already exists. Please enter new invoice number.', null);
  const link = links.put(provider.ledger, id, {
    invoiceNumber: id,
    paymentLink: `http://pp72.pmny.in/${randomHex(6)}`,
    addedOn: new Date(provider.clock.now()).toISOString(),
    subAmount,
    description,
    active: true,
  });
  return answer(200, 0, 'paymentLink generated', shown(link));
}

function read({ params, provider }: Call): SimulatorAnswer {
  const link = links.get(provider.ledger, params['id'] ?? '');
  return link ? answer(200, 0, null, shown(link)) : notFound();
}

function update(changes: Shaped<typeof UPDATE>, { params, provider }: Call): SimulatorAnswer {
  const link = links.get(provider.ledger, params['id'] ?? '');
  if (!link) return notFound();
  link.subAmount = changes.subAmount ?? link.subAmount;
  link.description = changes.description ?? link.description;
  link.active = changes.active ?? link.active;
  return answer(200, 0, 'paymentLink updated', shown(link));
}

const JSON_TYPE = { 'content-type': 'application/json' };

/** PayU's payment links at `oneapi.payu.in`. A token has at most three scopes. */
export const payuPaymentLinks = payuProduct({
  scopes: ['create_payment_links', 'update_payment_links', 'read_payment_links'],
  maxScopes: 3,
  credentials: { merchant_id: 'test' },
  paths: [
    [
      'POST',
      '/payment-links/?',
      'create_payment_links',
      forMerchant(reading((call) => readJson(call, CREATE), bad, create)),
    ],
    ['GET', '/payment-links/:id', 'read_payment_links', forMerchant(read)],
    [
      'PUT',
      '/payment-links/:id',
      'update_payment_links',
      forMerchant(reading((call) => readJson(call, UPDATE), bad, update)),
    ],
  ],
  examples: [
    {
      method: 'POST',
      path: '/payment-links',
      headers: JSON_TYPE,
      body: '{"subAmount":100,"description":"A payment link","source":"API"}',
    },
  ],
  errors: [
    {
      answer: '400 Invoice Number already exists. Please enter new invoice number.',
      when: 'a link of that number is there',
      source: 'https://docs.payu.in/reference/createpaymentlinkapi',
      unsaid: 'the status',
    },
    {
      answer: '404 paymentLink not found',
      when: 'there is no link of that number',
      source: 'https://docs.payu.in/reference-link/get_single_payment_link_api',
      unsaid: 'the status',
    },
    { answer: '400 subAmount is missing', when: 'the body is wrong: the message says what' },
    { answer: '400 the header merchantId is missing', when: 'merchantId is missing' },
    { answer: '403 merchantId is not one of this client', when: 'merchantId is another' },
  ],
});
