import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { chromium } from 'playwright-core';
import { freePort } from '../helpers/free-port.ts';
import { until } from '../helpers/http1.ts';
import { startOutrider, type Outrider } from '../helpers/outrider.ts';

const SHOP = fileURLToPath(new URL('shop.ts', import.meta.url));
const BROWSER = '/usr/bin/chromium';
const hasBrowser = existsSync(BROWSER) || process.env['CI'] !== undefined;

interface World {
  readonly outrider: Outrider;
  readonly callbacks: string;
  readonly shop: string;
  readonly ask: (path: string) => Promise<unknown>;
  readonly control: (query: string) => Promise<unknown>;
}

/** Outrider with simulators, and the shop as a program of its own, whose environment holds nothing else than addresses. */
async function open(t: ExecutionContext): Promise<World> {
  const [port, callbacksPort] = await Promise.all([freePort(), freePort()]);
  const shop = `http://127.0.0.1:${port}`;
  const callbacks = `http://127.0.0.1:${callbacksPort}`;
  const outrider = await startOutrider(
    t,
    `
providers:
  phonepe: { profile: phonepe, environment: simulator, credentials: { webhook_password: password-of-the-webhook } }
  payu: { profile: payu-payment, environment: simulator, credentials: { key: KEY, salt: salt-of-the-shop } }
  payu-hash: { profile: payu-hash, environment: simulator, credentials: { key: KEY, salt: salt-of-the-shop } }
routes:
  - { provider: phonepe, match: { path: /phonepe } }
  - { provider: payu-hash, match: { path: /payu-hash } }
  - { name: sign, provider: payu, match: { path: /sign/payu-payment }, answer: signed }
callbacks_listen: { address: "127.0.0.1:${callbacksPort}" }
callbacks:
  - { match: { path: /callbacks/phonepe }, verify: phonepe, forward: "${shop}/hooks/phonepe" }
  - { match: { path: /callbacks/payu }, verify: payu, forward: "${shop}/hooks/payu" }`,
  );
  const env = { PORT: String(port), OUTRIDER_URL: outrider.origin, CALLBACKS_URL: callbacks };
  const child = spawn(process.execPath, [SHOP], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await until('the shop is open', () => said.includes('open'), 60_000);
  return {
    outrider,
    callbacks,
    shop,
    async ask(path) {
      const answer = await fetch(shop + path);
      t.is(answer.status, 200, path);
      return answer.json();
    },
    async control(query) {
      const answer = await fetch(`${outrider.simulatorOrigin}/_control/callback?${query}`, { method: 'POST' });
      return answer.json();
    },
  };
}

test('a shop without a secret takes a payment by PhonePe, asks after it, refunds it, and hears of it', async (t) => {
  const { ask, control, callbacks } = await open(t);
  t.like(await ask('/buy/phonepe/order-1'), { state: 'PENDING' });
  t.like(await ask('/status/phonepe/order-1'), { state: 'COMPLETED', amount: 1000 });
  t.like(await ask('/refund/phonepe/order-1'), { state: 'PENDING', amount: 500 });
  const to = encodeURIComponent(`${callbacks}/callbacks/phonepe`);
  t.like(await control(`provider=phonepe&to=${to}`), { order: 'order-1', status: 200 });
  t.like(await control(`provider=phonepe&order=order-1&outcome=failure&to=${to}`), { status: 200 });
  t.like(await control(`provider=phonepe&order=none&to=${to}`), { error: 'there is no such order' });
  t.deepEqual(await ask('/orders/told/order-1'), ['phonepe: COMPLETED', 'phonepe: FAILED']);
  const forged = await fetch(`${callbacks}/callbacks/phonepe`, { method: 'POST', body: '{"event":"x"}' });
  t.is(forged.status, 401);
});

const browserTest = hasBrowser ? test.serial : test.serial.skip;
browserTest('a browser pays at PayU, and comes back to the shop with a callback that is verified', async (t) => {
  const { shop, ask, control, callbacks, outrider } = await open(t);
  const browser = await chromium.launch({ executablePath: BROWSER, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  t.teardown(() => browser.close());
  const page = await browser.newPage();
  const pay = async (order: string, button: string): Promise<string | null> => {
    await page.goto(`${shop}/buy/payu/${order}`);
    await page.getByRole('button', { name: 'To PayU' }).click();
    await page.waitForURL(`${outrider.simulatorOrigin}/**`);
    await page.getByRole('button', { name: button }).click();
    await page.waitForURL(`${callbacks}/**`);
    return page.textContent('#result');
  };
  t.is(await pay('txn-1', 'Pay'), 'txn-1: success');
  t.is(await pay('txn-2', 'Fail'), 'txn-2: failure');
  t.deepEqual(await ask('/orders/told/txn-1'), ['payu: success']);
  t.deepEqual(await ask('/orders/told/txn-2'), ['payu: failure']);
  // What came by the browser comes from PayU's servers too.
  const to = encodeURIComponent(`${callbacks}/callbacks/payu`);
  t.like(await control(`provider=payu&order=txn-1&to=${to}`), { order: 'txn-1', status: 200 });
  const status = (await ask('/status/payu/txn-1')) as { transaction_details: Record<string, { mihpayid: string }> };
  const { mihpayid = '' } = status.transaction_details['txn-1'] ?? {};
  t.like(await ask(`/refund/payu/${mihpayid}`), { status: 1 });
});
