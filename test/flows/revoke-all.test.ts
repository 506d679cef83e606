import http from 'node:http';
import test from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import { until } from '../helpers/http1.ts';
import { httpCall, startOutrider } from '../helpers/outrider.ts';

interface Counts {
  readonly token: {
    readonly fetch: number;
    readonly refresh: number;
    readonly ok: number;
    readonly most_at_once: number;
  };
  readonly api: { readonly total: number; readonly ok: number; readonly rejected: number };
}

const json = ['content-type', 'application/json'];

const PROVIDERS = {
  phonepe: {
    yaml: '{ profile: phonepe, environment: simulator }',
    method: 'POST',
    path: '/checkout/v2/pay',
    body: (i: number) =>
      JSON.stringify({ merchantOrderId: `order-${i}`, amount: 1000 + i, paymentFlow: { type: 'PG_CHECKOUT' } }),
  },
  pincode: {
    yaml: '{ profile: pincode, environment: simulator }',
    method: 'POST',
    path: '/v1/orders',
    body: (i: number) => JSON.stringify({ merchantOrderId: `order-${i}`, items: [{ itemId: 'tea-250', quantity: 1 }] }),
  },
  'payu-payment-links': {
    yaml: '{ profile: payu-payment-links, environment: simulator, scope: [create_payment_links, read_payment_links] }',
    method: 'POST',
    path: '/payment-links',
    body: (i: number) => JSON.stringify({ subAmount: 100 + i, description: `link ${i}`, source: 'API' }),
  },
} as const;

for (const [name, { yaml, method, path, body }] of Object.entries(PROVIDERS)) {
  test(`${name}: all tokens revoked amid a thousand concurrent requests cost one token call and no failed request`, async (t) => {
    const clock = fakeClock();
    const outrider = await startOutrider(
      t,
      `providers: { p: ${yaml} }\nroutes: [{ name: p, match: { path: /p }, provider: p }]`,
      { clock },
    );
    const simulator = outrider.simulatorOrigin ?? '';
    const counts = async (): Promise<Counts> =>
      JSON.parse((await httpCall(simulator, '/_control/calls?provider=p')).text) as Counts;
    const call = (i: number, agent: http.Agent) =>
      httpCall(outrider.origin, `/p${path}`, { method, body: body(i), headers: json, agent });
    const agent = new http.Agent({ keepAlive: true, maxSockets: 200 });
    t.teardown(() => agent.destroy());

    const first = await call(0, agent);
    t.is(first.status, 200, first.text);
    await clock.advance(10_000);
    const before = await counts();
    t.is(before.token.fetch, 1);

    let answered = 0;
    const calls = Array.from({ length: 1_000 }, async (_, i) => {
      const answer = await call(i + 1, agent);
      answered += 1;
      return answer;
    });
    await until('the middle', () => answered >= 300, 20_000);
    const revoked = await httpCall(simulator, '/_control/revoke?provider=p', { method: 'POST' });
    t.is(revoked.status, 200, revoked.text);
    const answers = await Promise.all(calls);

    const failed = answers.filter(({ status }) => status !== 200);
    t.is(failed.length, 0, `${failed.length} failed: ${failed[0]?.status} ${failed[0]?.text}`);
    const after = await counts();
    t.is(after.token.fetch + after.token.refresh, 2, 'one token call more than the first');
    t.is(after.token.most_at_once, 1);
    t.true(after.api.rejected > 0, 'the revocation was felt');
    t.is(after.api.ok, 1_001, 'each request was executed once');
    const replayed = (await outrider.logged(1_001)).filter(({ attempts }) => attempts === 2);
    t.is(replayed.length, after.api.rejected);
  });
}
