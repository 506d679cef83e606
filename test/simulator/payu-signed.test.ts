import test from 'ava';
import { startSimulator } from '../helpers/simulator.ts';
import type { TestSimulator } from '../helpers/simulator.ts';
import { FORM, JSON_TYPE, send, sha512, v2Headers } from './client.ts';

const COMMAND = '/payu-hash/merchant/postservice.php?form=2';

const form = (fields: Readonly<Record<string, string>>): string => String(new URLSearchParams(fields));

function command(simulator: TestSimulator, name: string, var1: string, change: Readonly<Record<string, string>> = {}) {
  const hash = sha512(`test|${name}|${var1}|test`);
  return send(simulator, 'POST', COMMAND, FORM, form({ key: 'test', command: name, var1, hash, ...change }));
}

const PAYMENT = { txnid: 'txn-1', amount: '10.00', productinfo: 'Shopping', firstname: 'Test', email: 'a@example.com' };

function pay(
  simulator: TestSimulator,
  fields: Readonly<Record<string, string>>,
  change: Readonly<Record<string, string>> = {},
) {
  const names = ['txnid', 'amount', 'productinfo', 'firstname', 'email', 'udf1', 'udf2', 'udf3', 'udf4', 'udf5'];
  const hash = sha512(['test', ...names.map((name) => fields[name] ?? ''), ...Array(5).fill(''), 'test'].join('|'));
  return send(simulator, 'POST', '/payu-payment/_payment', FORM, form({ key: 'test', ...fields, hash, ...change }));
}

test('what was paid by form is found by the command, with its amount', async (t) => {
  const simulator = await startSimulator(t);
  const paid = await pay(simulator, PAYMENT);
  t.is(paid.status, 200);
  t.is(paid.body.metaData.txnStatus, 'pending');
  const found = await command(simulator, 'verify_payment', 'txn-1|txn-2');
  t.is(found.body.status, 1);
  t.is(found.body.msg, '1 out of 2 Transactions Fetched Successfully');
  t.like(found.body.transaction_details, {
    'txn-1': { mihpayid: paid.body.result.paymentId, amt: '10.00', status: 'success' },
    'txn-2': { mihpayid: 'Not Found' },
  });
  const none = await command(simulator, 'verify_payment', 'txn-2');
  t.is(none.body.status, 0);
});

test('an invoice is a transaction afterwards', async (t) => {
  const simulator = await startSimulator(t);
  const invoice = { txnid: 'inv-1', amount: '5', productinfo: 'Tea', firstname: 'Test' };
  t.like((await command(simulator, 'create_invoice', JSON.stringify(invoice))).body, {
    'Transaction Id': 'inv-1',
    Status: 'Success',
  });
  t.is((await command(simulator, 'verify_payment', 'inv-1')).body.transaction_details['inv-1'].amt, '5');
  t.regex(
    (await command(simulator, 'create_invoice', JSON.stringify({ ...invoice, amount: '6' }))).body,
    /^Invoice has not been expired/,
  );
  t.is((await command(simulator, 'create_invoice', 'x')).body.status, 0);
});

test('the published SDK vector for commands is accepted', async (t) => {
  const simulator = await startSimulator(t, {
    providers: [{ name: 'p', kind: 'payu-hash', credentials: { key: 'gtKFFx', salt: 'eCwWELxi' } }],
  });
  const hash =
    'b7c06bc70031f3b0d5ce8e5b93ad0be857c3101296cbfd00b31230434629ad3d032488fd0cd6295ce9f374e884e08d035e8296a9842efa0b975c67cd3db6b180';
  const body = form({ key: 'gtKFFx', command: 'verify_payment', var1: '12345', hash });
  const answer = await send(simulator, 'POST', '/p/merchant/postservice.php?form=2', FORM, body);
  t.is(answer.body.msg, '0 out of 1 Transactions Fetched Successfully');
});

test('the published vector for payments is accepted, absent fields counting as empty', async (t) => {
  const simulator = await startSimulator(t, {
    providers: [{ name: 'p', kind: 'payu-payment', credentials: { key: 'C0Dr8m', salt: '3sf0jURk' } }],
  });
  const hash =
    'ffcdbf04fa5beefdcc2dd476c18bc410f02b3968e7f4f54e8f43f1e1a310bb32e3b4dec9305232bb89db5b1d0c009a53bcace6f4bd8ec2f695baf3d43ba730ce';
  const fields = {
    key: 'C0Dr8m',
    txnid: '12345',
    amount: '10',
    productinfo: 'Shopping',
    firstname: 'Test',
    email: 'test@test.com',
    udf2: 'abc',
    udf4: '15',
    hash,
  };
  t.is((await send(simulator, 'POST', '/p/_payment', FORM, form(fields))).status, 200);
  t.is((await send(simulator, 'POST', '/p/_payment', FORM, form({ ...fields, udf3: '15', udf4: '' }))).status, 400);
});

for (const [what, change, msg] of [
  ['a wrong hash', { hash: sha512('x') }, 'Invalid Hash.'],
  ['an upper-case hash', { hash: sha512('test|check_isDomestic|512345|test').toUpperCase() }, 'Invalid Hash.'],
  ['another key', { key: 'other' }, 'Invalid Merchant key'],
] as const)
  test(`a command with ${what} is answered 200 with status 0, and counted as rejected`, async (t) => {
    const simulator = await startSimulator(t);
    const answer = await command(simulator, 'check_isDomestic', '512345', change);
    t.is(answer.status, 200);
    t.like(answer.body, { status: 0, msg });
    t.like((await simulator.calls('payu-hash')).api, { ok: 0, rejected: 1 });
  });

