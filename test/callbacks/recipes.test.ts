import { generateKeyPairSync, sign as signBy, type KeyObject } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { parse, stringify } from 'yaml';
import { fakeClock, type FakeClock } from '../helpers/clock.ts';
import { header } from '../helpers/http1.ts';
import { httpCall, startOutrider } from '../helpers/outrider.ts';
import { startUpstream, type Upstream } from '../helpers/upstream.ts';
import { blockOf, BLOCKS } from '../profiles/page.ts';
import { hmacSha256, JSON_TYPE, type Sent } from './given.ts';

const SECRET = 'secret-of-the-hook';

interface Recipe {
  /** What the provider sends at that moment, by a few lines of its own. */
  readonly sign: (body: string, nowMs: number, secret?: string) => readonly string[];
  /** What its documentation shows. */
  readonly published?: {
    readonly secret: string;
    readonly body: string;
    readonly headers: readonly string[];
    readonly nowMs?: number;
  };
  /** How an operator writes a secret; as it is by default. */
  readonly secret?: (text: string) => string;
  /** How long it stays good; undefined: for ever. */
  readonly toleranceMs?: number;
}

const stripe = (body: string, nowMs: number, secret = SECRET): readonly string[] => {
  const t = Math.floor(nowMs / 1_000);
  return ['Stripe-Signature', `t=${t},v1=${hmacSha256(secret, `${t}.${body}`).toString('hex')}`];
};

const RECIPES: Readonly<Record<string, Recipe>> = {
  'stripe-webhook': { toleranceMs: 300_000, sign: stripe },
  'razorpay-webhook': {
    sign: (body, _, secret = SECRET) => ['X-Razorpay-Signature', hmacSha256(secret, body).toString('hex')],
  },
  'cashfree-webhook': {
    toleranceMs: 300_000,
    sign: (body, nowMs, secret = SECRET) => [
      'x-webhook-timestamp',
      String(nowMs),
      'x-webhook-signature',
      hmacSha256(secret, `${nowMs}${body}`).toString('base64'),
    ],
  },
  'github-webhook': {
    sign: (body, _, secret = SECRET) => ['X-Hub-Signature-256', `sha256=${hmacSha256(secret, body).toString('hex')}`],
    // https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    published: {
      secret: "It's a Secret to Everybody",
      body: 'Hello, World!',
      headers: ['X-Hub-Signature-256', 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17'],
    },
  },
  'shopify-webhook': {
    sign: (body, _, secret = SECRET) => ['X-Shopify-Hmac-Sha256', hmacSha256(secret, body).toString('base64')],
  },
  'standard-webhook': {
    toleranceMs: 300_000,
    secret: (text) => Buffer.from(text).toString('base64'),
    sign: (body, nowMs, secret = SECRET) => {
      const t = Math.floor(nowMs / 1_000);
      const signature = hmacSha256(secret, `msg_1.${t}.${body}`).toString('base64');
      return ['webhook-id', 'msg_1', 'webhook-timestamp', String(t), 'webhook-signature', `v1,${signature}`];
    },
    // https://github.com/standard-webhooks/standard-webhooks, the specification's example
    published: {
      secret: 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      body: '{"test": 2432232314}',
      nowMs: 1_614_265_330_000,
      headers: [
        'webhook-id',
        'msg_p5jXN8AQM9LWM0D4loKWxJek',
        'webhook-timestamp',
        '1614265330',
        'webhook-signature',
        'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
      ],
    },
  },
};

const NOW_MS = Date.UTC(2026, 5, 1);
const written = (recipe: string, text = SECRET): string => RECIPES[recipe]?.secret?.(text) ?? text;

interface World {
  readonly shop: Upstream;
  readonly clock: FakeClock;
  readonly send: (sent: Sent) => Promise<number>;
}

