import { createHash } from 'node:crypto';

/** The fields of a payment form, decoded. */
export type PaymentForm = ReadonlyMap<string, string>;

/** The fields that the hash covers before and after the salt, joined by `|`. `FULL` is the first sixteen fields. */
interface Formula {
  readonly before: string;
  readonly after?: string;
}

const FULL = 'key|txnid|amount|productinfo|firstname|email|udf1|udf2|udf3|udf4|udf5|udf6|udf7|udf8|udf9|udf10' as const;

/**
 * The formulas without `api_version`, or with 1. The one counts whose `has` lists exactly the {@link TELLING} fields of the
 * form. PayU writes `udf5||||||SALT` when udf6 to udf10 are empty.
 */
const BY_FIELDS: readonly (Formula & { readonly has: readonly string[] })[] = [
  { has: [], before: FULL },
  { has: ['si_details'], before: `${FULL}|si_details` },
  { has: ['beneficiarydetail'], before: `${FULL}|beneficiarydetail` },
  { has: ['splitRequest'], before: FULL, after: 'splitRequest' },
  { has: ['additional_charges'], before: FULL, after: 'additional_charges' },
  {
    has: ['additional_charges', 'buyer_type_business'],
    before: FULL,
    after: 'additional_charges|buyer_type_business',
  },
];
/** The fields that choose among {@link BY_FIELDS}. */
const TELLING = ['si_details', 'beneficiarydetail', 'splitRequest', 'additional_charges', 'buyer_type_business'];

/** The formulas by `api_version`, from 2 on. PayU's pages show no 4. */
const BY_VERSION: ReadonlyMap<string, Formula> = new Map(
  Object.entries({
    2: 'key|txnid|amount|offer_key|api_version',
    3: `${FULL}|offer_key|user_credentials|si|visaToVisa`,
    5: `${FULL}|ccnum|ccvv|ccexpmon|ccexpyr`,
    6: `${FULL}|beneficiarydetail`,
    7: `${FULL}|si_details`,
    8: `${FULL}|surl|furl`,
    9: `${FULL}|ccnum|ccvv|ccexpmon|ccexpyr|pg|bankcode`,
    10: `${FULL}|offer_key|offer_product_id|offer_brand_id`,
    11: `${FULL}|si_details|free_trial`,
    12: `${FULL}|card_no`,
    13: `${FULL}|splitInfo`,
    14: `${FULL}|offer_key|offer_auto_apply`,
    15: `${FULL}|user_token|offer_key|offer_auto_apply|cart_details`,
    16: `${FULL}|base_split_id`,
    17: `${FULL}|user_token|offer_key|offer_auto_apply|cart_details|extra_charges`,
    18: `${FULL}|phone`,
    19: `${FULL}|user_token|offer_key|offer_auto_apply|cart_details|extra_charges|phone`,
    20: `${FULL}|beneficiarydetail|si_details|user_token|offer_key|offer_auto_apply|cart_details`,
    21: `${FULL}|beneficiarydetail|si_details|user_token|offer_key|offer_auto_apply|cart_details|products`,
  }).map(([version, before]) => [version, { before }]),
);
/** Fields that can't come with an `api_version` from 2 on: PayU's pages don't say how they are signed. */
const NOT_WITH_VERSION = ['splitRequest', 'additional_charges', 'udf_params', 'buyer_type_business'];

function formulaOf(form: PaymentForm): Formula | undefined {
  const has = (name: string): boolean => Boolean(form.get(name));
  const version = form.get('api_version') || '1';
  if (version !== '1') return NOT_WITH_VERSION.some(has) ? undefined : BY_VERSION.get(version);
  const telling = TELLING.filter(has).join();
  return BY_FIELDS.find((formula) => formula.has.join() === telling);
}

/**
 * Computes PayU's hash of a payment form, in lower-case hex. Undefined for a form whose hash PayU's pages don't describe. An
 * empty field counts as missing.
 */
export function paymentHash(form: PaymentForm, salt: string): string | undefined {
  const formula = formulaOf(form);
  if (!formula) return undefined;
  const values = (names: string): string[] => names.split('|').map((name) => form.get(name) ?? '');
  const signed = [...values(formula.before), salt, ...(formula.after ? values(formula.after) : [])];
  return createHash('sha512').update(signed.join('|'), 'utf8').digest('hex');
}
