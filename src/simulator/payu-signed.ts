import { createHash } from 'node:crypto';
import { shelf } from './ledger.ts';
import { PAYU_LOST, payuLost } from './payu-words.ts';
import { randomHex } from './tokens.ts';
import type { Call, ErrorWords, Kind } from './types.ts';

/** A payment at PayU. */
export interface Transaction {
  readonly mihpayid: string;
  readonly txnid: string;
  /** In rupees, as it was sent. */
  readonly amount: string;
  readonly productinfo: string;
  readonly firstname: string;
  readonly addedon: string;
  /** The fields of the payment form, of which answers repeat some. */
  readonly form?: ReadonlyMap<string, string>;
}
/** The transactions of one merchant key by `txnid`, however they were signed. */
export const transactions = shelf<Transaction>('payu-transaction');
/** The same transactions by `mihpayid`, the id that PayU gives them. */
export const transactionsByPayuId = shelf<Transaction>('payu-id');
const sharedByKey: Kind['ledger'] = ({ key }) => `payu/${key}`;

/** The SHA-512 of a text in lower-case hex. */
export const sha512 = (text: string | Buffer): string => createHash('sha512').update(text).digest('hex');
const paid = (amount: string): number => Math.round(Number(amount) * 100);

/**
 * Makes the transaction `txnid`, or finds the one that an equal request made before. Undefined if that one has another amount.
 */
export function transact(
  call: Call,
  wanted: Pick<Transaction, 'txnid' | 'amount' | 'productinfo' | 'firstname' | 'form'>,
): Transaction | undefined {
  const { ledger, clock } = call.provider;
  const before = transactions.get(ledger, wanted.txnid);
  if (before) return paid(before.amount) === paid(wanted.amount) ? before : undefined;
  const { txnid, amount, productinfo, firstname, form } = wanted;
  const made = transactions.put(ledger, txnid, {
    mihpayid: `4039937155${parseInt(randomHex(4), 16)}`,
    txnid,
    amount,
    productinfo,
    firstname,
    addedon: new Date(clock.now()).toISOString().slice(0, 19).replace('T', ' '),
    ...(form && { form }),
  });
  return transactionsByPayuId.put(ledger, made.mihpayid, made);
}

/** Creates a kind whose calls are signed with a key and a salt. All such kinds with the same key share their transactions. */
export const signedKind = (
  endpoints: Kind['endpoints'],
  examples: Kind['examples'],
  errors: readonly ErrorWords[],
  more: Pick<Kind, 'callback'> = {},
): Kind => ({
  ...more,
  api: '',
  credentials: { key: 'test', salt: 'test' },
  lifetimeMs: 0,
  ledger: sharedByKey,
  lost: payuLost,
  endpoints,
  examples,
  errors: [...errors, ...PAYU_LOST],
});