async function open(
  t: ExecutionContext,
  recipe: string,
  secret = written(recipe),
  old = '',
  nowMs = NOW_MS,
): Promise<World> {
  const shop = await startUpstream(t);
  const clock = fakeClock(nowMs);
  const profile: unknown = parse(blockOf('recipe', recipe).text);
  const outrider = await startOutrider(
    t,
    `
${stringify({ profiles: { hook: profile } })}
providers: { hook: { profile: hook, credentials: { secret: ${JSON.stringify(secret)} }${old} } }
callbacks_listen: { address: "127.0.0.1:0" }
callbacks: [{ match: { path: /hook }, verify: hook, forward: "${shop.origin}/" }]`,
    { clock },
  );
  const origin = outrider.callbacksOrigin ?? '';
  const send = async ({ headers, body }: Sent): Promise<number> =>
    (await httpCall(origin, '/hook', { method: 'POST', headers, body })).status;
  return { shop, clock, send };
}

const BODY = '{"id":"evt_1","amount":1.10}';

for (const [name, { sign, published, toleranceMs }] of Object.entries(RECIPES)) {
  test(`${name}: what is signed passes, and nothing else`, async (t) => {
    const { shop, clock, send } = await open(t, name);
    const signed = sign(BODY, clock.now());
    const value = signed.at(-1) as string;
    const withValue = (other: string): Sent => ({ headers: [...JSON_TYPE, ...signed.slice(0, -1), other], body: BODY });
    const flip = (text: string, at: number): string =>
      text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ 1) + text.slice(at + 1);
    const bad: readonly Sent[] = [
      { headers: [...JSON_TYPE, ...signed], body: flip(BODY, 9) },
      ...Array.from({ length: value.length }, (_, at) => withValue(flip(value, at))),
      withValue(''),
      withValue(value.slice(0, -1)),
      withValue(`${value}=`),
      withValue(`${value}x`),
      { headers: [...JSON_TYPE, ...signed, ...signed], body: BODY },
      { headers: [...JSON_TYPE, ...sign(BODY, clock.now(), 'other')], body: BODY },
      { headers: [...JSON_TYPE, ...sign('{}', clock.now())], body: BODY },
      { headers: [...JSON_TYPE, ...signed], body: '' },
    ];
    for (const sent of bad) t.is(await send(sent), 401, sent.headers.join(' '));
    t.is(shop.connections, 0);
    t.is(await send({ headers: [...JSON_TYPE, ...signed], body: BODY }), 200);
    t.is((await (await shop.request(1)).body()).bytes.toString(), BODY);
    // The provider sends it again, signed anew where its signature has a time.
    await clock.advance(60_000);
    t.is(await send({ headers: [...JSON_TYPE, ...sign(BODY, clock.now())], body: BODY }), 200);
    t.is(header((await shop.request(2)).headers, 'outrider-callback-seen'), '1');
  });

  test(`${name}: the published example, where there is one, and the secret of before a change`, async (t) => {
    if (published) {
      const { send, shop } = await open(t, name, published.secret, '', published.nowMs);
      t.is(await send({ headers: published.headers, body: published.body }), 200);
      t.is((await (await shop.request(1)).body()).bytes.toString(), published.body);
    }
    const { send, clock } = await open(
      t,
      name,
      written(name, 'the-newer-secret'),
      `, old_credentials: [{ secret: ${written(name)} }]`,
    );
    t.is(await send({ headers: [...JSON_TYPE, ...sign(BODY, clock.now())], body: BODY }), 200);
    t.is(await send({ headers: [...JSON_TYPE, ...sign(BODY, clock.now(), 'oldest')], body: BODY }), 401);
  });

  if (toleranceMs === undefined) continue;
  test(`${name}: what is too old, or of a time to come, is stale`, async (t) => {
    const { send, clock, shop } = await open(t, name);
    const at = (ms: number): Sent => ({ headers: [...JSON_TYPE, ...sign(BODY, clock.now() + ms)], body: BODY });
    t.is(await send(at(-toleranceMs - 1_000)), 401);
    t.is(await send(at(toleranceMs + 1_000)), 401);
    t.is(shop.connections, 0);
    t.is(await send(at(-toleranceMs + 1_000)), 200);
    t.is(await send(at(toleranceMs - 1_000)), 200);
  });
}

