import { COMMANDS } from './payu-commands.ts';
import { field, service } from './payu-service.ts';
import type { PhpForm } from './payu-service.ts';
import { sha512, signedKind } from './payu-signed.ts';
import { readPhpForm, reading } from './read.ts';
import type { Problem } from './read.ts';
import type { SimulatorAnswer, Call, ErrorWords } from './types.ts';

function postService(form: PhpForm, call: Call): SimulatorAnswer {
  const { key, salt } = call.provider.credentials;
  const [command, var1] = [field(form, 'command'), field(form, 'var1')];
  if (call.query.get('form') !== '2') return service(0, 'Simulator: only form=2 (JSON) is answered here');
  if (form.get('key') !== key) return service(0, 'Invalid Merchant key', {}, true);
  if (form.get('hash') !== sha512([key, command, var1, salt].join('|'))) return service(0, 'Invalid Hash.', {}, true);
  if (!Object.hasOwn(COMMANDS, command)) return service(0, 'Invalid command');
  return var1 ? COMMANDS[command]!(form, call) : service(0, 'Parameter missing');
}

const unreadable = ({ detail }: Problem): SimulatorAnswer => service(0, `Simulator: ${detail}`);

const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' };
const SERVICE = '/merchant/postservice.php?form=2';

const PAGES = 'https://docs.payu.in/reference';
const SDK = 'https://github.com/payu-intrepos/web-sdk-nodejs, its tests against the test environment';
const REFUND = `${PAGES}/refund_transaction_api`;

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
    answer: '200 0 out of 1 Transactions Fetched Successfully',
    when: 'check_action_status finds nothing',
    source: `${PAGES}/check_action_status_api_with_request_id`,
  },
  { answer: '200 transaction not exists', when: 'there is no transaction to refund', source: REFUND },
  { answer: '200 token is empty', when: 'a refund has no var2', source: REFUND },
  { answer: '200 amount is empty', when: 'a refund has no var3', source: REFUND },
  {
    answer: '200 token already used or request pending',
    when: 'the token of a refund was used for another',
    source: REFUND,
  },
  {
    answer: '200 Refund FAILURE - Transactions with same amount and same token not allowed',
    when: 'a refund comes a second time',
    source: SDK,
  },
  {
    answer: '200 Refund FAILURE - Invalid amount',
    when: 'a refund is no amount, or exceeds what was paid',
    source: `${PAGES}/refund-transaction-api-partner-integration`,
  },
  {
    answer: '200 Invoice has not been expired or max attempt has been reached for requested txnid.',
    when: 'the txnid of an invoice was used for another amount',
    source: SDK,
    unsaid: 'that an invoice of the same amount may be made again',
  },
  {
    answer: '200 No information available',
    when: 'getIssuingBankStatus gets no six digits',
    source: `${PAGES}/get_issuing_bank_status_api`,
  },
  { answer: '200 Invalid Merchant key', when: 'the key is another' },
  { answer: '200 Invalid command', when: 'there is no such command' },
  { answer: '200 Simulator: …', when: 'the form is not readable, or a parameter is wrong: the message says what' },
];

/** PayU's commands at `postservice.php`, signed by `hash = sha512hex(key|command|var1|salt)`. */
export const payuHash = signedKind(
  [
    {
      method: 'POST',
      path: '/merchant/postservice.php',
      role: 'api',
      answer: reading(readPhpForm, unreadable, postService),
    },
  ],
  [
    { method: 'POST', path: SERVICE, headers: FORM_TYPE, body: 'command=check_isDomestic&var1=512345' },
    { method: 'POST', path: SERVICE, headers: FORM_TYPE, body: 'command=verify_payment&var1=txn-1' },
  ],
  ERRORS,
);
