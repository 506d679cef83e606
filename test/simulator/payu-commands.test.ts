import test from 'ava';
import { startSimulator } from '../helpers/simulator.ts';
import type { TestSimulator } from '../helpers/simulator.ts';
import { FORM, send, sha512 } from './client.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- answers of fourteen commands, looked into by the tests
async function command(simulator: TestSimulator, name: string, var1: string, ...more: string[]): Promise<any> {
  const fields = new URLSearchParams({ key: 'test', command: name, var1, hash: sha512(`test|${name}|${var1}|test`) });
  for (const [index, value] of more.entries()) fields.set(`var${index + 2}`, value);
  return (await send(simulator, 'POST', '/payu-hash/merchant/postservice.php?form=2', FORM, String(fields))).body;
}

/** Pays ten rupees and returns PayU's id of the transaction. */
async function pay(simulator: TestSimulator, txnid = 't1'): Promise<string> {
  const fields = { key: 'test', txnid, amount: '10.00', productinfo: 'P', firstname: 'F', email: 'a@b.in' };
  const hash = sha512(`test|${txnid}|10.00|P|F|a@b.in|||||||||||test`);
  const body = String(new URLSearchParams({ ...fields, hash }));
  return (await send(simulator, 'POST', '/payu-payment/_payment', FORM, body)).body.result.paymentId;
}

test('a payment is refunded in parts up to its amount, each with a token of its own', async (t) => {
  const simulator = await startSimulator(t);
  const payuId = await pay(simulator);
  const refund = (...rest: string[]) => command(simulator, 'cancel_refund_transaction', payuId, ...rest);
  const first = await refund('a', '4');
  t.like(first, { status: 1, msg: 'Refund Request Queued', mihpayid: payuId, error_code: 102 });
  t.regex(first.request_id, /^\d+$/);
  t.is((await refund('b', '6.00', '', 'https://example.com/hook')).status, 1);
  t.like(await refund('c', '0.01'), { status: 0, msg: 'Refund FAILURE - Invalid amount', error_code: 105 });
});

for (const [what, var1, rest, answer] of [
  ['without a token', 'paid', ['', '1'], { msg: 'token is empty' }],
  ['without an amount', 'paid', ['b'], { msg: 'amount is empty' }],
  ['of nothing', 'none', ['b', '1'], { msg: 'transaction not exists' }],
  ['of a transaction by its own id', 't1', ['b', '1'], { msg: 'transaction not exists' }],
  ['of no rupees', 'paid', ['b', '0.00'], { error_code: 105 }],
  ['of less than no rupees', 'paid', ['b', '-1'], { error_code: 105 }],
  ['of too much', 'paid', ['b', '9.01'], { error_code: 105 }],
  ['of no amount', 'paid', ['b', '1e0'], { error_code: 105 }],
  ['a second time', 'paid', ['a', '1.00'], { error_code: 227 }],
  ['with the token of another', 'paid', ['a', '2'], { msg: 'token already used or request pending' }],
] as const)
  test(`a refund ${what} fails in PayU's words`, async (t) => {
    const simulator = await startSimulator(t);
    const payuId = await pay(simulator);
    t.is((await command(simulator, 'cancel_refund_transaction', payuId, 'a', '1')).status, 1);
    const id = var1 === 'paid' ? payuId : var1;
    t.like(await command(simulator, 'cancel_refund_transaction', id, ...rest), { status: 0, ...answer });
  });

test('what was done is told by the request, and by the transaction', async (t) => {
  const simulator = await startSimulator(t);
  const payuId = await pay(simulator);
  const { request_id: request } = await command(simulator, 'cancel_refund_transaction', payuId, 'a', '1');
  const one = await command(simulator, 'check_action_status', request);
  t.is(one.msg, '1 out of 1 Transactions Fetched Successfully');
  t.like(one.transaction_details[request][request], { mihpayid: payuId, amt: '1', token: 'a', action: 'refund' });
  const all = await command(simulator, 'check_action_status', payuId, 'payuid');
  const actions = Object.values<{ action: string }>(all.transaction_details[payuId]).map(({ action }) => action);
  t.deepEqual(actions.toSorted(), ['capture', 'refund']);
  for (const [id, ...rest] of [['none'], [payuId], [request, 'payuid'], ['__proto__']] as const)
    t.deepEqual(await command(simulator, 'check_action_status', id, ...rest), {
      status: 0,
      msg: '0 out of 1 Transactions Fetched Successfully',
      transaction_details: { [id]: 'No action status found' },
    });
});

test('refunds are apart for each merchant key', async (t) => {
  const simulator = await startSimulator(t, {
    providers: [
      { name: 'payu-payment', kind: 'payu-payment', credentials: {} },
      { name: 'payu-hash', kind: 'payu-hash', credentials: { key: 'other' } },
    ],
  });
  const var1 = await pay(simulator);
  const hash = sha512(`other|cancel_refund_transaction|${var1}|test`);
  const fields = { key: 'other', command: 'cancel_refund_transaction', var1, var2: 'a', var3: '1', hash };
  const path = '/payu-hash/merchant/postservice.php?form=2';
  const answer = await send(simulator, 'POST', path, FORM, String(new URLSearchParams(fields)));
  t.is(answer.body.msg, 'transaction not exists');
});

