import { transactions, sha512, type Transaction } from './payu-signed.ts';
import type { Provider, SimulatedCallback } from './types.ts';

/** The reverse hash: what PayU signs answers and callbacks with. */
const REVERSE =
  'status|udf10|udf9|udf8|udf7|udf6|udf5|udf4|udf3|udf2|udf1|email|firstname|productinfo|amount|txnid|key';
const UDFS = Array.from({ length: 10 }, (_, index) => `udf${index + 1}`);

function fieldsOf(
  { mihpayid, txnid, amount, productinfo, firstname, addedon, form }: Transaction,
  { credentials }: Provider,
  isPaid: boolean,
): Readonly<Record<string, string>> {
  const repeated = ['email', 'phone', ...UDFS].map((name) => [name, form?.get(name) ?? ''] as const);
  const fields: Readonly<Record<string, string>> = {
    mihpayid,
    mode: 'UPI',
    status: isPaid ? 'success' : 'failure',
    unmappedstatus: isPaid ? 'captured' : 'failed',
    key: credentials['key'] ?? '',
    txnid,
    amount,
    addedon,
    productinfo,
    firstname,
    ...Object.fromEntries(repeated),
  };
  const values = REVERSE.split('|').map((name) => fields[name] ?? '');
  return { ...fields, hash: sha512([credentials['salt'], ...values].join('|')) };
}

/** The callback about a payment, by its `txnid`. */
export function payuCallback(
  provider: Provider,
  order: string | undefined,
  isPaid: boolean,
): SimulatedCallback | undefined {
  const [txnid, transaction] = transactions.entry(provider.ledger, order) ?? [];
  if (txnid === undefined || !transaction) return undefined;
  return {
    order: txnid,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fieldsOf(transaction, provider, isPaid)).toString(),
  };
}

const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

/**
 * The page on which the customer pays. It has a button for each outcome, which leads the browser to `surl` or `furl` with a form
 * that is signed as a callback is. Undefined for a payment without these URLs.
 */
export function paymentPage(transaction: Transaction, provider: Provider): string | undefined {
  const { form, txnid, amount } = transaction;
  const buttons = (
    [
      ['surl', 'Pay', true],
      ['furl', 'Fail', false],
    ] as const
  ).map(([field, label, isPaid]) => {
    const url = form?.get(field) ?? '';
    if (!/^https?:\/\//.test(url)) return undefined;
    const inputs = Object.entries(fieldsOf(transaction, provider, isPaid)).map(
      ([name, value]) => `<input type="hidden" name="${name}" value="${escaped(value)}">`,
    );
    return `<form method="post" action="${escaped(url)}">${inputs.join('')}<button>${label}</button></form>`;
  });
  if (buttons.includes(undefined)) return undefined;
  return `<!doctype html><title>PayU, simulated</title><p>${escaped(txnid)}: ${escaped(amount)}</p>${buttons.join('')}`;
}
