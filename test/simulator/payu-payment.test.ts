import test from 'ava';
import type { ExecutionContext } from 'ava';
import { startSimulator } from '../helpers/simulator.ts';
import type { TestSimulator } from '../helpers/simulator.ts';
import { FORM, send, sha512 } from './client.ts';
import type { Reply } from './client.ts';

type Fields = Readonly<Record<string, string>>;

const FORM_1 = { txnid: 't1', amount: '10.00', productinfo: 'Shoes', firstname: 'Asha', email: 'a@b.in' };
const SPLIT = '{"type":"absolute","splitInfo":{"child1":{"aggregatorSubTxnId":"t1c","aggregatorSubAmt":"10.00"}}}';

const start = (t: ExecutionContext): Promise<TestSimulator> =>
  startSimulator(t, { providers: [{ name: 'p', kind: 'payu-payment', credentials: { key: 'KEY', salt: 'SALT' } }] });
const post = (simulator: TestSimulator, fields: Fields): Promise<Reply> =>
  send(simulator, 'POST', '/p/_payment', FORM, String(new URLSearchParams({ ...fields, key: 'KEY' })));

/** Vectors that were computed outside of this project. */
for (const [what, more, hash] of [
  [
    'the usual form',
    {},
    '4ebc00ccb04a88d66280b5f0b3cbd2c66372e985638905c22e683326c15f3c5fb5b78306b59f42f9fe96b87099ab57cfdba13be0e212eb259be5e8d7da551c97',
  ],
  [
    'splitRequest',
    { splitRequest: SPLIT },
    '80aee22886ed2b87ff839a9466d768826900b57bdf233e98fd7cde894fae667145a124ae84e591bbfb6a0b788623ff62d9730c4f4bf771bdcd3542c5fe441174',
  ],
  [
    'si_details',
    { si_details: '{"billingAmount":"10.00"}' },
    'ae5effb3cb89a98ab5bb53a07751bfa423a49ab201188de2d912987a23fa5d890eb5878e323703ba06e0201cf705e13b046a96731b35d1e296e2fbcbefd02e33',
  ],
  [
    'api_version 19',
    { api_version: '19', udf6: 'u6', phone: '9999999999' },
    'd508f002b8f28eb1b31aaf0bbc05744351c46a3405d9712856aca12a738911d6ef300b21dd4e2260c9463176fbc1e4b9d10dbbbbf6c6743d43ea342c37a1612d',
  ],
  [
    'udf6',
    { udf6: 'u6' },
    'e2becdbcb8bdca9d6bf42fda9d4622e3d30e7bc83402074f29d5e40a7212947b23fa35ecc82e0964325785d06c0c6b9c5c42e9f71f9058acd9cd117380d2d181',
  ],
] as const)
  test(`the vector for ${what} is accepted`, async (t) => {
    t.is((await post(await start(t), { ...FORM_1, ...more, hash })).status, 200);
  });

const UDFS = { udf1: '1', udf2: '2', udf3: '3', udf4: '4', udf5: '5', udf6: '6', udf7: '7', udf8: '8', udf9: '9' };
const ALL = { ...FORM_1, ...UDFS, udf10: '10' };
const CARD = { ccnum: '5123', ccvv: '123', ccexpmon: '05', ccexpyr: '2030', pg: 'CC', bankcode: 'MAST' };
const CART = {
  user_token: 'ut',
  offer_key: 'ok',
  offer_auto_apply: '1',
  cart_details: '{"n":1}',
  extra_charges: '2.5',
};
const PLAN = { beneficiarydetail: '{"b":1}', si_details: '{"s":1}' };

