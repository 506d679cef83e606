/**
 * A shop that takes payments by PhonePe and PayU, and knows no secret. It asks Outrider for everything that needs one, and
 * believes the callbacks that Outrider hands to it. Its environment: PORT, OUTRIDER_URL, and where the callbacks come in,
 * CALLBACKS_URL.
 */
import http from 'node:http';

const { PORT = '', OUTRIDER_URL = '', CALLBACKS_URL = '' } = process.env;

/** What the shop knows of its orders: what the callbacks told. */
const orders = new Map<string, string[]>();

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const JSON_TYPE = { 'content-type': 'application/json' };

async function ask(path: string, options: RequestInit = {}): Promise<unknown> {
  const answer = await fetch(OUTRIDER_URL + path, options);
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}
const post = (path: string, headers: Readonly<Record<string, string>>, body: string): Promise<unknown> =>
  ask(path, { method: 'POST', headers, body });
const form = (fields: Readonly<Record<string, string>>): string => new URLSearchParams(fields).toString();
const escaped = (text: string): string => text.replaceAll(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

interface Signed {
  readonly url: string;
  readonly fields: readonly (readonly [string, string])[];
}

/** The page whose form the browser posts to PayU. */
async function payuPage(order: string): Promise<string> {
  const fields = {
    txnid: order,
    amount: '10.00',
    productinfo: 'Shoes',
    firstname: 'Asha "A"',
    email: 'asha@example.in',
  };
  const back = `${CALLBACKS_URL}/callbacks/payu`;
  const signed = (await post(
    '/sign/payu-payment/_payment',
    FORM,
    form({ ...fields, surl: back, furl: back }),
  )) as Signed;
  const inputs = signed.fields.map(
    ([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`,
  );
  return `<!doctype html><title>Shop</title><form method="post" action="${escaped(signed.url)}">${inputs.join('')}<button>To PayU</button></form>`;
}

const payuCommand = (command: string, vars: Readonly<Record<string, string>>): Promise<unknown> =>
  post('/payu-hash/merchant/postservice.php?form=2', FORM, form({ command, ...vars }));

type Answer = { readonly html: string } | { readonly json: unknown };

/** What the shop does, by method and the first two parts of a path. */
const ACTIONS: Readonly<Record<string, (id: string) => Promise<Answer>>> = {
  'GET /buy/payu': async (id) => ({ html: await payuPage(id) }),
  'GET /buy/phonepe': async (id) => ({
    json: await post('/phonepe/checkout/v2/pay', JSON_TYPE, JSON.stringify({ merchantOrderId: id, amount: 1000 })),
  }),
  'GET /status/payu': async (id) => ({ json: await payuCommand('verify_payment', { var1: id }) }),
  'GET /status/phonepe': async (id) => ({ json: await ask(`/phonepe/checkout/v2/order/${id}/status`) }),
  'GET /refund/payu': async (id) => ({
    json: await payuCommand('cancel_refund_transaction', { var1: id, var2: `refund-${id}`, var3: '5.00' }),
  }),
  'GET /refund/phonepe': async (id) => ({
    json: await post(
      '/phonepe/payments/v2/refund',
      JSON_TYPE,
      JSON.stringify({ merchantRefundId: `refund-${id}`, originalMerchantOrderId: id, amount: 500 }),
    ),
  }),
  'GET /orders/told': async (id) => ({ json: orders.get(id) ?? [] }),
};

function told(order: string, state: string, verified: string | undefined): void {
  orders.set(order, [...(orders.get(order) ?? []), `${verified ?? 'nobody'}: ${state}`]);
}

/** What the hooks do with a callback. Only Outrider reaches them. */
const HOOKS: Readonly<Record<string, (body: string, verified: string | undefined) => Answer>> = {
  '/hooks/payu': (body, verified) => {
    const fields = new URLSearchParams(body);
    const [order = '', state = ''] = ['txnid', 'status'].map((name) => fields.get(name) ?? '');
    told(order, state, verified);
    return { html: `<!doctype html><title>Shop</title><p id="result">${escaped(order)}: ${escaped(state)}</p>` };
  },
  '/hooks/phonepe': (body, verified) => {
    const { payload } = JSON.parse(body) as { payload: { merchantOrderId: string; state: string } };
    told(payload.merchantOrderId, payload.state, verified);
    return { json: {} };
  },
};

http
  .createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const [, first = '', second = '', id = ''] = (request.url ?? '').split('/');
      const hook = HOOKS[request.url ?? ''];
      const action = ACTIONS[`${request.method} /${first}/${second}`];
      const verified = request.headers['outrider-verified'] as string | undefined;
      const answer = hook ? hook(Buffer.concat(chunks).toString(), verified) : await action?.(id);
      if (!answer) response.writeHead(404).end();
      else if ('html' in answer) response.writeHead(200, { 'content-type': 'text/html' }).end(answer.html);
      else response.writeHead(200, JSON_TYPE).end(JSON.stringify(answer.json));
    })().catch((error: unknown) => response.writeHead(502).end(String(error)));
  })
  .listen(Number(PORT), '127.0.0.1', () => process.stdout.write('the shop is open\n'));
