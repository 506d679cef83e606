import { createHash } from 'node:crypto';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { startOutrider } from '../helpers/outrider.ts';
import type { Outrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { startUpstream } from '../helpers/upstream.ts';
import type { Upstream } from '../helpers/upstream.ts';

// PayU's formulas as its documents have them, each as one line of names; the hashes are computed here.
const FULL = 'key|txnid|amount|productinfo|firstname|email|udf1|udf2|udf3|udf4|udf5|udf6|udf7|udf8|udf9|udf10';
const CART = 'user_token|offer_key|offer_auto_apply|cart_details';
const BY_FIELDS: readonly (readonly [fields: Readonly<Record<string, string>>, formula: string])[] = [
  [{}, `${FULL}|salt`],
  [{ si_details: '{"billingAmount":"10.00"}' }, `${FULL}|si_details|salt`],
  [{ beneficiarydetail: '{"beneficiaryAccountNumber":"1"}' }, `${FULL}|beneficiarydetail|salt`],
  [{ splitRequest: '{"type":"absolute"}' }, `${FULL}|salt|splitRequest`],
  [{ additional_charges: 'CC:1' }, `${FULL}|salt|additional_charges`],
  [{ additional_charges: 'CC:1', buyer_type_business: '1' }, `${FULL}|salt|additional_charges|buyer_type_business`],
];
const BY_VERSION: Readonly<Record<string, string>> = {
  2: 'key|txnid|amount|offer_key|api_version|salt',
  3: `${FULL}|offer_key|user_credentials|si|visaToVisa|salt`,
  5: `${FULL}|ccnum|ccvv|ccexpmon|ccexpyr|salt`,
  6: `${FULL}|beneficiarydetail|salt`,
  7: `${FULL}|si_details|salt`,
  8: `${FULL}|surl|furl|salt`,
  9: `${FULL}|ccnum|ccvv|ccexpmon|ccexpyr|pg|bankcode|salt`,
  10: `${FULL}|offer_key|offer_product_id|offer_brand_id|salt`,
  11: `${FULL}|si_details|free_trial|salt`,
  12: `${FULL}|card_no|salt`,
  13: `${FULL}|splitInfo|salt`,
  14: `${FULL}|offer_key|offer_auto_apply|salt`,
  15: `${FULL}|${CART}|salt`,
  16: `${FULL}|base_split_id|salt`,
  17: `${FULL}|${CART}|extra_charges|salt`,
  18: `${FULL}|phone|salt`,
  19: `${FULL}|${CART}|extra_charges|phone|salt`,
  20: `${FULL}|beneficiarydetail|si_details|${CART}|salt`,
  21: `${FULL}|beneficiarydetail|si_details|${CART}|products|salt`,
};

const PAYMENT = { txnid: 't1', amount: '10.00', productinfo: 'Shoes', firstname: 'Asha', email: 'a@b.in' };
const MERCHANT = { key: 'KEY', salt: 'SALT' };
const FORM_TYPE = ['Content-Type', 'application/x-www-form-urlencoded'];

const hashOf = (fields: Readonly<Record<string, string>>, formula: string): string =>
  createHash('sha512')
    .update(
      formula
        .split('|')
        .map((name) => ({ ...fields, ...MERCHANT })[name] ?? '')
        .join('|'),
    )
    .digest('hex');

async function given(t: ExecutionContext): Promise<{ outrider: Outrider; upstream: Upstream }> {
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(
    t,
    `
providers:
  payu: { profile: payu-payment, environment: test, credentials: { key: KEY, salt: SALT }, endpoints: { api: "${upstream.origin}" } }
routes: [{ provider: payu, match: { path: /payu } }]`,
  );
  return { outrider, upstream };
}

const pay = (outrider: Outrider, fields: Readonly<Record<string, string>>) =>
  outrider.call('/payu/_payment', { headers: FORM_TYPE, body: new URLSearchParams(fields).toString() });

/** The fields of the last form that arrived. */
async function arrived({ requests }: Upstream): Promise<URLSearchParams> {
  const body = await requests.at(-1)?.body();
  return new URLSearchParams(body?.bytes.toString());
}

/** A value for every field that any formula has. */
const everything = Object.fromEntries(
  [...new Set(Object.values(BY_VERSION).join('|').split('|'))]
    .filter((name) => !(name in MERCHANT) && name !== 'api_version')
    .map((name) => [name, `<${name}>`]),
);

test('each form of the hash is the one of PayU’s documents, over an application’s own right one too', async (t) => {
  const { outrider, upstream } = await given(t);
  for (const version of [{}, { api_version: '1' }, { api_version: '' }]) {
    for (const [more, formula] of BY_FIELDS) {
      const fields = { ...PAYMENT, udf3: 'u3', udf9: 'u9', ...version, ...more };
      const hash = hashOf(fields, formula);
      const answer = await pay(outrider, { ...fields, hash });
      t.is(answer.status, 200, answer.text);
      t.deepEqual((await arrived(upstream)).getAll('hash'), [hash], formula);
    }
  }
  for (const [version, formula] of Object.entries(BY_VERSION)) {
    for (const all of [PAYMENT, { ...everything, ...PAYMENT }]) {
      const fields = { ...all, api_version: version };
      const answer = await pay(outrider, { hash: 'wrong', ...fields });
      t.is(answer.status, 200, answer.text);
      t.deepEqual((await arrived(upstream)).getAll('hash'), [hashOf(fields, formula)], version);
    }
  }
});

test('the hashes are those that were computed elsewhere', (t) => {
  const short = (fields: Readonly<Record<string, string>>, formula: string): string =>
    hashOf({ ...PAYMENT, ...fields }, formula).slice(0, 16);
  t.is(short({}, `${FULL}|salt`), '4ebc00ccb04a88d6');
  t.is(short({ udf6: 'u6' }, `${FULL}|salt`), 'e2becdbcb8bdca9d');
  t.is(short({ si_details: '{"billingAmount":"10.00"}' }, `${FULL}|si_details|salt`), 'ae5effb3cb89a98a');
  t.is(short({ udf6: 'u6', phone: '9999999999' }, BY_VERSION[19] as string), 'd508f002b8f28eb1');
  const split = '{"type":"absolute","splitInfo":{"child1":{"aggregatorSubTxnId":"t1c","aggregatorSubAmt":"10.00"}}}';
  t.is(short({ splitRequest: split }, `${FULL}|salt|splitRequest`), '80aee22886ed2b87');
});

const ALTERNATIVES = ['si_details', 'beneficiarydetail', 'splitRequest', 'additional_charges'];
const pairs = ALTERNATIVES.flatMap((one, i) => ALTERNATIVES.slice(i + 1).map((other) => [one, other] as const));

test('what nobody documents is refused with the fields named, and nothing is sent', async (t) => {
  const { outrider, upstream } = await given(t);
  const refused = async (more: Readonly<Record<string, string>>, ...names: readonly string[]): Promise<void> => {
    const answer = await pay(outrider, { ...PAYMENT, ...more });
    assertProblem(t, answer, { status: 400, code: 'bad_body', outcome: 'not_sent', route: 'payu' });
    for (const name of names) t.true(answer.text.includes(`\`${name}\``), `${name}: ${answer.text}`);
  };
  for (const version of ['4', '0', '22', '19 ', '019', '1.0', 'x'])
    await refused({ api_version: version }, 'api_version');
  for (const [one, other] of pairs) {
    await refused({ [one]: '{}', [other]: 'CC:1' }, one, other);
    await refused({ api_version: '1', [one]: '{}', [other]: 'CC:1' }, one, other);
  }
  for (const name of ['splitRequest', 'additional_charges', 'udf_params']) {
    for (const version of Object.keys(BY_VERSION)) await refused({ api_version: version, [name]: '1' }, name);
  }
  await refused({ buyer_type_business: '1' }, 'buyer_type_business', 'additional_charges');
  await refused({ api_version: '7', buyer_type_business: '1' }, 'buyer_type_business');
  const twice = `${new URLSearchParams(PAYMENT).toString()}&api_version=7&api%5Fversion=7`;
  const answer = await outrider.call('/payu/_payment', { headers: FORM_TYPE, body: twice });
  assertProblem(t, answer, { status: 400, code: 'bad_body', detail: /"api_version" .* sent twice/ });
  t.is(upstream.connections, 0);
});

test('a payment may come as a multipart form', async (t) => {
  const { outrider, upstream } = await given(t);
  const fields = { ...PAYMENT, api_version: '18', phone: '99' };
  const part = (name: string, value: string): string =>
    `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  const own = Object.entries(fields)
    .map(([name, value]) => part(name, value))
    .join('');
  const headers = ['Content-Type', 'multipart/form-data; boundary=b'];
  const answer = await outrider.call('/payu/_payment', { headers, body: `${own}--b--\r\n` });
  t.is(answer.status, 200, answer.text);
  const body = await upstream.requests.at(-1)?.body();
  const hash = hashOf(fields, BY_VERSION[18] as string);
  t.is(body?.bytes.toString(), `${own}${part('key', 'KEY')}${part('hash', hash)}--b--\r\n`);
});