/** Each form of the hash, with what PayU's pages say is signed, written out. */
const SIGNED: readonly (readonly [fields: Fields, signed: string])[] = [
  [{}, 'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|SALT'],
  [{ phone: '99', si: '1' }, 'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|SALT'],
  [{ api_version: '1' }, 'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|SALT'],
  [{ api_version: '', splitRequest: '' }, 'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|SALT'],
  [{ udf_params: '{}' }, 'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|SALT'],
  [{ si_details: '{"s":1}' }, 'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|{"s":1}|SALT'],
  [{ beneficiarydetail: '{"b":1}' }, 'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|{"b":1}|SALT'],
  [{ splitRequest: SPLIT }, `KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|SALT|${SPLIT}`],
  [{ splitRequest: '{}', api_version: '1' }, 'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|SALT|{}'],
  [{ additional_charges: 'CC:1' }, 'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|SALT|CC:1'],
  [
    { additional_charges: 'CC:1', buyer_type_business: '1' },
    'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|SALT|CC:1|1',
  ],
  [{ api_version: '2', offer_key: 'ok' }, 'KEY|t1|10.00|ok|2|SALT'],
  [
    { api_version: '3', offer_key: 'ok', user_credentials: 'KEY:u', si: '1', visaToVisa: 'v' },
    'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|ok|KEY:u|1|v|SALT',
  ],
  [{ api_version: '3' }, 'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|||||SALT'],
  [{ api_version: '5', ...CARD }, 'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|5123|123|05|2030|SALT'],
  [{ api_version: '6', ...PLAN }, 'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|{"b":1}|SALT'],
  [{ api_version: '7', ...PLAN }, 'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|{"s":1}|SALT'],
  [{ api_version: '8', surl: 's', furl: 'f' }, 'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|s|f|SALT'],
  [{ api_version: '9', ...CARD }, 'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|5123|123|05|2030|CC|MAST|SALT'],
  [
    { api_version: '10', offer_key: 'ok', offer_product_id: 'p', offer_brand_id: 'b' },
    'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|ok|p|b|SALT',
  ],
  [
    { api_version: '11', si_details: '{"s":1}', free_trial: '1' },
    'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|{"s":1}|1|SALT',
  ],
  [{ api_version: '12', card_no: '5123' }, 'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|5123|SALT'],
  [{ api_version: '13', splitInfo: '{"i":1}' }, 'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|{"i":1}|SALT'],
  [{ api_version: '14', ...CART }, 'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|ok|1|SALT'],
  [{ api_version: '15', ...CART }, 'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|ut|ok|1|{"n":1}|SALT'],
  [{ api_version: '16', base_split_id: 'bs' }, 'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|bs|SALT'],
  [{ api_version: '17', ...CART }, 'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|ut|ok|1|{"n":1}|2.5|SALT'],
  [{ api_version: '18', phone: '99' }, 'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|99|SALT'],
  [
    { api_version: '19', ...CART, phone: '99' },
    'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|ut|ok|1|{"n":1}|2.5|99|SALT',
  ],
  [
    { api_version: '20', ...CART, ...PLAN },
    'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|{"b":1}|{"s":1}|ut|ok|1|{"n":1}|SALT',
  ],
  [
    { api_version: '21', ...CART, ...PLAN, products: '[]' },
    'KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|{"b":1}|{"s":1}|ut|ok|1|{"n":1}|[]|SALT',
  ],
];

const named = (fields: Fields): string => new URLSearchParams(fields).toString() || 'nothing more';

for (const [fields, signed] of SIGNED)
  test(`a form with ${named(fields)} is accepted with the hash of what its row says, and with no other`, async (t) => {
    const simulator = await start(t);
    t.is((await post(simulator, { ...ALL, ...fields, hash: sha512(signed) })).status, 200);
    for (const wrong of [
      sha512(signed.replace('SALT', 'OTHER')),
      sha512(`${signed}|`),
      sha512(signed).toUpperCase(),
      '',
    ]) {
      const answer = await post(simulator, { ...ALL, ...fields, hash: wrong });
      t.is(answer.status, 400);
      t.is(
        answer.body.metaData.message,
        'Error Reason: Transaction failed due to incorrectly calculated hash parameter',
      );
    }
    t.is((await simulator.calls('p')).api.rejected, 4);
  });

test('the base hash is refused where the form has a field that changes the formula', async (t) => {
  const simulator = await start(t);
  const hash = sha512('KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|SALT');
  for (const more of [
    { splitRequest: '{}' },
    { si_details: '{}' },
    { additional_charges: 'CC:1' },
    { api_version: '8' },
  ])
    t.regex((await post(simulator, { ...ALL, ...more, hash })).body.metaData.message, /incorrectly calculated hash/);
});

for (const fields of [
  { api_version: '4' },
  { api_version: '22' },
  { api_version: '0' },
  { api_version: '01' },
  { api_version: ' 1' },
  { api_version: '7.0' },
  { api_version: 'constructor' },
  { si_details: '{}', beneficiarydetail: '{}' },
  { si_details: '{}', splitRequest: '{}' },
  { splitRequest: '{}', additional_charges: 'CC:1' },
  { api_version: '1', beneficiarydetail: '{}', additional_charges: 'CC:1' },
  { si_details: '{}', additional_charges: 'CC:1', buyer_type_business: '1' },
  { buyer_type_business: '1' },
  { api_version: '7', buyer_type_business: '1' },
  { api_version: '7', splitRequest: '{}' },
  { api_version: '19', additional_charges: 'CC:1' },
  { api_version: '2', udf_params: '{}' },
] as readonly Fields[])
  test(`a form with ${named(fields)} is refused in words that say whose they are`, async (t) => {
    const simulator = await start(t);
    const hash = sha512('KEY|t1|10.00|Shoes|Asha|a@b.in|1|2|3|4|5|6|7|8|9|10|SALT');
    const answer = await post(simulator, { ...ALL, ...fields, hash });
    t.is(answer.status, 400);
    t.regex(answer.body.metaData.message, /^Simulator: /);
    t.is((await simulator.calls('p')).api.rejected, 1);
  });
