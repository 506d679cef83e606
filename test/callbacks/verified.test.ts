import test from 'ava';
import { header, headerAll } from '../helpers/http1.ts';
import { httpCall } from '../helpers/outrider.ts';
import { type Sent, PAYMENT, payuForm, payuJson, sha256, startCallbacks, webhook, xVerify } from './given.ts';

const ORDER = { event: 'checkout.order.completed', payload: { merchantOrderId: 'order-1', state: 'COMPLETED' } };

const GOOD: readonly (readonly [what: string, path: string, sent: Sent])[] = [
  ['a form of PayU', '/callbacks/payu', payuForm()],
  ['JSON of PayU', '/callbacks/payu', payuJson()],
  ['PayU with additional charges', '/callbacks/payu', payuForm({ ...PAYMENT, additional_charges: '1.50' })],
  ['PayU with charges in the older spelling', '/callbacks/payu', payuForm({ ...PAYMENT, additionalCharges: '1.50' })],
  ['PayU with a split', '/callbacks/payu', payuForm({ ...PAYMENT, splitInfo: '{"a":1}' })],
  [
    'PayU with a split and charges',
    '/callbacks/payu',
    payuJson({ ...PAYMENT, splitInfo: 'x', additional_charges: '2' }),
  ],
  ['PayU with udf6 to udf10', '/callbacks/payu', payuForm({ ...PAYMENT, udf6: 'six', udf10: 'ten' })],
  ['PayU in UTF-8', '/callbacks/payu', payuForm({ ...PAYMENT, firstname: 'आशा', productinfo: 'जूते' })],
  ['PayU under the old salt', '/callbacks/payu', payuForm(PAYMENT, 'salt-of-payu-0')],
  ['X-VERIFY', '/callbacks/xverify', xVerify({ success: true, code: 'PAYMENT_SUCCESS' })],
  ['X-VERIFY under the old salt', '/callbacks/xverify', xVerify({ success: true }, 'salt-of-phonepe-1', 1)],
  ['a webhook', '/callbacks/phonepe', webhook(ORDER)],
  [
    'a webhook that names its digest',
    '/callbacks/phonepe',
    webhook(ORDER, `SHA256 ${sha256('hook:password-of-hook')}`),
  ],
  ['a webhook in capital letters', '/callbacks/phonepe', webhook(ORDER, sha256('hook:password-of-hook').toUpperCase())],
];

for (const [what, path, sent] of GOOD) {
  test(`${what} reaches the application byte for byte`, async (t) => {
    const { shop, send, outrider } = await startCallbacks(t);
    const answer = await send(path, sent);
    t.is(answer.status, 200, answer.text);
    t.is(answer.text, 'ok');
    const arrived = await shop.request(1);
    const { bytes } = await arrived.body();
    t.is(bytes.toString('latin1'), Buffer.from(sent.body).toString('latin1'));
    t.is(arrived.method, 'POST');
    t.is(arrived.target, path.replace('/callbacks/', '/hooks/'));
    t.is(header(arrived.headers, 'outrider-verified'), path.slice('/callbacks/'.length));
    t.is(header(arrived.headers, 'outrider-callback-seen'), undefined);
    t.deepEqual(shop.violations, []);
    const [line] = await outrider.logged(1);
    t.like(line, { route: `callback:${path.slice('/callbacks/'.length)}`, status: 200, attempts: 1 });
  });
}

test('no caller can claim to be verified, however it spells that', async (t) => {
  const { shop, send } = await startCallbacks(t);
  const sent = payuForm();
  const claims = [
    'Outrider-Verified',
    'OUTRIDER_VERIFIED',
    'Outrider_Callback-Seen',
    'outrider.verified',
    'Outrider-X',
  ];
  const headers = [...sent.headers, ...claims.flatMap((name) => [name, 'phonepe']), 'Connection', 'outrider-verified'];
  const answer = await send('/callbacks/payu', { ...sent, headers });
  t.is(answer.status, 200, answer.text);
  const arrived = await shop.request(1);
  const ours = arrived.headers.filter((name, i) => i % 2 === 0 && /^outrider/i.test(name));
  t.deepEqual(ours, ['Outrider-Verified']);
  t.deepEqual(headerAll(arrived.headers, 'outrider-verified'), ['payu']);
});

test('a header that is a password is not passed on, and others are', async (t) => {
  const { shop, send } = await startCallbacks(t);
  const sent = webhook(ORDER);
  await send('/callbacks/phonepe', { ...sent, headers: [...sent.headers, 'X-Trace', 'a', 'Cookie', 'b=c'] });
  const arrived = await shop.request(1);
  t.is(header(arrived.headers, 'authorization'), undefined);
  t.is(header(arrived.headers, 'x-trace'), 'a');
  t.is(header(arrived.headers, 'cookie'), 'b=c');
  const signed = xVerify({ a: 1 });
  await send('/callbacks/xverify', signed);
  t.is(header((await shop.request(2)).headers, 'x-verify'), signed.headers[3]);
});

test('a query goes along, behind the one of `forward`', async (t) => {
  const { shop, send } = await startCallbacks(t, { query: '?from=outrider' });
  await send('/callbacks/payu?a=1&a=%32', payuForm());
  t.is((await shop.request(1)).target, '/hooks/payu?from=outrider&a=1&a=%32');
  await send('/callbacks/payu', payuForm());
  t.is((await shop.request(2)).target, '/hooks/payu?from=outrider');
});

test('the answer of the application goes back as it is', async (t) => {
  const { send } = await startCallbacks(t, {
    shop: async (arrival) => {
      await arrival.body();
      await arrival.reply(303, { headers: ['location', '/thanks', 'x-shop', 'é'], body: '<p>thanks</p>' });
    },
  });
  const answer = await send('/callbacks/payu', payuForm());
  t.is(answer.status, 303);
  t.is(answer.header('location'), '/thanks');
  t.is(answer.text, '<p>thanks</p>');
});

test('only whole paths of callbacks exist, and only POST', async (t) => {
  const { origin, shop, send, outrider } = await startCallbacks(t);
  for (const path of [
    '/callbacks',
    '/callbacks/payu/',
    '/callbacks/payu/x',
    '/callbacks/PAYU',
    '/',
    '/payu/_payment',
  ]) {
    t.is((await send(path, payuForm())).status, 404, path);
  }
  for (const method of ['GET', 'PUT', 'OPTIONS', 'DELETE', 'TRACE']) {
    const answer = await httpCall(origin, '/callbacks/payu', { method });
    t.is(answer.status, 405, method);
    t.is(answer.header('allow'), 'POST');
  }
  t.is(shop.connections, 0);
  t.is((await outrider.call('/callbacks/payu', { method: 'POST', body: 'a=1' })).status, 404);
});

test('a browser may bring a callback, from any page', async (t) => {
  const { send } = await startCallbacks(t);
  const sent = payuForm();
  const headers = [...sent.headers, 'Origin', 'https://secure.payu.in', 'Sec-Fetch-Site', 'cross-site'];
  t.is((await send('/callbacks/payu', { ...sent, headers })).status, 200);
});
