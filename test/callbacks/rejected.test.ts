import test, { type ExecutionContext } from 'ava';
import { until } from '../helpers/http1.ts';
import { assertProblem } from '../helpers/problem.ts';
import {
  FORM,
  JSON_TYPE,
  PAYMENT,
  payuFields,
  payuForm,
  payuJson,
  sha256,
  startCallbacks,
  webhook,
  xVerify,
} from './given.ts';
import type { Sent, World } from './given.ts';

const CONTENT = { success: true, code: 'PAYMENT_SUCCESS', data: { merchantTransactionId: 'txn-1', amount: 1000 } };
const ORDER = { event: 'checkout.order.completed', payload: { merchantOrderId: 'order-1', state: 'COMPLETED' } };
const PATHS = { payu: '/callbacks/payu', xverify: '/callbacks/xverify', phonepe: '/callbacks/phonepe' };

/** Sends each callback, which must be answered with 401 and must not reach the application. */
async function allRejected(
  t: ExecutionContext,
  { send, shop }: World,
  path: string,
  bad: Iterable<readonly [what: string, sent: Sent]>,
): Promise<void> {
  let count = 0;
  for (const [what, sent] of bad) {
    const answer = await send(path, sent);
    t.is(answer.status, 401, what);
    t.regex(answer.text, /"code":"callback_rejected"/, what);
    count++;
  }
  t.true(count > 0);
  t.is(shop.connections, 0);
}

/** Every text that differs from this one in one bit of one byte. */
function* flipped(text: string): Generator<string> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at++) {
    for (let bit = 0; bit < 7; bit++) {
      const copy = Buffer.from(bytes);
      copy[at] = (copy[at] as number) ^ (1 << bit);
      yield copy.toString('latin1');
    }
  }
}

/** The bits that a header can hold, less those that only change the case of a hex digit. */
const flippedHeader = (value: string): string[] =>
  [...flipped(value)].filter((text) => /^[\x21-\x7e]*$/.test(text) && text.toLowerCase() !== value.toLowerCase());

const without = (fields: Readonly<Record<string, string>>, name: string): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name));
const formOf = (fields: Readonly<Record<string, string>>): Sent => ({
  headers: FORM,
  body: new URLSearchParams(fields).toString(),
});

