import { payuCallback, paymentPage } from './payu-callback.ts';
import { paymentHash } from './payu-payment-hash.ts';
import { signedKind, transact } from './payu-signed.ts';
import { fit, isId, isRupeesText, isText, readPhpForm, reading } from './read.ts';
import type { Problem } from './read.ts';
import type { SimulatorAnswer, Call } from './types.ts';

const field = (form: ReadonlyMap<string, string>, name: string): string => form.get(name) ?? '';

const PAYMENT = { txnid: isId, amount: isRupeesText, productinfo: isText, firstname: isText, email: isText };

const payment = (
  status: number,
  message: string | null,
  txnId: string,
  result: unknown,
  rejected = false,
): SimulatorAnswer => ({
  status,
  body: {
    metaData: {
      message,
      txnId,
      txnStatus: message === null ? 'pending' : 'failed',
      unmappedStatus: message === null ? 'pending' : 'failed',
    },
    result,
  },
  rejected,
});
const paymentProblem = ({ status, detail }: Problem): SimulatorAnswer =>
  payment(status, `Error Reason: ${detail}`, '', null);

const WRONG_KEY = 'Error Reason: Merchant key is not valid';
const WRONG_HASH = 'Error Reason: Transaction failed due to incorrectly calculated hash parameter';
/** A message of the simulator's own, which says so. */
const UNKNOWN_FORM = "Simulator: PayU's pages don't tell how a form with these fields, or this api_version, is hashed";

function pay(form: ReadonlyMap<string, string>, call: Call): SimulatorAnswer {
  const { key = '', salt = '' } = call.provider.credentials;
  const txnid = field(form, 'txnid');
  const reject = (message: string): SimulatorAnswer => payment(400, message, txnid, null, true);
  if (form.get('key') !== key) return reject(WRONG_KEY);
  const hash = paymentHash(form, salt);
  if (hash === undefined) return reject(UNKNOWN_FORM);
  if (form.get('hash') !== hash) return reject(WRONG_HASH);
  const read = fit(Object.fromEntries(form), PAYMENT);
  if ('problem' in read) return paymentProblem(read.problem);
  const made = transact(call, { ...read.value, form });
  if (!made) return payment(400, 'Error Reason: Duplicate txnid with another amount', txnid, null);
  const page = callsBrowser(call) ? paymentPage(made, call.provider) : undefined;
  if (page !== undefined) return { status: 200, body: null, page };
  return payment(200, null, txnid, { paymentId: made.mihpayid, amount: made.amount, merchantName: 'SIMULATOR' });
}

const callsBrowser = ({ header }: Call): boolean => /\btext\/html\b/.test(header('accept') ?? '');

const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' };

/** PayU's payment form. Its hash depends on the fields of the form. */
export const payuPayment = signedKind(
  [{ method: 'POST', path: '/_payment', role: 'api', answer: reading(readPhpForm, paymentProblem, pay) }],
  [
    {
      method: 'POST',
      path: '/_payment',
      headers: FORM_TYPE,
      body: 'txnid=txn-1&amount=10.00&productinfo=Shopping&firstname=Test&email=test%40example.com&phone=9876543210',
    },
  ],
  [
    {
      answer: `400 ${WRONG_HASH}`,
      when: 'the hash is missing or wrong',
      source: "PayU's error page, as merchants quote it in public",
      unsaid: 'the status and the JSON around it',
    },
    { answer: `400 ${UNKNOWN_FORM}`, when: "PayU's pages don't tell how such a form is hashed" },
    { answer: `400 ${WRONG_KEY}`, when: 'the key is another' },
    { answer: '400 Error Reason: amount is not valid', when: 'a field is missing or wrong: the message says which' },
    { answer: '400 Error Reason: Duplicate txnid with another amount', when: 'the txnid was used before' },
  ],
  { callback: payuCallback },
);
