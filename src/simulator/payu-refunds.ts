import { shelf } from './ledger.ts';
import { NO_VALUE, field, service } from './payu-service.ts';
import type { PhpForm } from './payu-service.ts';
import { transactionsByPayuId } from './payu-signed.ts';
import { isRupeesText } from './read.ts';
import { randomHex } from './tokens.ts';
import type { SimulatorAnswer, Call } from './types.ts';

/** A capture or refund of a transaction. `amt` is in rupees. */
interface Action {
  readonly request_id: string;
  readonly mihpayid: string;
  readonly amt: string;
  readonly token: string;
  readonly action: 'capture' | 'refund';
}
const refunds = shelf<Action>('payu-refund');

const paise = (amount: string): number => Math.round(Number(amount) * 100);

/**
 * Refunds `var3` rupees of the transaction `var1`, once for each token `var2`. The messages are those of
 * docs.payu.in/reference/refund_transaction_api; the codes 105 and 227 are from PayU's table of codes.
 */
export function refundTransaction(form: PhpForm, { provider }: Call): SimulatorAnswer {
  const { ledger } = provider;
  const [mihpayid, token, amt] = [field(form, 'var1'), field(form, 'var2'), field(form, 'var3')];
  const transaction = transactionsByPayuId.get(ledger, mihpayid);
  if (!transaction) return service(0, 'transaction not exists');
  if (!token) return service(0, 'token is empty', { mihpayid });
  if (!amt) return service(0, 'amount is empty');
  const fail = (error_code: number, why: string): SimulatorAnswer =>
    service(0, `Refund FAILURE - ${why}`, { error_code, mihpayid });
  const before = refunds.all(ledger);
  const same = before.find((made) => made.token === token);
  if (same)
    return same.mihpayid === mihpayid && paise(same.amt) === paise(amt)
      ? fail(227, 'Transactions with same amount and same token not allowed')
      : service(0, 'token already used or request pending');
  const refunded = before.filter((made) => made.mihpayid === mihpayid).reduce((sum, made) => sum + paise(made.amt), 0);
  if (!isRupeesText(amt) || paise(amt) === 0 || refunded + paise(amt) > paise(transaction.amount))
    return fail(105, 'Invalid amount');
  const request_id = String(parseInt(randomHex(5), 16));
  refunds.put(ledger, request_id, { request_id, mihpayid, amt, token, action: 'refund' });
  return service(1, 'Refund Request Queued', { request_id, bank_ref_num: null, mihpayid, error_code: 102 });
}

const shown = (action: Action): object => ({
  ...action,
  bank_ref_num: NO_VALUE,
  mode: 'CC',
  status: 'success',
  bank_arn: null,
  settlement_id: null,
  amount_settled: null,
  UTR_no: null,
  value_date: null,
  refund_mode: action.action === 'refund' ? 'Back to Source' : '-',
});

/** Lists what the request `var1` has done. If `var2` is `payuid`, lists everything that was done to the transaction `var1`. */
export function refundActions(form: PhpForm, { provider }: Call): SimulatorAnswer {
  const { ledger } = provider;
  const id = field(form, 'var1');
  const isPayuId = field(form, 'var2') === 'payuid';
  const paid = isPayuId ? transactionsByPayuId.get(ledger, id) : undefined;
  const captured = paid && { request_id: `${id}0`, mihpayid: id, amt: paid.amount, token: NO_VALUE };
  const found = refunds.all(ledger).filter((made) => id === (isPayuId ? made.mihpayid : made.request_id));
  const actions: readonly Action[] = [...(captured ? [{ ...captured, action: 'capture' as const }] : []), ...found];
  const count = actions.length > 0 ? 1 : 0;
  return service(count, `${count} out of 1 Transactions Fetched Successfully`, {
    transaction_details: {
      [id]: count
        ? Object.fromEntries(actions.map((action) => [action.request_id, shown(action)]))
        : 'No action status found',
    },
  });
}