test('a rejection helps nobody to forge a callback, and tells the operator why', async (t) => {
  const world = await startCallbacks(t);
  const answer = await world.send(PATHS.payu, payuForm(PAYMENT, 'another salt'));
  const problem = assertProblem(t, answer, { status: 401, code: 'callback_rejected' });
  t.is(problem.detail, 'the callback could not be verified');
  t.is(problem.route, undefined);
  t.is(world.shop.connections, 0);
  await until('the warning', () => world.outrider.logText().includes('a callback was not verified'));
  t.regex(world.outrider.logText(), /"level":"warn".*"callback":"payu".*"reason":"the signature/);
});

test('PayU: one bit of any field of the formula, or of the hash', async (t) => {
  const world = await startCallbacks(t);
  const signed = payuFields({ ...PAYMENT, additional_charges: '1.50', splitInfo: 'a' });
  const bad = Object.entries(signed)
    .filter(([name]) => name !== 'mihpayid')
    .flatMap(([name, value]) =>
      (name === 'hash'
        ? flippedHeader(value).filter((_, i) => i % 9 === 0)
        : [...flipped(value)].filter((_, i) => i % 3 === 0)
      ).map((other) => [`${name} ${other}`, formOf({ ...signed, [name]: other })] as const),
    );
  await allRejected(t, world, PATHS.payu, bad);
});

test('PayU: a field more, less, twice, or in other words', async (t) => {
  const world = await startCallbacks(t);
  const good = payuFields(PAYMENT);
  const { body } = payuForm();
  const json = payuJson().body;
  await allRejected(t, world, PATHS.payu, [
    ...Object.keys(PAYMENT)
      .filter((name) => name !== 'mihpayid')
      .map((name) => [`no ${name}`, formOf(without(good, name))] as const),
    ['no hash', formOf(without(good, 'hash'))],
    ['an empty hash', formOf({ ...good, hash: '' })],
    ['a short hash', formOf({ ...good, hash: (good['hash'] as string).slice(0, -1) })],
    ['a long hash', formOf({ ...good, hash: `${good['hash']}0` })],
    ['a hash in blanks', formOf({ ...good, hash: ` ${good['hash']}` })],
    ['the forward hash', formOf({ ...good, hash: sha256('KEY|txn-1|10.00') })],
    ['charges that were not signed', formOf({ ...good, additional_charges: '5' })],
    ['charges in both spellings', payuForm({ ...PAYMENT, additional_charges: '5', additionalCharges: '5' })],
    ['a split that was not signed', formOf({ ...good, splitInfo: 'a' })],
    ['udf6 that was not signed', formOf({ ...good, udf6: 'a' })],
    ['the key of another merchant', payuForm({ ...PAYMENT, key: 'OTHER' })],
    ['a bar in the name', payuForm({ ...PAYMENT, firstname: 'Asha|x' })],
    ['a bar in udf5', payuForm({ ...PAYMENT, udf5: '|' })],
    ['fields moved over a bar', formOf({ ...payuFields(PAYMENT), email: '', firstname: 'asha@example.in|Asha' })],
    ['status twice', { headers: FORM, body: `${body}&status=failure` }],
    ['status twice, escaped', { headers: FORM, body: `${body}&st%61tus=failure` }],
    ['Status in capitals', { headers: FORM, body: `${body}&Status=failure` }],
    ['a field that is not read, twice', { headers: FORM, body: `${body}&mode=a&mode=b` }],
    ['a name with brackets', { headers: FORM, body: `${body}&status[]=failure` }],
    ['a name with a dot', { headers: FORM, body: `${body}&a.b=1` }],
    ['a semicolon', { headers: FORM, body: `${body}&x=1;status=failure` }],
    ['a bad escape', { headers: FORM, body: `${body}&x=%zz` }],
    ['not UTF-8', { headers: FORM, body: body.replace('Asha', '%E4%FF') }],
    ['JSON as a form', { headers: FORM, body: json }],
    ['a form as JSON', { headers: JSON_TYPE, body }],
    ['a form as text', { headers: ['Content-Type', 'text/plain'], body }],
    ['two types', { headers: [...FORM, ...JSON_TYPE], body }],
    ['compressed, it says', { headers: [...FORM, 'Content-Encoding', 'gzip'], body }],
    ['a name of JSON twice', { headers: JSON_TYPE, body: json.replace('{', '{"status":"failure",') }],
    ['a name of JSON twice, escaped', { headers: JSON_TYPE, body: json.replace('{', '{"st\\u0061tus":"failure",') }],
    ['a name of JSON in capitals', { headers: JSON_TYPE, body: json.replace('{', '{"STATUS":"failure",') }],
    ['a status of JSON that is a list', { headers: JSON_TYPE, body: json.replace('"success"', '["success"]') }],
    ['a nested name twice', { headers: JSON_TYPE, body: json.replace('{', '{"x":{"a":1,"a":2},') }],
    ['JSON cut off', { headers: JSON_TYPE, body: json.slice(0, -1) }],
    ['a form cut off', { headers: FORM, body: body.slice(0, -1) }],
    ['nothing', { headers: FORM, body: '' }],
    ['nothing at all', { headers: [], body: '' }],
    ['a byte order mark', { headers: JSON_TYPE, body: `\uFEFF${json}` }],
  ]);
});

test('X-VERIFY: one bit of the signature or of the text', async (t) => {
  const world = await startCallbacks(t);
  const { headers, body } = xVerify(CONTENT);
  const [, , , signature = ''] = headers;
  const response = (JSON.parse(body) as { response: string }).response;
  await allRejected(t, world, PATHS.xverify, [
    ...flippedHeader(signature)
      .filter((_, i) => i % 3 === 0)
      .map((other) => [other, { headers: [...JSON_TYPE, 'X-VERIFY', other], body }] as const),
    ...[...flipped(response)]
      .filter((_, i) => i % 5 === 0)
      .map((other) => [other, { headers, body: JSON.stringify({ response: other }) }] as const),
  ]);
});

test('X-VERIFY: the signature of something else, twice, under another salt', async (t) => {
  const world = await startCallbacks(t);
  const { headers, body } = xVerify(CONTENT);
  const [, , , signature = ''] = headers;
  const other = xVerify({ success: false });
  const signed = (value: string): Sent => ({ headers: [...JSON_TYPE, 'X-VERIFY', value], body });
  const { response } = JSON.parse(body) as { response: string };
  await allRejected(t, world, PATHS.xverify, [
    ['the signature of another body', { headers: other.headers, body }],
    ['a second signature', { headers: [...headers, 'x-verify', signature], body }],
    ['a wrong one first', { headers: [...JSON_TYPE, 'X-VERIFY', 'a###2', 'X-VERIFY', signature], body }],
    ['no signature', { headers: JSON_TYPE, body }],
    ['an empty one', signed('')],
    ['without index', signed(signature.slice(0, -4))],
    ['the index of the old salt', signed(signature.replace('###2', '###1'))],
    ['the old salt under the new index', xVerify(CONTENT, 'salt-of-phonepe-1', 2)],
    ['no salt at all', xVerify(CONTENT, '', 2)],
    [
      'with the path in it, as requests have',
      signed(`${sha256(`${response}/callbacks/xverifysalt-of-phonepe-2`)}###2`),
    ],
    ['twice in one header', signed(`${signature},${signature}`)],
    ['response twice', { headers, body: body.replace('{', '{"response":"e30=",') }],
    ['response in capitals too', { headers, body: body.replace('{', '{"Response":"e30=",') }],
    ['another field', { headers, body: body.replace('response', 'request') }],
  ]);
});

test('the webhook: another password, twice, or no JSON', async (t) => {
  const world = await startCallbacks(t);
  const good = sha256('hook:password-of-hook');
  const { headers, body } = webhook(ORDER);
  await allRejected(t, world, PATHS.phonepe, [
    ...flippedHeader(good)
      .filter((_, i) => i % 7 === 0)
      .map((other) => [other, webhook(ORDER, other)] as const),
    ['another password', webhook(ORDER, sha256('hook:other'))],
    ['the colon elsewhere', webhook(ORDER, sha256('hookpassword-of-hook'))],
    ['nothing', webhook(ORDER, '')],
    ['no header', { headers: JSON_TYPE, body }],
    ['twice', { headers: [...headers, 'authorization', good], body }],
    ['as Basic', webhook(ORDER, `Basic ${Buffer.from('hook:password-of-hook').toString('base64')}`)],
    ['as base64', webhook(ORDER, Buffer.from(good, 'hex').toString('base64'))],
    ['with a blank more', webhook(ORDER, `SHA256  ${good}`)],
    ['no JSON', { headers, body: 'event=x' }],
    ['a name twice', { headers, body: body.replace('{', '{"event":"x",') }],
  ]);
});

test('a body above a mebibyte is not taken', async (t) => {
  const { send, shop } = await startCallbacks(t);
  const large = await send(PATHS.payu, payuForm({ ...PAYMENT, udf2: 'a'.repeat(1024 * 1024) }));
  assertProblem(t, large, { status: 413, code: 'body_too_large' });
  t.is(shop.connections, 0);
  t.is((await send(PATHS.payu, payuForm({ ...PAYMENT, udf2: 'a'.repeat(1000 * 1000) }))).status, 200);
});
