import { shelf } from './ledger.ts';
import { payuProduct } from './payu-oauth.ts';
import { fit, isRupees, isText, readJson, reading } from './read.ts';
import type { Problem, Shaped } from './read.ts';
import type { SimulatorAnswer, Call } from './types.ts';

interface Bill {
  readonly refId: string;
  readonly billerId: string;
  readonly amount: number;
  readonly accountHolderName: string;
  readonly dueDate: string;
}
interface Payment {
  readonly refId: string;
  readonly amount: number;
  readonly txnReferenceId: string;
}
const bills = shelf<Bill>('bill');
const payments = shelf<Payment>('bill-payment');

const BILLERS: Readonly<Record<string, readonly { readonly billerId: string; readonly billerName: string }[]>> = {
  ELECTRICITY: [{ billerId: 'BESCOM000KAR01', billerName: 'Bangalore Electricity Supply' }],
  WATER: [{ billerId: 'DLJB00000DEL01', billerName: 'Delhi Jal Board' }],
  BROADBAND: [{ billerId: 'ACT000000NAT01', billerName: 'ACT Fibernet' }],
};
const isBiller = (id: string): boolean =>
  Object.values(BILLERS)
    .flat()
    .some(({ billerId }) => billerId === id);

const success = (payload: unknown): SimulatorAnswer => ({
  status: 200,
  body: { code: 200, status: 'SUCCESS', payload },
});
const failure = (status: number, reason: string, refId: string | null = null): SimulatorAnswer => ({
  status,
  body: {
    code: status,
    status: 'FAILURE',
    payload: { refId, type: 'ERROR', message: reason, errors: [{ reason, errorCode: 'SIM001' }], additionalParams: {} },
  },
});
const bad = ({ status, detail }: Problem): SimulatorAnswer => failure(status, detail);

function billersOf({ query }: Call): SimulatorAnswer {
  const category = query.get('billerCategoryName') ?? '';
  const billers = Object.hasOwn(BILLERS, category) ? BILLERS[category] : undefined;
  return billers
    ? success({ billers: billers.map((biller) => ({ ...biller, billerCategory: category })) })
    : failure(400, 'billerCategoryName is not one of getAllBillerCategory');
}

const FETCH = { agentId: isText, billerId: isText, customerPhoneNumber: isText, refId: isText };

/** Fetches a bill. The parameters come in the query, as documented. The bill depends only on the reference. */
function fetchBill({ billerId, refId }: Shaped<typeof FETCH>, { provider }: Call): SimulatorAnswer {
  if (!isBiller(billerId)) return failure(400, 'billerId is not known', refId);
  const amount = 100 + (Buffer.from(refId).reduce((sum, byte) => sum + byte, 0) % 900);
  const dueDate = new Date(provider.clock.now() + 14 * 86_400_000).toISOString().slice(0, 10);
  return success(
    bills.put(provider.ledger, refId, { refId, billerId, amount, accountHolderName: 'A. Customer', dueDate }),
  );
}

const PAY = { refId: isText, amount: isRupees };

function payBill({ refId, amount }: Shaped<typeof PAY>, { provider }: Call): SimulatorAnswer {
  const bill = bills.get(provider.ledger, refId);
  if (!bill) return failure(404, 'no bill was fetched for this refId', refId);
  if (bill.amount !== amount) return failure(400, 'amount is not the amount of the bill', refId);
  const paid =
    payments.get(provider.ledger, refId) ??
    payments.put(provider.ledger, refId, {
      refId,
      amount,
      txnReferenceId: `BD${crypto.randomUUID().replaceAll('-', '')}`,
    });
  return success(paid);
}

function paymentOf({ query, provider }: Call): SimulatorAnswer {
  const paid = payments.get(provider.ledger, query.get('refId') ?? '');
  return paid ? success({ ...paid, txnStatus: 'SUCCESS' }) : failure(404, 'no payment was made for this refId');
}

const NBC = '/payu-nbc/v1/nbc';

/** PayU's bill payments (BBPS) at `bbps-sb.payu.in`. The grant type is a credential. */
export const payuBbps = payuProduct({
  scopes: [
    'read_bills',
    'create_transactions',
    'read_billers',
    'read_biller_categories',
    'read_transactions',
    'read_plans',
  ],
  maxScopes: 6,
  credentials: { grant_type: 'client_credentials' },
  grantTypes: [{ credential: 'grant_type' }],
  paths: [
    [
      'GET',
      `${NBC}/getAllBillerCategory`,
      'read_biller_categories',
      () => success({ billerCategories: Object.keys(BILLERS) }),
    ],
    ['GET', `${NBC}/getBillerByBillerCategory`, 'read_billers', billersOf],
    [
      'POST',
      `${NBC}/billfetchrequest`,
      'read_bills',
      reading((call) => fit(Object.fromEntries(call.query), FETCH), bad, fetchBill),
    ],
    ['POST', `${NBC}/billpaymentrequest`, 'create_transactions', reading((call) => readJson(call, PAY), bad, payBill)],
    ['GET', `${NBC}/transactionstatus`, 'read_transactions', paymentOf],
  ],
  examples: [
    { method: 'GET', path: `${NBC}/getAllBillerCategory` },
    { method: 'GET', path: `${NBC}/getBillerByBillerCategory?billerCategoryName=ELECTRICITY` },
    {
      method: 'POST',
      path: `${NBC}/billfetchrequest?agentId=1&billerId=BESCOM000KAR01&customerPhoneNumber=9876543210&refId=REF0001`,
    },
  ],
  errors: [
    { answer: '400 FAILURE', when: 'a parameter or the amount is wrong: the reason says what' },
    { answer: '404 FAILURE', when: 'no bill was fetched, or no payment made, for the refId' },
  ],
});
