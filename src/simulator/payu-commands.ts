import { refundActions, refundTransaction } from './payu-refunds.ts';
import { shelf } from './ledger.ts';
import { NO_VALUE, field, service } from './payu-service.ts';
import type { Command, PhpForm } from './payu-service.ts';
import { transact, transactions } from './payu-signed.ts';
import type { Transaction } from './payu-signed.ts';
import { isText, isId, isRupees, isRupeesText, optional, readJsonText } from './read.ts';
import type { TypeGuard } from './read.ts';
import type { SimulatorAnswer, Call } from './types.ts';

const ok = (body: unknown): SimulatorAnswer => ({ status: 200, body });

const shown = (made: Transaction): object => ({
  ...made,
  request_id: '',
  bank_ref_num: NO_VALUE,
  amt: made.amount,
  transaction_amount: made.amount,
  net_amount_debit: made.amount,
  mode: 'CC',
  error_code: 'E000',
  error_Message: 'NO ERROR',
  status: 'success',
  unmappedstatus: 'captured',
});

function verifyPayment(form: PhpForm, { provider }: Call): SimulatorAnswer {
  const ids = field(form, 'var1').split('|');
  const found = ids.map((txnid) => [txnid, transactions.get(provider.ledger, txnid)] as const);
  const details = found.map(([txnid, made]) => [
    txnid,
    made ? shown(made) : { mihpayid: 'Not Found', status: 'Not Found' },
  ]);
  const count = found.filter(([, made]) => made).length;
  return service(count > 0 ? 1 : 0, `${count} out of ${ids.length} Transactions Fetched Successfully`, {
    transaction_details: Object.fromEntries(details),
  });
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** Lists the payments from day `var1` to day `var2`, both included. */
function transactionDetails(form: PhpForm, { provider }: Call): SimulatorAnswer {
  const [from, to] = [field(form, 'var1'), field(form, 'var2')];
  if (!DAY.test(from) || !DAY.test(to)) return service(0, 'Simulator: var1 and var2 must be days: 2026-01-31');
  const made = transactions
    .all(provider.ledger)
    .filter(({ addedon }) => addedon.slice(0, 10) >= from && addedon.slice(0, 10) <= to);
  return service(1, 'Transaction Fetched Successfully', {
    Transaction_details: made.map(({ mihpayid, ...rest }) => ({
      id: mihpayid,
      status: 'captured',
      key: provider.credentials['key'],
      merchantname: 'SIMULATOR',
      ...rest,
      mode: 'CC',
      error_code: 'E000',
    })),
  });
}

const isAmount: TypeGuard<string | number> = (value): value is string | number =>
  isRupeesText(value) || isRupees(value);
const INVOICE = {
  txnid: isId,
  amount: isAmount,
  productinfo: isText,
  firstname: isText,
  email: optional(isText),
  phone: optional(isText),
};
const invoices = shelf<string>('payu-invoice');

function createInvoice(form: PhpForm, call: Call): SimulatorAnswer {
  const read = readJsonText(field(form, 'var1'), INVOICE);
  if ('problem' in read) return service(0, `Simulator: var1: ${read.problem.detail}`);
  const { email = NO_VALUE, phone = NO_VALUE, ...invoice } = read.value;
  const made = transact(call, { ...invoice, amount: String(invoice.amount) });
  // PayU answers this case with a bare JSON string.
  if (!made) return ok('Invoice has not been expired or max attempt has been reached for requested txnid.');
  invoices.put(call.provider.ledger, made.txnid, made.mihpayid);
  return ok({
    'Transaction Id': made.txnid,
    'Email Id': email,
    Phone: phone,
    Status: 'Success',
    URL: `https://test.payu.in/processInvoice?invoiceId=${made.mihpayid}`,
  });
}

const expireInvoice = (form: PhpForm, { provider }: Call): SimulatorAnswer =>
  invoices.get(provider.ledger, field(form, 'var1')) === undefined
    ? service(0, 'Simulator: no invoice has this txnid')
    : service(1, 'Invoice expired');

const isBin = (text: string): boolean => /^\d{6}/.test(text);

const checkIsDomestic = (form: PhpForm): SimulatorAnswer =>
  ok(
    isBin(field(form, 'var1'))
      ? { isDomestic: 'Y', issuingBank: 'HDFC', cardType: 'MAST', cardCategory: 'CC' }
      : { isDomestic: 'Unknown', issuingBank: 'Unknown', cardType: 'Unknown', cardCategory: 'Unknown' },
  );

const issuingBankStatus = (form: PhpForm): SimulatorAnswer =>
  isBin(field(form, 'var1')) ? ok({ issuing_bank: 'HDFC', up_status: '1' }) : service(0, 'No information available');

const BANKS: Readonly<Record<string, object>> = {
  AXIB: { ibibo_code: 'AXIB', title: 'AXIS Bank NetBanking', up_status: 1, mode: 'NB' },
  SBIB: { ibibo_code: 'SBIB', title: 'State Bank of India', up_status: 1, mode: 'NB' },
};

/** The status of the bank with the code `var1`, or of all banks for `default`. */
function netbankingStatus(form: PhpForm): SimulatorAnswer {
  const code = field(form, 'var1').toUpperCase();
  if (code === 'DEFAULT') return ok(BANKS);
  return Object.hasOwn(BANKS, code) ? ok(BANKS[code]) : service(0, 'Simulator: no bank has this code');
}

function validateVpa(form: PhpForm): SimulatorAnswer {
  const vpa = field(form, 'var1');
  const isValid = /^[\w.-]{2,256}@[a-z]{2,64}$/i.test(vpa);
  return ok({ status: 'SUCCESS', vpa, isVPAValid: isValid ? 1 : 0, payerAccountName: isValid ? 'A. CUSTOMER' : 'NA' });
}

const eligibleBins = (form: PhpForm): SimulatorAnswer =>
  field(form, 'var1') === 'bin' && isBin(field(form, 'var2'))
    ? service(1, 'Details fetched successfully', { details: { isEligible: 1, bank: 'AXISD', minAmount: 5000 } })
    : service(0, 'Simulator: var1 must be bin, and var2 at least six digits');

/** Monthly instalments of one bank, without interest. */
function emiAmounts(form: PhpForm): SimulatorAnswer {
  const amount = Number(field(form, 'var1'));
  if (!(amount > 0)) return service(0, 'Simulator: var1 must be an amount');
  const plan = (months: number): object => ({
    transactionAmount: amount,
    paybackAmount: 0,
    loanAmount: amount,
    emiAmount: Number((amount / months).toFixed(2)),
    additionalCost: '0.00',
    emiMdrNote: null,
  });
  return ok({ SBI: { EMI03: plan(3), EMI06: plan(6) } });
}

/** The settlements of a day. The simulator settles nothing. */
const settlementDetails = (form: PhpForm): SimulatorAnswer =>
  ok({ status: '1', msg: `0 transactions settled on ${field(form, 'var1')}`, Txn_details: [] });

function checkoutDetails(form: PhpForm): SimulatorAnswer {
  const read = readJsonText(field(form, 'var1'), {});
  if ('problem' in read) return service(0, `Simulator: var1: ${read.problem.detail}`);
  return ok({
    status: 1,
    details: {
      paymentOptions: {},
      downInfo: { issuingBanks: [], nb: [] },
      config: { taxSpecification: { default: 18 } },
    },
  });
}

/** PayU's commands by name, spelled as on its pages. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  verify_payment: verifyPayment,
  get_Transaction_Details: transactionDetails,
  cancel_refund_transaction: refundTransaction,
  check_action_status: refundActions,
  create_invoice: createInvoice,
  expire_invoice: expireInvoice,
  check_isDomestic: checkIsDomestic,
  getIssuingBankStatus: issuingBankStatus,
  getNetbankingStatus: netbankingStatus,
  validateVPA: validateVpa,
  eligibleBinsForEMI: eligibleBins,
  getEmiAmountAccordingToInterest: emiAmounts,
  get_settlement_details: settlementDetails,
  get_checkout_details: checkoutDetails,
};
