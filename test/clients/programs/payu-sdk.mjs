import Payu from 'payu-websdk';

const order = (txnid) => ({
  txnid,
  amount: '10.00',
  productinfo: 'Two books',
  firstname: 'Asha',
  email: 'asha@shop.example',
  phone: '9876543210',
});

/** Sends the page that the SDK makes, as a browser does. */
async function submit(page) {
  const [, action] = /<form [^>]*action="([^"]*)"/.exec(page);
  // None of the values has a character that HTML escapes.
  const fields = [...page.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
  const body = new URLSearchParams(fields.map(([, name, value]) => [name, value]));
  const answer = await fetch(action, { method: 'POST', body });
  return { status: answer.status, ...(await answer.json()) };
}

/** Does with PayU's SDK what a shop does, and yields what it got. */
export async function usePayu({ environment, key, salt }) {
  const payu = new Payu({ key, salt }, environment);
  const said = {};
  said.payment = await submit(payu.paymentInitiate(order('txn-1')));
  said.invoice = await payu.createInvoice(order('txn-2'));
  said.verified = await payu.verifyPayment('txn-1|txn-2');
  said.domestic = await payu.checkIsDomestic('512345');
  const { paymentId } = said.payment.result ?? {};
  said.refund = await payu.cancelRefundTransaction(paymentId ?? '1', 'refund-1', '4.00');
  said.action = await payu.checkActionStatus(said.refund.request_id ?? '1');
  return said;
}
