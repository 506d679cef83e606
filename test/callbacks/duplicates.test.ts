import test, { type ExecutionContext } from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import { header, until } from '../helpers/http1.ts';
import { assertProblem } from '../helpers/problem.ts';
import { redisTest, startRedis } from '../helpers/redis.ts';
import { temporaryDirectory } from '../helpers/directory.ts';
import { startUpstream, type Arrival } from '../helpers/upstream.ts';
import { PAYMENT, payuFields, payuForm, payuJson, startCallbacks, webhook, xVerify, type Sent } from './given.ts';

const seen = ({ headers }: Arrival): string | undefined => header(headers, 'outrider-callback-seen');
const answering =
  (...statuses: readonly number[]) =>
  async (arrival: Arrival, index: number): Promise<void> => {
    await arrival.body();
    await arrival.reply(statuses[Math.min(index, statuses.length) - 1] ?? 200, { body: 'ok' });
  };

test('one that was delivered before is forwarded with the number of times', async (t) => {
  const { shop, send } = await startCallbacks(t);
  for (const count of [undefined, '1', '2']) {
    t.is((await send('/callbacks/payu', payuForm())).status, 200);
    t.is(seen(shop.requests.at(-1) as Arrival), count);
  }
  await send('/callbacks/payu', payuForm({ ...PAYMENT, txnid: 'txn-2' }));
  t.is(seen(shop.requests.at(-1) as Arrival), undefined);
});

const json = JSON.parse(payuJson().body) as Record<string, string>;
const inCapitals = { ...payuFields(PAYMENT), hash: (payuFields(PAYMENT)['hash'] as string).toUpperCase() };
const verify = xVerify({ a: 1 });
const order = { event: 'checkout.order.completed', payload: { orderId: 'OMO1', state: 'COMPLETED', amount: 1 } };

const SAME: readonly (readonly [what: string, path: string, first: Sent, second: Sent])[] = [
  [
    'the hash in capitals',
    '/callbacks/payu',
    payuForm(),
    { ...payuForm(), body: new URLSearchParams(inCapitals).toString() },
  ],
  ['JSON in place of a form', '/callbacks/payu', payuForm(), payuJson()],
  [
    'a field that is not signed',
    '/callbacks/payu',
    payuForm(),
    payuForm({ ...PAYMENT, mihpayid: 'other', mode: 'CC' }),
  ],
  ['blanks in JSON', '/callbacks/payu', payuJson(), { ...payuJson(), body: JSON.stringify(json, undefined, 2) }],
  [
    'another field beside `response`',
    '/callbacks/xverify',
    verify,
    { ...verify, body: verify.body.replace('{', '{"x":1,') },
  ],
  [
    'the same event of an order',
    '/callbacks/phonepe',
    webhook(order),
    webhook({ ...order, payload: { ...order.payload, amount: 2 } }),
  ],
];
for (const [what, path, first, second] of SAME) {
  test(`nothing that is not signed makes a callback another one: ${what}`, async (t) => {
    const { shop, send } = await startCallbacks(t);
    await send(path, first);
    t.is((await send(path, second)).status, 200);
    t.is(seen(await shop.request(2)), '1');
  });
}

test('with `duplicates: answer` the second is answered here', async (t) => {
  const { shop, send, outrider } = await startCallbacks(t, { callback: ', duplicates: answer' });
  t.is((await send('/callbacks/payu', payuForm())).text, 'ok');
  const second = await send('/callbacks/payu', payuForm());
  t.is(second.status, 200);
  t.is(second.text, '');
  t.is(shop.requests.length, 1);
  const [, line] = await outrider.logged(2);
  t.like(line, { status: 200, attempts: 0 });
});

test('the window is as long as it says', async (t) => {
  const clock = fakeClock();
  const { shop, send } = await startCallbacks(t, { callback: ', window: 10m', options: { clock } });
  await send('/callbacks/payu', payuForm());
  await clock.advance(599_000);
  await send('/callbacks/payu', payuForm());
  t.is(seen(await shop.request(2)), '1');
  await clock.advance(600_000);
  await send('/callbacks/payu', payuForm());
  t.is(seen(await shop.request(3)), undefined);
});

for (const status of [500, 503, 400, 404, 302]) {
  test(`what the application answers with ${status} was not seen`, async (t) => {
    const { shop, send } = await startCallbacks(t, { shop: answering(status, 200, 200) });
    const first = await send('/callbacks/payu', payuForm());
    if (status < 500) t.is(first.status, status);
    else {
      assertProblem(t, first, { status: 503, code: 'callback_undeliverable', outcome: 'unknown' });
      t.regex(first.header('retry-after') ?? '', /^\d+$/);
    }
    await send('/callbacks/payu', payuForm());
    t.is(seen(await shop.request(2)), undefined);
    await send('/callbacks/payu', payuForm());
    t.is(seen(await shop.request(3)), '1');
  });
}