test('Stripe: of several signatures one has to be right, and there is one time', async (t) => {
  const { send, clock } = await open(t, 'stripe-webhook');
  const [, value = ''] = stripe(BODY, clock.now());
  const [, other = ''] = stripe(BODY, clock.now(), 'another');
  const v1 = other.split(',')[1] as string;
  const sent = (signature: string): Sent => ({ headers: ['Stripe-Signature', signature], body: BODY });
  t.is(await send(sent(`${value},${v1}`)), 200);
  t.is(await send(sent(value.replace(',', `,${v1},`))), 200);
  t.is(await send(sent(`${value},v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39`)), 200);
  t.is(await send(sent(`${value},t=1`)), 401);
  t.is(await send(sent(`t=1,${value}`)), 401);
  t.is(await send(sent(value.replace('v1=', 'v0='))), 401);
  t.is(await send(sent(value.replace(/t=\d+,/, ''))), 401);
  t.is(await send(sent(`${value},nonsense`)), 401);
});

test('every recipe of a callback on the page is tried here', (t) => {
  const names = BLOCKS.flatMap(({ kind, name }) => (kind === 'recipe' && name.endsWith('-webhook') ? [name] : []));
  t.deepEqual(names, Object.keys(RECIPES));
});

interface Pair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const PAIRS = [
  [
    'rsa-sha256',
    'rsa',
    { modulusLength: 2048 },
    (key: KeyObject, body: string) => signBy('sha256', Buffer.from(body), key),
  ],
  ['ed25519', 'ed25519', {}, (key: KeyObject, body: string) => signBy(null, Buffer.from(body), key)],
  [
    'ecdsa-p256-sha256',
    'ec',
    { namedCurve: 'prime256v1' },
    (key: KeyObject, body: string) => signBy('sha256', Buffer.from(body), { key, dsaEncoding: 'ieee-p1363' }),
  ],
] as const;

for (const [algorithm, kind, options, make] of PAIRS) {
  test(`a provider that signs by ${algorithm} is verified with its public key`, async (t) => {
    const [{ privateKey, publicKey }, other] = [0, 1].map(() =>
      generateKeyPairSync(kind as 'rsa', options as { modulusLength: number }),
    ) as [Pair, Pair];
    const shop = await startUpstream(t);
    const profile = {
      credentials: { public_key: { format: 'pem' } },
      verify: [
        {
          text: '{{request.body}}',
          algorithm,
          key: '{{credentials.public_key}}',
          encode: 'base64',
          equals: { header: 'x-signature' },
        },
      ],
    };
    const outrider = await startOutrider(
      t,
      stringify({
        profiles: { hook: profile },
        providers: {
          hook: { profile: 'hook', credentials: { public_key: publicKey.export({ format: 'pem', type: 'spki' }) } },
        },
        callbacks_listen: { address: '127.0.0.1:0' },
        callbacks: [{ match: { path: '/hook' }, verify: 'hook', forward: `${shop.origin}/` }],
      }),
    );
    const send = async (signature: Buffer, body = BODY): Promise<number> => {
      const headers = [...JSON_TYPE, 'X-Signature', signature.toString('base64')];
      return (await httpCall(outrider.callbacksOrigin ?? '', '/hook', { method: 'POST', headers, body })).status;
    };
    t.is(await send(make(other.privateKey, BODY)), 401);
    t.is(await send(make(privateKey, BODY), `${BODY} `), 401);
    t.is(await send(make(privateKey, BODY).subarray(1)), 401);
    t.is(await send(Buffer.alloc(64)), 401);
    t.is(shop.connections, 0);
    t.is(await send(make(privateKey, BODY)), 200);
    // Anybody who has one signature of this kind can make another one of it, so it doesn't tell two callbacks apart.
    t.is(await send(make(privateKey, BODY)), 200);
    t.is(header((await shop.request(2)).headers, 'outrider-callback-seen'), '1');
  });
}
