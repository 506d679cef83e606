import { createHash } from 'node:crypto';
import { shelf } from './ledger.ts';
import { PAYU_LOST, payuLost } from './payu-words.ts';
import { randomHex } from './tokens.ts';
import type { Call, ErrorWords, Kind } from './types.ts';

export interface Transaction {
  readonly mihpayid: string;
  readonly txnid: string;
  /** As it was sent. */
  readonly amount: string;
  readonly productinfo: string;
  readonly firstname: string;
  readonly addedon: string;
}
/** What was paid with one merchant key, however it was signed. */
export const transactions = shelf<Transaction>('payu-transaction');
/** The same transactions by the id that PayU gives them. */
export const transactionsByPayuId = shelf<Transaction>('payu-id');
const sharedByKey: Kind['ledger'] = ({ key }) => `payu/${key}`;

export const sha512 = (text: string | Buffer): string => createHash('sha512').update(text).digest('hex');
const paid = (amount: string): number => Math.round(Number(amount) * 100);

/** The transaction of that id: a new one, or the one that the same request made before. Undefined: another amount. */
export function transact(
  call: Call,
  wanted: Pick<Transaction, 'txnid' | 'amount' | 'productinfo' | 'firstname'>,
): Transaction | undefined {
  const { ledger, clock } = call.provider;
  const before = transactions.get(ledger, wanted.txnid);
  if (before) return paid(before.amount) === paid(wanted.amount) ? before : undefined;
  const { txnid, amount, productinfo, firstname } = wanted;
  const made = transactions.put(ledger, txnid, {
    mihpayid: `4039937155${parseInt(randomHex(4), 16)}`,
    txnid,
    amount,
    productinfo,
    firstname,
    addedon: new Date(clock.now()).toISOString().slice(0, 19).replace('T', ' '),
  });
  return transactionsByPayuId.put(ledger, made.mihpayid, made);
}

/** A kind that signs with a key and a salt; all that have the same key see the same transactions. */
export const signedKind = (
  endpoints: Kind['endpoints'],
  examples: Kind['examples'],
  errors: readonly ErrorWords[],
): Kind => ({
  api: '',
  credentials: { key: 'test', salt: 'test' },
  lifetimeMs: 0,
  ledger: sharedByKey,
  lost: payuLost,
  endpoints,
  examples,
  errors: [...errors, ...PAYU_LOST],
});
