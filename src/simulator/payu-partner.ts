import { shelf } from './ledger.ts';
import { payuProduct } from './payu-oauth.ts';
import { fit, isObject, readForm, readJson, reading } from './read.ts';
import type { TypeGuard, Problem, Read, Shaped } from './read.ts';
import { randomHex } from './tokens.ts';
import type { SimulatorAnswer, Call } from './types.ts';

interface Merchant {
  readonly mid: number;
  readonly uuid: string;
  readonly product_account_uuid: string;
  readonly display_name: string;
  readonly email: string;
  readonly mobile: string;
  bank_detail?: { readonly bank_account_number: string; readonly ifsc_code: string };
}
const merchants = shelf<Merchant>('merchant');

const matching =
  (pattern: RegExp): TypeGuard<string> =>
  (value): value is string =>
    typeof value === 'string' && pattern.test(value);

const MERCHANT = {
  display_name: matching(/^.{1,255}$/s),
  email: matching(/^[^@\s]+@[^@\s]+$/),
  mobile: matching(/^\d{10}$/),
};
const BANK = { bank_account_number: matching(/^\d{6,20}$/), ifsc_code: matching(/^[A-Z]{4}0[A-Z0-9]{6}$/) };

const bad = ({ status, detail }: Problem): SimulatorAnswer => ({
  status,
  body: { errors: [{ code: 'invalid_request', message: detail }] },
});
const notFound = (): SimulatorAnswer => ({
  status: 404,
  body: { errors: [{ code: 'not_found', message: 'Merchant not found' }] },
});

function create({ display_name, email, mobile }: Shaped<typeof MERCHANT>, { provider }: Call): SimulatorAnswer {
  const mid = 8_000_000 + (parseInt(randomHex(4), 16) % 1_000_000);
  const uuid = crypto.randomUUID();
  const made = { mid, uuid, product_account_uuid: uuid, display_name, email, mobile };
  merchants.put(provider.ledger, String(mid), made);
  return { status: 200, body: { mid, uuid, product_account_uuid: uuid } };
}

/** Reads the body of version 3, a form with `merchant[display_name]` and so on. */
function fromForm(call: Call): Read<Shaped<typeof MERCHANT>> {
  const form = readForm(call);
  if ('problem' in form) return form;
  const entries = Object.keys(MERCHANT).map((name) => [name, form.value.get(`merchant[${name}]`)] as const);
  return fit(Object.fromEntries(entries.filter(([, value]) => value !== undefined)), MERCHANT);
}

/** Reads the body of version 1, JSON `{ merchant: { … } }`. */
function fromJson(call: Call): Read<Shaped<typeof MERCHANT>> {
  const body = readJson(call, { merchant: isObject });
  return 'problem' in body ? body : fit(body.value.merchant, MERCHANT);
}

const withMerchant =
  (then: (merchant: Merchant, call: Call) => SimulatorAnswer) =>
  (call: Call): SimulatorAnswer => {
    const merchant = merchants.get(call.provider.ledger, call.params['mid'] ?? '');
    return merchant ? then(merchant, call) : notFound();
  };

const setBank = withMerchant((merchant, call) =>
  reading(
    (inner) => readJson(inner, BANK),
    bad,
    ({ bank_account_number, ifsc_code }) => {
      merchant.bank_detail = { bank_account_number, ifsc_code };
      return { status: 200, body: { merchant } };
    },
  )(call),
);

/** PayU's partner integration at `partner.payu.in`. */
export const payuPartner = payuProduct({
  scopes: [
    'refer_merchant',
    'send_sign_in_otp',
    'verify_sign_in_otp',
    'client_manage_agreement',
    'client_manage_kyc_details',
    'create_bank_details',
    'user_token',
    'create_payment_links',
  ],
  maxScopes: 8,
  paths: [
    ['POST', '/api/v1/merchants', 'refer_merchant', reading(fromJson, bad, create)],
    ['POST', '/api/v3/merchants', 'refer_merchant', reading(fromForm, bad, create)],
    [
      'GET',
      '/api/v1/merchants/:mid',
      'refer_merchant',
      withMerchant((merchant) => ({ status: 200, body: { merchant } })),
    ],
    ['PUT', '/api/v1/merchants/:mid/bank_details', 'create_bank_details', setBank],
  ],
  examples: [
    {
      method: 'POST',
      path: '/api/v1/merchants',
      headers: { 'content-type': 'application/json' },
      body: '{"merchant":{"display_name":"Acme Stores","email":"owner@example.com","mobile":"9876543210"}}',
    },
  ],
  errors: [
    { answer: '400 invalid_request', when: 'the body is wrong: the message says what' },
    { answer: '404 not_found', when: 'there is no such merchant' },
  ],
});