test('what was paid is listed by the day', async (t) => {
  const simulator = await startSimulator(t);
  const payuId = await pay(simulator);
  const today = new Date(simulator.clock.now()).toISOString().slice(0, 10);
  const list = (from: string, to: string) => command(simulator, 'get_Transaction_Details', from, to);
  const { status, msg, Transaction_details: made } = await list(today, today);
  t.is(status, 1);
  t.is(msg, 'Transaction Fetched Successfully');
  t.is(made.length, 1);
  t.like(made[0], { id: payuId, txnid: 't1', amount: '10.00', status: 'captured', key: 'test' });
  t.deepEqual((await list('2001-01-01', '2001-01-02')).Transaction_details, []);
  t.deepEqual((await list('2999-01-01', '2001-01-02')).Transaction_details, []);
  for (const [from, to] of [
    [today, ''],
    [today, 'x'],
    ['1.1.2026', today],
  ] as const)
    t.like(await list(from, to), { status: 0, msg: 'Simulator: var1 and var2 must be days: 2026-01-31' });
});

test('an invoice is made of what the SDK demands, and can be expired', async (t) => {
  const simulator = await startSimulator(t);
  const invoice = { txnid: 'i1', amount: 100, productinfo: 'P & Q', firstname: 'F', email: 'a@b.in', phone: '99' };
  const made = await command(simulator, 'create_invoice', JSON.stringify(invoice));
  t.like(made, { 'Transaction Id': 'i1', 'Email Id': 'a@b.in', Phone: '99', Status: 'Success' });
  t.regex(made.URL, /^https:\/\//);
  t.deepEqual(await command(simulator, 'expire_invoice', 'i1'), { status: 1, msg: 'Invoice expired' });
  await pay(simulator);
  for (const none of ['t1', 'i2', 'constructor'])
    t.like(await command(simulator, 'expire_invoice', none), {
      status: 0,
      msg: 'Simulator: no invoice has this txnid',
    });
});

for (const [name, vars, answer] of [
  ['check_isDomestic', ['512345'], { isDomestic: 'Y', issuingBank: 'HDFC', cardType: 'MAST', cardCategory: 'CC' }],
  ['getIssuingBankStatus', ['512345'], { issuing_bank: 'HDFC', up_status: '1' }],
  ['getIssuingBankStatus', ['51234'], { status: 0, msg: 'No information available' }],
  ['getNetbankingStatus', ['AXIB'], { ibibo_code: 'AXIB', title: 'AXIS Bank NetBanking', up_status: 1, mode: 'NB' }],
  ['getNetbankingStatus', ['constructor'], { status: 0, msg: 'Simulator: no bank has this code' }],
  [
    'validateVPA',
    ['9999999999@payu'],
    { status: 'SUCCESS', vpa: '9999999999@payu', isVPAValid: 1, payerAccountName: 'A. CUSTOMER' },
  ],
  ['validateVPA', ['a@b@c'], { status: 'SUCCESS', vpa: 'a@b@c', isVPAValid: 0, payerAccountName: 'NA' }],
  [
    'eligibleBinsForEMI',
    ['bin', '411111'],
    { status: 1, msg: 'Details fetched successfully', details: { isEligible: 1, bank: 'AXISD', minAmount: 5000 } },
  ],
  ['eligibleBinsForEMI', ['bin'], { status: 0, msg: 'Simulator: var1 must be bin, and var2 at least six digits' }],
  [
    'get_settlement_details',
    ['2026-09-01'],
    { status: '1', msg: '0 transactions settled on 2026-09-01', Txn_details: [] },
  ],
  ['getEmiAmountAccordingToInterest', ['x'], { status: 0, msg: 'Simulator: var1 must be an amount' }],
  ['get_checkout_details', ['x'], { status: 0, msg: 'Simulator: var1: the body is not a JSON object' }],
] as const)
  test(`${name} of ${vars.join(' and ')} is answered as PayU does`, async (t) => {
    t.deepEqual(await command(await startSimulator(t), name, ...(vars as unknown as [string])), answer);
  });

test('all banks, instalments and the details of a checkout are told', async (t) => {
  const simulator = await startSimulator(t);
  for (const code of ['default', 'DEFAULT'])
    t.deepEqual(Object.keys(await command(simulator, 'getNetbankingStatus', code)), ['AXIB', 'SBIB']);
  t.is((await command(simulator, 'getEmiAmountAccordingToInterest', '10000')).SBI.EMI03.emiAmount, 3333.33);
  t.is((await command(simulator, 'get_checkout_details', '{"requestId":"r1"}')).status, 1);
});

test('a command in other letters is not known', async (t) => {
  const simulator = await startSimulator(t);
  for (const name of ['Verify_Payment', 'get_transaction_details', '__proto__'])
    t.is((await command(simulator, name, 'x')).msg, 'Invalid command');
});
