import test from 'ava';
import type { ExecutionContext } from 'ava';
import { configFile, run } from '../commands/run.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { startUpstream } from '../helpers/upstream.ts';
import type { Arrival } from '../helpers/upstream.ts';
import { blockOf, yamlOf } from './page.ts';

// Providers that are content with a key. Each checks as its public documentation says, in a few lines of its own.

const KEYS = {
  RAZORPAY_KEY_ID: 'rzp_test_1',
  RAZORPAY_KEY_SECRET: 'rzp-secret:+/=',
  STRIPE_SECRET_KEY: 'sk_test_1',
  ADYEN_API_KEY: 'AQEyhmfxL4PIaxFEw0m=',
  ADYEN_USERNAME: 'ws_12345@Company.Shop',
  ADYEN_PASSWORD: 'ws-password:}"',
  TWILIO_API_KEY: 'SK1',
  TWILIO_API_KEY_SECRET: 'tw-key-secret',
  TWILIO_ACCOUNT_SID: 'AC1',
  TWILIO_AUTH_TOKEN: 'tw-token',
  JUSPAY_API_KEY: 'JP1',
};

/** What stands in `Authorization: Basic`, decoded; `Basic` spelled as Razorpay wants it. */
const pairOf = (arrival: Arrival): string | undefined => {
  const [, pair] = /^Basic ([A-Za-z0-9+/]+={0,2})$/.exec(arrival.header('authorization') ?? '') ?? [];
  return pair === undefined ? undefined : Buffer.from(pair, 'base64').toString('utf8');
};

interface Tried {
  readonly path: string;
  readonly upstream: string;
  readonly accepts: (arrival: Arrival) => boolean;
  /** The same by the other credentials that it takes. */
  readonly otherwise?: (arrival: Arrival) => boolean;
}

const PROVIDERS: Readonly<Record<string, Tried>> = {
  razorpay: {
    path: '/v1/orders',
    upstream: 'https://api.razorpay.com/v1',
    accepts: (arrival) => pairOf(arrival) === 'rzp_test_1:rzp-secret:+/=',
  },
  stripe: {
    path: '/v1/charges',
    upstream: 'https://api.stripe.com',
    accepts: (arrival) => arrival.header('authorization') === 'Bearer sk_test_1',
    otherwise: (arrival) => pairOf(arrival) === 'sk_test_1:',
  },
  adyen: {
    path: '/v68/payments',
    upstream: 'https://checkout-test.adyen.com',
    accepts: (arrival) => arrival.header('x-api-key') === KEYS.ADYEN_API_KEY,
    otherwise: (arrival) => pairOf(arrival) === 'ws_12345@Company.Shop:ws-password:}"',
  },
  twilio: {
    path: '/2010-04-01/Accounts/AC1/Messages.json',
    upstream: 'https://api.twilio.com',
    accepts: (arrival) => pairOf(arrival) === 'SK1:tw-key-secret',
    otherwise: (arrival) => pairOf(arrival) === 'AC1:tw-token',
  },
};

type Section = Readonly<Record<string, unknown>>;

const page = yamlOf(blockOf('providers', 'keys').text) as { readonly providers: Section; readonly routes: Section[] };
const other = yamlOf(blockOf('providers', 'other-keys').text) as { readonly providers: Section };
const FILES: Readonly<Record<string, object>> = {
  keys: page,
  'other-keys': { ...page, providers: { ...page.providers, ...other.providers } },
};

for (const [name, file] of Object.entries(FILES)) {
  test(`${name}: \`outrider check\` has nothing to say against it`, async (t) => {
    const { dir } = configFile(t, JSON.stringify(file));
    const { code, stdout, stderr } = await run(t, ['check'], { cwd: dir, env: KEYS });
    t.deepEqual([code, stderr], [0, '']);
    t.is(stdout.trim(), 'proxy.config.yaml: OK, 4 routes, 4 providers');
  });
}

/** A provider that lets in whom `accepts` lets in, and the page's file with its host in place of the real one. */
async function start(t: ExecutionContext, file: object, { upstream, accepts }: Tried) {
  const provider = await startUpstream(t, async (arrival) => {
    await arrival.body();
    return arrival.reply(accepts(arrival) ? 200 : 401);
  });
  const own = upstream.replace(/^https:\/\/[^/]+/, provider.origin);
  const sections = Object.entries(file).filter(([key]) => key !== 'version');
  const yaml = sections.map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join('\n');
  return { provider, outrider: await startOutrider(t, yaml.replaceAll(upstream, own), { env: KEYS }) };
}

for (const [name, tried] of Object.entries(PROVIDERS)) {
  for (const [file, accepts] of [
    ['keys', tried.accepts],
    ['other-keys', tried.otherwise ?? tried.accepts],
  ] as const) {
    test(`${name} lets a request in by ${file}, whatever the application sends in its place`, async (t) => {
      const { provider, outrider } = await start(t, FILES[file] as object, { ...tried, accepts });
      const made = Buffer.from('made:up').toString('base64');
      const target = `/${name}${tried.path.slice(new URL(tried.upstream).pathname.replace(/\/$/, '').length)}?limit=3`;
      const sent = ['X-Api-Key', 'made-up', 'Stripe-Version', '2024-06-20', 'Idempotency-Key', 'k-1'];
      const answers = [
        await outrider.call(target),
        await outrider.call(target, { body: 'amount=1', headers: ['Authorization', `Basic ${made}`, ...sent] }),
      ];
      t.deepEqual(
        answers.map(({ status }) => status),
        [200, 200],
      );
      const [, arrived] = provider.requests;
      t.is(arrived?.target, `${tried.path}?limit=3`);
      t.is(arrived?.header('stripe-version'), '2024-06-20');
      t.is(arrived?.header('idempotency-key'), 'k-1');
      const place = accepts === PROVIDERS['adyen']?.accepts ? 'x-api-key' : 'authorization';
      t.is(arrived?.headerAll(place).length, 1);
    });
  }
}

test('juspay lets in the key as the user name, with no password, beside the id of the merchant', async (t) => {
  const file = {
    profiles: { juspay: yamlOf(blockOf('recipe', 'juspay').text) },
    providers: {
      juspay: {
        profile: 'juspay',
        credentials: { username: '${JUSPAY_API_KEY}', password: '', merchant_id: 'shop' },
      },
    },
    routes: [{ match: { path: '/juspay' }, provider: 'juspay', upstream: 'https://sandbox.juspay.in' }],
  };
  const { dir } = configFile(t, JSON.stringify({ version: 1, ...file }));
  const { code, stderr } = await run(t, ['check'], { cwd: dir, env: KEYS });
  t.deepEqual([code, stderr], [0, '']);

  const accepts = (arrival: Arrival): boolean =>
    pairOf(arrival) === 'JP1:' && arrival.header('x-merchantid') === 'shop';
  const { outrider, provider } = await start(t, file, { path: '', upstream: 'https://sandbox.juspay.in', accepts });
  t.is((await outrider.call('/juspay/session', { body: '{}', headers: ['x-merchantid', 'another'] })).status, 200);
  t.is((await outrider.call('/juspay/orders/o-1', { headers: ['x-routing-id', 'c-1'] })).status, 200);
  t.is(provider.requests[1]?.header('x-routing-id'), 'c-1');
});

test('every provider of the page that has a fixed key is tried', (t) => {
  t.deepEqual(Object.keys(page.providers), Object.keys(PROVIDERS));
  t.deepEqual(
    Object.keys(other.providers),
    Object.keys(PROVIDERS).filter((name) => PROVIDERS[name]?.otherwise),
  );
});
