import { sha512, signedKind, transact } from './payu-signed.ts';
import { fit, isId, isRupeesText, isText, readForm, reading } from './read.ts';
import type { Problem } from './read.ts';
import type { Answer, Call } from './types.ts';

const field = (form: ReadonlyMap<string, string>, name: string): string => form.get(name) ?? '';

const SIGNED = ['txnid', 'amount', 'productinfo', 'firstname', 'email', 'udf1', 'udf2', 'udf3', 'udf4', 'udf5'];
const PAYMENT = { txnid: isId, amount: isRupeesText, productinfo: isText, firstname: isText, email: isText };

const payment = (status: number, message: string | null, txnId: string, result: unknown, rejected = false): Answer => ({
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
const paymentProblem = ({ status, detail }: Problem): Answer => payment(status, `Error Reason: ${detail}`, '', null);

/** A field that is not there counts as empty in the hash; five reserved ones always do. */
function pay(form: ReadonlyMap<string, string>, call: Call): Answer {
  const { key = '', salt = '' } = call.provider.credentials;
  const txnid = field(form, 'txnid');
  if (form.get('key') !== key) return payment(400, 'Error Reason: Merchant key is not valid', txnid, null, true);
  const signed = [key, ...SIGNED.map((name) => field(form, name)), '', '', '', '', '', salt].join('|');
  if (form.get('hash') !== sha512(signed))
    return payment(
      400,
      'Error Reason: Transaction failed due to incorrectly calculated hash parameter',
      txnid,
      null,
      true,
    );
  const read = fit(Object.fromEntries(form), PAYMENT);
  if ('problem' in read) return paymentProblem(read.problem);
  const made = transact(call, read.value);
  if (!made) return payment(400, 'Error Reason: Duplicate txnid with another amount', txnid, null);
  return payment(200, null, txnid, { paymentId: made.mihpayid, amount: made.amount, merchantName: 'SIMULATOR' });
}

const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' };

/** PayU's payment form: the hash covers ten fields. */
export const payuPayment = signedKind(
  [{ method: 'POST', path: '/_payment', role: 'api', answer: reading(readForm, paymentProblem, pay) }],
  [
    {
      method: 'POST',
      path: '/_payment',
      headers: FORM_TYPE,
      body: 'txnid=txn-1&amount=10.00&productinfo=Shopping&firstname=Test&email=test%40example.com&phone=9876543210',
    },
  ],
);