test('a command over other bytes than the signed ones is rejected', async (t) => {
  const simulator = await startSimulator(t);
  const hash = sha512('test|verify_payment|a%2Fb|test');
  const encoded = await send(
    simulator,
    'POST',
    COMMAND,
    FORM,
    `key=test&command=verify_payment&var1=a%2Fb&hash=${hash}`,
  );
  t.is(encoded.body.msg, 'Invalid Hash.');
  t.is((await command(simulator, 'verify_payment', 'a/b ü')).body.status, 0);
  t.not((await command(simulator, 'verify_payment', 'a/b ü')).body.msg, 'Invalid Hash.');
});

test('a command wants a form, form=2, no field twice, and to be known', async (t) => {
  const simulator = await startSimulator(t);
  const good = form({ key: 'test', command: 'verify_payment', var1: 'x', hash: sha512('test|verify_payment|x|test') });
  const status = async (path: string, headers: Record<string, string>, body: string) =>
    (await send(simulator, 'POST', path, headers, body)).body;
  t.regex((await status(COMMAND, FORM, good)).msg, /^0 out of 1/);
  t.regex((await status(COMMAND, JSON_TYPE, good)).msg, /^Simulator: Content-Type/);
  t.regex((await status(COMMAND, FORM, `${good}&var1=x`)).msg, /twice/);
  t.regex((await status(COMMAND.replace('2', '1'), FORM, good)).msg, /form=2/);
  t.is((await command(simulator, 'toString', 'x')).body.msg, 'Invalid command');
});

for (const [what, change] of [
  ['a wrong hash', { hash: sha512('x') }],
  ['another amount than the signed one', { amount: '1.00' }],
  ['a field added that was signed as empty', { udf5: 'x' }],
  ['another key', { key: 'other' }],
] as const)
  test(`a payment with ${what} is rejected`, async (t) => {
    const simulator = await startSimulator(t);
    const answer = await pay(simulator, PAYMENT, change);
    t.is(answer.status, 400);
    t.regex(answer.body.metaData.message, /hash parameter|Merchant key/);
    t.is((await simulator.calls('payu-payment')).api.rejected, 1);
  });

test('a well signed payment that lacks something is refused', async (t) => {
  const simulator = await startSimulator(t);
  const answer = await pay(simulator, { ...PAYMENT, amount: '1e3' });
  t.is(answer.status, 400);
  t.is(answer.body.metaData.message, 'Error Reason: amount is not valid');
  t.is((await simulator.calls('payu-payment')).api.refused, 1);
});

const V2 = '/payu-v2/v2/payments';

test('a v2 payment is read back with a signature over the empty body', async (t) => {
  const simulator = await startSimulator(t);
  const body = '{"txnId":"t-1","amount":10.50}';
  const now = simulator.clock.now();
  const made = await send(simulator, 'POST', V2, { ...JSON_TYPE, ...v2Headers(body, now) }, body);
  t.is(made.status, 200);
  t.like(made.body.result, { txnId: 't-1', amount: '10.50', status: 'pending' });
  const read = await send(simulator, 'GET', `${V2}/t-1`, v2Headers('', now));
  t.like(read.body.result, { paymentId: made.body.result.paymentId, amount: '10.50', status: 'captured' });
  t.is((await send(simulator, 'GET', `${V2}/t-2`, v2Headers('', now))).status, 404);
});

for (const [what, headers] of [
  ['no authorization', () => ({})],
  ['a wrong salt', (now: number) => v2Headers('{}', now, 'wrong')],
  ['another key', (now: number) => v2Headers('{}', now, 'test', 'other')],
  ['another body signed', (now: number) => v2Headers('{ }', now)],
  ['a date an hour old', (now: number) => v2Headers('{}', now - 3_600_000)],
  ['no date', (now: number) => ({ authorization: v2Headers('{}', now)['authorization'] ?? '' })],
  [
    'another date than the signed one',
    (now: number) => ({ ...v2Headers('{}', now), date: new Date(now + 1000).toUTCString() }),
  ],
  ['Bearer', () => ({ authorization: 'Bearer x' })],
] as const)
  test(`a v2 call with ${what} is a 401`, async (t) => {
    const simulator = await startSimulator(t);
    const answer = await send(simulator, 'POST', V2, { ...JSON_TYPE, ...headers(simulator.clock.now()) }, '{}');
    t.is(answer.status, 401);
    t.regex(answer.body.message, /^(Unauthorized|HMAC signature cannot be verified)/);
    t.is((await simulator.calls('payu-v2')).api.rejected, 1);
  });

test('only providers with the same key see the same transactions', async (t) => {
  const simulator = await startSimulator(t, {
    providers: [
      { name: 'payu-payment', kind: 'payu-payment', credentials: {} },
      { name: 'payu-hash', kind: 'payu-hash', credentials: { key: 'other' } },
    ],
  });
  await pay(simulator, PAYMENT);
  const hash = sha512('other|verify_payment|txn-1|test');
  const body = form({ key: 'other', command: 'verify_payment', var1: 'txn-1', hash });
  t.is((await send(simulator, 'POST', COMMAND, FORM, body)).body.status, 0);
});