test('an application that is down, or breaks off, has not seen it', async (t) => {
  const { shop, send, outrider } = await startCallbacks(t, {
    shop: async (arrival, index) => {
      await arrival.body();
      if (index === 1) arrival.reset();
      else await arrival.reply(200, { body: 'ok' });
    },
  });
  const broken = await send('/callbacks/payu', payuForm());
  assertProblem(t, broken, { status: 503, code: 'callback_undeliverable', outcome: 'unknown' });
  await send('/callbacks/payu', payuForm());
  t.is(seen(await shop.request(2)), undefined);
  await shop.close();
  const down = await send('/callbacks/payu', payuForm());
  assertProblem(t, down, { status: 503, code: 'callback_undeliverable', outcome: 'not_sent' });
  t.truthy(down.header('retry-after'));
  await until('the operator is told', () => outrider.logText().includes('refused the connection'));
});

test('an application that is too slow has not seen it', async (t) => {
  const held: Arrival[] = [];
  const { shop, send } = await startCallbacks(t, {
    callback: ', timeout: 300ms',
    shop: async (arrival, index) => {
      await arrival.body();
      if (index === 1) held.push(arrival);
      else await arrival.reply(200, { body: 'ok' });
    },
  });
  const slow = await send('/callbacks/payu', payuForm());
  assertProblem(t, slow, { status: 503, code: 'callback_undeliverable', outcome: 'unknown', detail: /in time/ });
  await send('/callbacks/payu', payuForm());
  t.is(seen(await shop.request(2)), undefined);
});

/** Two of the same at one moment: the second waits for what the first comes to. */
async function atOneMoment(t: ExecutionContext, first: number): Promise<readonly (string | undefined)[]> {
  const arrived: Arrival[] = [];
  const { send, outrider } = await startCallbacks(t, {
    shop: async (arrival) => {
      await arrival.body();
      arrived.push(arrival);
      if (arrived.length > 1) await arrival.reply(200, { body: 'ok' });
    },
  });
  const answers = [send('/callbacks/payu', payuForm()), send('/callbacks/payu', payuForm())];
  await until('one is there', () => arrived.length === 1);
  // The other one is verified too by now, or soon: in either case it must not come to the application.
  await send('/callbacks/payu', payuForm({ ...PAYMENT, txnid: 'another' }));
  t.is(arrived.length, 2);
  await (arrived[0] as Arrival).reply(first, { body: 'ok' });
  const statuses = (await Promise.all(answers)).map(({ status }) => status);
  t.deepEqual(
    statuses.toSorted((a, b) => a - b),
    first === 200 ? [200, 200] : [200, 503],
  );
  await outrider.logged(3);
  return arrived.map(seen);
}

test('of two at the same moment the second waits, and is told of the first', async (t) => {
  t.deepEqual(await atOneMoment(t, 200), [undefined, undefined, '1']);
});

test('of two at the same moment the second is delivered when the first was not', async (t) => {
  t.deepEqual(await atOneMoment(t, 500), [undefined, undefined, undefined]);
});

test('a file store remembers over a restart, and between two processes', async (t) => {
  const rest = `store: { kind: file, path: "${temporaryDirectory(t)}/store" }`;
  const first = await startCallbacks(t, { rest });
  await first.send('/callbacks/payu', payuForm());
  const second = await startCallbacks(t, { rest });
  await second.send('/callbacks/payu', payuForm());
  t.is(seen(await second.shop.request(1)), '1');
  await Promise.all([first, second].map(({ outrider }) => outrider.app.stop({ signal: 'SIGINT' })));
  const third = await startCallbacks(t, { rest });
  await third.send('/callbacks/payu', payuForm());
  t.is(seen(await third.shop.request(1)), '2');
});

redisTest('replicas that share a Redis deliver one at a time, and know of each other', async (t) => {
  const server = await startRedis(t);
  const rest = `store: { kind: redis, url: "${server.url}" }`;
  const arrived: Arrival[] = [];
  const shop = async (arrival: Arrival): Promise<void> => {
    await arrival.body();
    arrived.push(arrival);
    if (arrived.length > 1) await arrival.reply(200, { body: 'ok' });
  };
  const [ours, theirs] = await Promise.all([startCallbacks(t, { rest, shop }), startCallbacks(t, { rest, shop })]);
  const first = ours.send('/callbacks/payu', payuForm());
  await until('one is there', () => arrived.length === 1);
  const second = theirs.send('/callbacks/payu', payuForm());
  await theirs.send('/callbacks/payu', payuForm({ ...PAYMENT, txnid: 'another' }));
  t.is(arrived.length, 2);
  await (arrived[0] as Arrival).reply(200, { body: 'ok' });
  t.deepEqual(
    (await Promise.all([first, second])).map(({ status }) => status),
    [200, 200],
  );
  t.deepEqual(arrived.map(seen), [undefined, undefined, '1']);
});

test('what the metrics count', async (t) => {
  const upstream = await startUpstream(t);
  const { send, outrider } = await startCallbacks(t, {
    rest: `admin: { address: "127.0.0.1:0" }\nroutes: [{ match: { path: /x }, upstream: "${upstream.origin}" }]`,
    shop: answering(200, 200, 500),
  });
  await send('/callbacks/payu', payuForm());
  await send('/callbacks/payu', payuForm());
  await send('/callbacks/payu', payuForm());
  await send('/callbacks/payu', payuForm(PAYMENT, 'other'));
  const metrics = await (await fetch(`${outrider.adminOrigin}/metrics`)).text();
  for (const outcome of ['verified', 'duplicate', 'undeliverable', 'rejected']) {
    t.true(metrics.includes(`outrider_callbacks_total{name="payu",outcome="${outcome}"} 1`), outcome);
  }
});
