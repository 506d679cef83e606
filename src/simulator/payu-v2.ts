import { sha512, signedKind, transact, transactions } from './payu-signed.ts';
import type { Transaction } from './payu-signed.ts';
import { isId, isRupees, readJson, reading } from './read.ts';
import type { Problem, Shaped } from './read.ts';
import type { SimulatorAnswer, Call, Endpoint } from './types.ts';

const MAX_SKEW_MS = 15 * 60_000;
const AUTHORIZATION = /^hmac username="([^"]*)", algorithm="sha512", headers="date", signature="([0-9a-f]{128})"$/;
const IMF_FIXDATE = /^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

const unauthorized = (message: string): SimulatorAnswer => ({ status: 401, body: { message }, rejected: true });

/**
 * The answer to a call whose signature is not accepted; undefined if it is. The signature is `sha512hex(rawBody|date|salt)`,
 * and `Date` may be off by at most 15 minutes.
 */
function refuseSignature({ provider, header, body }: Call): SimulatorAnswer | undefined {
  const { key, salt } = provider.credentials;
  const authorization = header('authorization');
  if (authorization === undefined) return unauthorized('Unauthorized');
  const [, username, signature] = AUTHORIZATION.exec(authorization) ?? [];
  const date = header('date') ?? '';
  const skewMs = Math.abs(Date.parse(date) - provider.clock.now());
  if (!IMF_FIXDATE.test(date) || !(skewMs <= MAX_SKEW_MS))
    return unauthorized('HMAC signature cannot be verified, a valid date header is required for HMAC Authentication');
  const expected = sha512(Buffer.concat([body, Buffer.from(`|${date}|${salt}`, 'utf8')]));
  return username === key && signature === expected ? undefined : unauthorized('HMAC signature cannot be verified');
}

const v2 = (method: string, path: string, answer: (call: Call) => SimulatorAnswer): Endpoint => ({
  method,
  path,
  role: 'api',
  answer: (call) => refuseSignature(call) ?? answer(call),
});
const v2Failure = (status: number, message: string): SimulatorAnswer => ({
  status,
  body: { status: 'failure', message, result: null },
});
const v2Problem = ({ status, detail }: Problem): SimulatorAnswer => v2Failure(status, detail);
const v2Result = (made: Transaction, status: string): SimulatorAnswer => ({
  status: 200,
  body: { status: 'success', result: { paymentId: made.mihpayid, txnId: made.txnid, amount: made.amount, status } },
});

const V2_PAYMENT = { txnId: isId, amount: isRupees };

function v2Pay({ txnId, amount }: Shaped<typeof V2_PAYMENT>, call: Call): SimulatorAnswer {
  const made = transact(call, { txnid: txnId, amount: amount.toFixed(2), productinfo: '', firstname: '' });
  return made ? v2Result(made, 'pending') : v2Failure(400, 'txnId was used before, for another amount');
}

function v2Read({ params, provider }: Call): SimulatorAnswer {
  const made = transactions.get(provider.ledger, params['txnId'] ?? '');
  return made ? v2Result(made, 'captured') : v2Failure(404, 'no such transaction');
}

/** PayU's API v2, signed by an HMAC-style `Authorization`. */
export const payuV2 = signedKind(
  [
    v2(
      'POST',
      '/v2/payments',
      reading((call) => readJson(call, V2_PAYMENT), v2Problem, v2Pay),
    ),
    v2('GET', '/v2/payments/:txnId', v2Read),
  ],
  [
    {
      method: 'POST',
      path: '/v2/payments',
      headers: { 'content-type': 'application/json' },
      body: '{"txnId":"txn-2","amount":10.5}',
    },
    { method: 'GET', path: '/v2/payments/txn-2' },
  ],
  // PayU's pages show no errors of these calls. The first three are what the gateway Kong answers to such signatures.
  [
    { answer: '401 Unauthorized', when: 'Authorization is missing' },
    { answer: '401 HMAC signature cannot be verified', when: 'Authorization is no hmac, or its signature is wrong' },
    {
      answer: '401 HMAC signature cannot be verified, a valid date header is required for HMAC Authentication',
      when: 'Date is missing, or more than 15 minutes off',
    },
    { answer: '400 txnId is missing', when: 'the body is wrong: the message says what' },
    { answer: '400 txnId was used before, for another amount', when: 'the txnId was used before' },
    { answer: '404 no such transaction', when: 'there is no such transaction' },
  ],
);
