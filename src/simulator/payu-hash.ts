import { sha512, signedKind, transact, transactions } from './payu-signed.ts';
import { isId, isRupeesText, isText, readPhpForm, readJsonText, reading } from './read.ts';
import type { Problem } from './read.ts';
import type { Answer, Call, ErrorWords } from './types.ts';

/** PayU answers 200 whatever happens; `status` 0 is a failure. */
const service = (status: 0 | 1, msg: string, rest: object = {}, rejected = false): Answer => ({
  status: 200,
  body: { status, msg, ...rest },
  rejected,
});

type Form = ReadonlyMap<string, string>;
const field = (form: Form, name: string): string => form.get(name) ?? '';

function verifyPayment(form: Form, { provider }: Call): Answer {
  const ids = field(form, 'var1').split('|');
  const found = ids.map((txnid) => [txnid, transactions.get(provider.ledger, txnid)] as const);
  const details = found.map(([txnid, made]) => [
    txnid,
    made
      ? { ...made, amt: made.amount, transaction_amount: made.amount, status: 'success', unmappedstatus: 'captured' }
      : { mihpayid: 'Not Found', status: 'Not Found' },
  ]);
  const count = found.filter(([, made]) => made).length;
  return service(count > 0 ? 1 : 0, `${count} out of ${ids.length} Transactions Fetched Successfully`, {
    transaction_details: Object.fromEntries(details),
  });
}

/** PayU answers this one with a JSON text alone. */
const ALREADY = 'Invoice has not been expired or max attempt has been reached for requested txnid.';
const INVOICE = { txnid: isId, amount: isRupeesText, productinfo: isText, firstname: isText };

function createInvoice(form: Form, call: Call): Answer {
  const read = readJsonText(field(form, 'var1'), INVOICE);
  if ('problem' in read) return service(0, `Simulator: var1: ${read.problem.detail}`);
  const made = transact(call, read.value);
  if (!made) return { status: 200, body: ALREADY };
  return service(1, 'Invoice created', {
    'Transaction Id': made.txnid,
    URL: `https://test.payu.in/processInvoice?invoiceId=${made.mihpayid}`,
  });
}

const checkIsDomestic = (form: Form): Answer => ({
  status: 200,
  body: /^\d{6}/.test(field(form, 'var1'))
    ? { isDomestic: 'Y', issuingBank: 'HDFC', cardType: 'MAST', cardCategory: 'creditcard' }
    : { isDomestic: 'Unknown', issuingBank: 'Unknown', cardType: 'Unknown', cardCategory: 'Unknown' },
});

const COMMANDS: Readonly<Record<string, (form: Form, call: Call) => Answer>> = {
  verify_payment: verifyPayment,
  create_invoice: createInvoice,
  check_isDomestic: checkIsDomestic,
};

function postService(form: Form, call: Call): Answer {
  const { key, salt } = call.provider.credentials;
  const [command, var1] = [field(form, 'command'), field(form, 'var1')];
  if (call.query.get('form') !== '2') return service(0, 'Simulator: only form=2 (JSON) is answered here');
  if (form.get('key') !== key) return service(0, 'Invalid Merchant key', {}, true);
  if (form.get('hash') !== sha512([key, command, var1, salt].join('|'))) return service(0, 'Invalid Hash.', {}, true);
  if (!Object.hasOwn(COMMANDS, command)) return service(0, 'Invalid command');
  return var1 ? COMMANDS[command]!(form, call) : service(0, 'Parameter missing');
}

const serviceProblem = ({ detail }: Problem): Answer => service(0, `Simulator: ${detail}`);

const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' };

const PAGES = 'https://docs.payu.in/reference';
const SDK = 'https://github.com/payu-intrepos/web-sdk-nodejs, its tests against the test environment';

const ERRORS: readonly ErrorWords[] = [
  {
    answer: '200 Invalid Hash.',
    when: 'the hash is missing or wrong',
    source: 'docs.payu.in, on the command udf_update',
  },
  {
    answer: '200 Parameter missing',
    when: 'var1 is missing',
    source: `${PAGES}/check_action_status_api_with_request_id`,
  },
  {
    answer: '200 0 out of 1 Transactions Fetched Successfully',
    when: 'verify_payment finds nothing',
    source: 'an answer of the test environment that a public connector has recorded',
  },
  {
    answer: '200 Invoice has not been expired or max attempt has been reached for requested txnid.',
    when: 'the txnid of an invoice was used for another amount',
    source: SDK,
    unsaid: 'that an invoice of the same amount may be made again',
  },
  { answer: '200 Invalid Merchant key', when: 'the key is another' },
  { answer: '200 Invalid command', when: 'there is no such command' },
  { answer: '200 Simulator: …', when: 'the form can’t be read, or a parameter is wrong: the message says what' },
];

/** PayU's commands: `hash = sha512hex(key|command|var1|salt)`. */
export const payuHash = signedKind(
  [
    {
      method: 'POST',
      path: '/merchant/postservice.php',
      role: 'api',
      answer: reading(readPhpForm, serviceProblem, postService),
    },
  ],
  [
    {
      method: 'POST',
      path: '/merchant/postservice.php?form=2',
      headers: FORM_TYPE,
      body: 'command=check_isDomestic&var1=512345',
    },
    {
      method: 'POST',
      path: '/merchant/postservice.php?form=2',
      headers: FORM_TYPE,
      body: 'command=verify_payment&var1=txn-1',
    },
  ],
  ERRORS,
);
