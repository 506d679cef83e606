import { createSecretKey } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import { type CallOptions, type Outrider, startOutrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { numberedTokens, startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { type Arrival, startUpstream, type Upstream } from '../helpers/upstream.ts';
import { checkAws, checkMessageSignature, checkOAuth1 } from '../profiles/strict-signers.ts';
import type { Received } from '../profiles/strict.ts';

type Check = (received: Received) => string | undefined | Promise<string | undefined>;

async function received(arrival: Arrival): Promise<Received> {
  const { bytes: body } = await arrival.body();
  const { method, target } = arrival;
  const header = (name: string): string | undefined => {
    const values = arrival.headerAll(name);
    return values.length === 0
      ? undefined
      : values.map((value) => value.trim()).join(name.startsWith('x-amz-') ? ',' : ', ');
  };
  return { method, target, header, body };
}

/** A proxy before a server that takes no request but a rightly signed one: others get a 403 that says what is wrong. */
async function start(
  t: ExecutionContext,
  check: Check,
  provider: string,
  { env = {}, profiles = '' }: { readonly env?: Record<string, string>; readonly profiles?: string } = {},
): Promise<{ readonly outrider: Outrider; readonly upstream: Upstream }> {
  const upstream = await startUpstream(t, async (arrival) => {
    const wrong = await check(await received(arrival));
    return arrival.reply(wrong === undefined ? 200 : 403, { body: wrong ?? 'ok' });
  });
  const yaml = `${profiles}\nproviders: { p: ${provider} }\nroutes: [{ match: { path: /p }, provider: p, upstream: "${upstream.origin}/v1" }]`;
  return { upstream, outrider: await startOutrider(t, yaml, { env }) };
}

const AWS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const AWS_ENV = { AWS_SECRET: AWS.secretAccessKey, AWS_SESSION: 'IQoJb3JpZ2luX2VjEXAMPLE==' };
const aws = (service: string, more = ''): string =>
  `{ profile: aws, credentials: { access_key_id: ${AWS.accessKeyId}, secret_access_key: "\${AWS_SECRET}", region: eu-central-1, service: ${service}${more} } }`;

const REQUESTS: readonly (readonly [target: string, options: CallOptions])[] = [
  ['/p', { method: 'GET' }],
  ['/p/a%20b/c%2fd?b=2&a=%7e&c', { method: 'GET', headers: ['Accept', '*/*', 'X-Amz-Meta-Note', '  two   words '] }],
  ['/p/x', { method: 'POST', headers: ['Content-Type', 'application/json'], body: '{"amount": 1.10}' }],
  [
    '/p/x?y=',
    {
      method: 'PUT',
      headers: ['Content-Type', 'a/b', 'X-Amz-Meta-A', '1', 'x-amz-meta-a', '2'],
      body: Buffer.from([0, 255, 10]),
    },
  ],
  ['/p/x?d', { method: 'DELETE' }],
];

for (const service of ['execute-api', 's3']) {
  test(`aws: ${service} takes what was signed, and the bytes are the caller's`, async (t) => {
    const check: Check = (request) => checkAws(request, AWS, { region: 'eu-central-1', service });
    const { outrider, upstream } = await start(t, check, aws(service), { env: AWS_ENV });
    for (const [target, options] of REQUESTS) {
      const { status, text } = await outrider.call(target, options);
      t.is(status, 200, text);
      t.is(upstream.requests.at(-1)?.target, target.replace('/p', '/v1'));
    }
  });
}

test('aws: a session token is signed, and what an SDK with made-up keys sends is replaced', async (t) => {
  const keys = { ...AWS, sessionToken: AWS_ENV.AWS_SESSION };
  const check: Check = (request) => checkAws(request, keys, { region: 'eu-central-1', service: 's3' });
  const { outrider } = await start(t, check, aws('s3', ', session_token: "${AWS_SESSION}"'), { env: AWS_ENV });
  const made = ['Authorization', 'AWS4-HMAC-SHA256 Credential=X/1/r/s3/aws4_request, SignedHeaders=host, Signature=0'];
  const headers = [
    ...made,
    'X-Amz-Date',
    '20200101T000000Z',
    'X-Amz-Security-Token',
    'theirs',
    'x-amz-content-sha256',
    'UNSIGNED-PAYLOAD',
  ];
  const { status, text } = await outrider.call('/p/k', { method: 'PUT', headers, body: 'b' });
  t.is(status, 200, text);
  const without: Check = (request) => checkAws(request, AWS, { region: 'eu-central-1', service: 's3' });
  const other = await start(t, without, aws('s3'), { env: AWS_ENV });
  t.is((await other.outrider.call('/p/k', { method: 'PUT', headers, body: 'b' })).text, 'ok');
});

test('aws: an unsigned payload streams, beyond what a signed body may have', async (t) => {
  const check: Check = (request) =>
    checkAws(request, AWS, { region: 'eu-central-1', service: 's3', takesUnsigned: true });
  const profiles = `
profiles:
  s3-streams:
    extends: aws
    sign:
      - signer: aws-sigv4
        region: "{{credentials.region}}"
        service: s3
        access_key_id: "{{credentials.access_key_id}}"
        secret_access_key: "{{credentials.secret_access_key}}"
        payload: unsigned`;
  const provider = aws('s3').replace('profile: aws', 'profile: s3-streams');
  const { outrider, upstream } = await start(t, check, provider, { env: AWS_ENV, profiles });
  const body = Buffer.alloc(3 * 1024 * 1024, 'x');
  t.is((await outrider.call('/p/k', { method: 'PUT', body })).status, 200);
  t.is(upstream.requests[0]?.header('x-amz-content-sha256'), 'UNSIGNED-PAYLOAD');
  const signed = await start(t, check, aws('s3'), { env: AWS_ENV });
  assertProblem(t, await signed.outrider.call('/p/k', { method: 'PUT', body }), {
    status: 413,
    code: 'body_too_large',
    route: 'p',
  });
  t.is(signed.upstream.requests.length, 0);
});

test('aws: S3 gets a signed body with its length, even one that came in chunks', async (t) => {
  const check: Check = (request) => checkAws(request, AWS, { region: 'eu-central-1', service: 's3' });
  const { outrider, upstream } = await start(t, check, aws('s3'), { env: AWS_ENV });
  const headers = ['Transfer-Encoding', 'chunked'];
  t.is((await outrider.call('/p/k', { method: 'PUT', headers, body: 'twelve bytes' })).text, 'ok');
  t.is(upstream.requests[0]?.header('content-length'), '12');
  t.is((await outrider.call('/p/k', { method: 'GET' })).text, 'ok');
  t.is(upstream.requests[1]?.header('content-length'), undefined);
});

test('aws: a request that nobody can sign for certain is refused, and nothing is sent', async (t) => {
  const { outrider, upstream } = await start(t, () => undefined, aws('sqs'), { env: AWS_ENV });
  assertProblem(t, await outrider.call('/p?q=a+b'), { status: 400, code: 'bad_request', route: 'p' });
  const headers = ['x-amz-content-sha256', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'];
  assertProblem(t, await outrider.call('/p', { method: 'PUT', headers, body: 'b' }), {
    status: 400,
    code: 'bad_body',
    route: 'p',
  });
  t.is(upstream.requests.length, 0);
});

const OAUTH_ENV = { CONSUMER_SECRET: 'kd94hf93k423kf44-consumer', TOKEN_SECRET: 'pfkkdhi9sl3r4s00-token' };
const oauth = (more: string): string =>
  `{ profile: oauth1, credentials: { consumer_key: dpf43f3p2l4k3l03, consumer_secret: "\${CONSUMER_SECRET}"${more} } }`;

test('oauth1: query, form and URL are signed, with a token and without, and no nonce comes twice', async (t) => {
  for (const [more, tokenSecret] of [
    ['', ''],
    [', token: nnch734d00sl2jdk, token_secret: "${TOKEN_SECRET}"', OAUTH_ENV.TOKEN_SECRET],
  ] as const) {
    const nonces = new Set<string | undefined>();
    const check: Check = (request) => {
      nonces.add(/oauth_nonce="([^"]+)"/.exec(request.header('authorization') ?? '')?.[1]);
      return checkOAuth1(request, `${OAUTH_ENV.CONSUMER_SECRET}&${tokenSecret}`);
    };
    const { outrider } = await start(t, check, oauth(more), { env: OAUTH_ENV });
    const form = ['Content-Type', 'application/x-www-form-urlencoded'];
    for (const [target, options] of [
      ...REQUESTS,
      ['/p/x?b5=%3D%253D&a3=a&c%40=&a2=r%20b', { method: 'POST', headers: form, body: 'c2&a3=2+q&%C3%A9=%7E' }],
      ['/p/x', { method: 'GET', headers: ['Authorization', 'OAuth oauth_token="theirs"'] }],
    ] as const) {
      const { status, text } = await outrider.call(target, options);
      t.is(status, 200, text);
    }
    t.is(nonces.size, REQUESTS.length + 2);
  }
});

test('oauth1: a body that is no form streams, whatever its size', async (t) => {
  const check: Check = (request) => checkOAuth1(request, `${OAUTH_ENV.CONSUMER_SECRET}&`);
  const { outrider } = await start(t, check, oauth(''), { env: OAUTH_ENV });
  const body = Buffer.alloc(3 * 1024 * 1024, 'x');
  t.is((await outrider.call('/p/media', { method: 'POST', headers: ['Content-Type', 'image/png'], body })).status, 200);
});

const SHARED = 'a shared secret of the two sides';
/** A token and a signature over it: a rejected token is followed by a replay. */
const SIGNED_TOKEN = (signer: string): string => `
profiles:
  signed-token:
    extends: oauth2
    credentials: { shared: { secret: true }, extra: { optional: true } }
    sign:
      - ${signer}`;

const CHECKS: readonly {
  readonly name: string;
  readonly signer: string;
  readonly check: Check;
  /** What no two attempts share. */
  readonly fresh: readonly string[];
  /** The header that carries the token where the signature needs Authorization. */
  readonly tokenHeader?: string;
}[] = [
  {
    name: 'http-message-signature',
    signer: `{ signer: http-message-signature, components: ["@method", "@target-uri", authorization, content-digest, content-length], key_id: k, key: "{{credentials.shared}}", algorithm: hmac-sha256 }`,
    check: (request) =>
      checkMessageSignature(request, {
        key: createSecretKey(Buffer.from(SHARED)),
        algorithm: 'hmac-sha256',
        id: 'k',
        covered: ['authorization', 'content-digest', 'content-length'],
      }),
    fresh: ['authorization', 'signature', 'signature-input'],
  },
  {
    name: 'aws-sigv4',
    signer: `{ signer: aws-sigv4, region: eu-west-1, service: execute-api, access_key_id: AKIDEXAMPLE, secret_access_key: "{{credentials.shared}}" }`,
    check: (request) =>
      checkAws(request, { ...AWS, secretAccessKey: SHARED }, { region: 'eu-west-1', service: 'execute-api' }),
    fresh: ['authorization', 'x-amz-date'],
    tokenHeader: 'x-amz-access-token',
  },
  {
    name: 'oauth1',
    signer: `{ signer: oauth1, consumer_key: k, consumer_secret: "{{credentials.shared}}", body_hash: true }`,
    check: (request) => checkOAuth1(request, `${encodeURIComponent(SHARED)}&`),
    fresh: ['authorization', 'x-token'],
    tokenHeader: 'x-token',
  },
];

for (const { name, signer, check, fresh, tokenHeader } of CHECKS) {
  test(`${name}: a rejected token is followed by one replay, with everything computed anew`, async (t) => {
    const clock = fakeClock();
    const tokens = await startTokenEndpoint(t, numberedTokens);
    const upstream = await startUpstream(t, async (arrival, n) => {
      const wrong = await check(await received(arrival));
      await clock.advance(6_000);
      return arrival.reply(wrong === undefined ? (n === 1 ? 401 : 200) : 403, { body: wrong ?? 'ok' });
    });
    const profiles = SIGNED_TOKEN(signer).replace(
      '    sign:',
      tokenHeader === undefined
        ? '    sign:'
        : `    inject: { headers: { authorization: null, ${tokenHeader}: "{{token.access_token}}" } }\n    sign:`,
    );
    const outrider = await startOutrider(
      t,
      `${profiles}
providers:
  p: { profile: signed-token, endpoints: { token: "${tokens.url}" }, renew: { cooldown: 0s }, credentials: { client_id: c, client_secret: of the client, shared: "\${SHARED}" } }
routes: [{ match: { path: /p }, provider: p, upstream: "${upstream.origin}" }]`,
      { clock, env: { SHARED } },
    );
    const { status, text } = await outrider.call('/p/pay?x=1', {
      body: '{"amount":1.10}',
      headers: ['Content-Type', 'application/json'],
    });
    t.is(status, 200, text);
    const [first, second, ...more] = upstream.requests;
    t.deepEqual(more, []);
    for (const header of fresh) t.not(first?.header(header), second?.header(header), header);
    t.deepEqual((await first?.body())?.bytes, (await second?.body())?.bytes);
  });
}

test('a token call is signed by a signer as well, anew for each call', async (t) => {
  const clock = fakeClock();
  const scope = { region: 'eu-west-1', service: 'sts' };
  const calls: string[] = [];
  const tokens = await startUpstream(t, async (arrival, n) => {
    const wrong = checkAws(await received(arrival), { ...AWS, secretAccessKey: SHARED }, scope);
    calls.push(arrival.header('authorization') ?? '');
    const body = wrong === undefined ? { access_token: `token-number-${n}`, expires_in: 60 } : { error: wrong };
    return arrival.reply(wrong === undefined ? 200 : 403, {
      headers: ['Content-Type', 'application/json'],
      body: JSON.stringify(body),
    });
  });
  const upstream = await startUpstream(t, (arrival) =>
    arrival.reply(200, { body: arrival.header('authorization') ?? '' }),
  );
  const outrider = await startOutrider(
    t,
    `
scrub: off
profiles:
  signed-call:
    credentials: { shared: { secret: true } }
    token:
      fetch:
        method: POST
        url: "{{endpoints.token}}"
        form: { Action: GetToken, Version: "2011-06-15" }
        sign:
          - { signer: aws-sigv4, region: eu-west-1, service: sts, access_key_id: AKIDEXAMPLE, secret_access_key: "{{credentials.shared}}" }
      read: { access_token: /access_token, expiry: [{ in: /expires_in }] }
    inject: { headers: { authorization: "Bearer {{token.access_token}}" } }
providers: { p: { profile: signed-call, endpoints: { token: "${tokens.origin}/sts?x=1" }, credentials: { shared: "\${SHARED}" } } }
routes: [{ match: { path: /p }, provider: p, upstream: "${upstream.origin}" }]`,
    { clock, env: { SHARED } },
  );
  t.is((await outrider.call('/p')).text, 'Bearer token-number-1');
  await clock.advance(61_000);
  t.is((await outrider.call('/p')).text, 'Bearer token-number-2');
  t.is(new Set(calls).size, 2);
});

test("http-message-signature: the caller's own signature and digest do not go out beside ours", async (t) => {
  const check: Check = (request) => {
    const { header } = request;
    if (`${header('signature')}${header('signature-input')}`.includes('theirs')) return 'theirs is still there';
    return checkMessageSignature(request, {
      key: createSecretKey(Buffer.from(SHARED)),
      algorithm: 'hmac-sha256',
      id: 'k',
      covered: ['content-digest'],
    });
  };
  const profiles = `
profiles:
  signed:
    credentials: { shared: { secret: true } }
    sign: [{ signer: http-message-signature, components: ["@method", content-digest], key_id: k, key: "{{credentials.shared}}", algorithm: hmac-sha256 }]`;
  const { outrider, upstream } = await start(t, check, '{ profile: signed, credentials: { shared: "${SHARED}" } }', {
    env: { SHARED },
    profiles,
  });
  const theirs = [
    'Signature',
    'sig1=:dGhlaXJz:, theirs=:dGhlaXJz:',
    'Signature-Input',
    'sig1=();created=1, theirs=()',
    'Content-Digest',
    'sha-256=:AAAA:',
  ];
  const { status, text } = await outrider.call('/p', { method: 'POST', headers: [...theirs, ...theirs], body: 'b' });
  t.is(status, 200, text);
  for (const name of ['signature', 'signature-input', 'content-digest'])
    t.is(upstream.requests[0]?.headerAll(name).length, 1);
});

test('http-message-signature: a body in chunks goes out with the Content-Length that is covered', async (t) => {
  const check: Check = (request) =>
    checkMessageSignature(request, {
      key: createSecretKey(Buffer.from(SHARED)),
      algorithm: 'hmac-sha256',
      id: 'k',
      covered: ['content-length'],
    });
  const profiles = `
profiles:
  signed:
    credentials: { shared: { secret: true } }
    sign: [{ signer: http-message-signature, components: [content-length, x-shop], key_id: k, key: "{{credentials.shared}}", algorithm: hmac-sha256 }]`;
  const { outrider, upstream } = await start(t, check, '{ profile: signed, credentials: { shared: "${SHARED}" } }', {
    env: { SHARED },
    profiles,
  });
  const headers = ['Transfer-Encoding', 'chunked', 'X-Shop', 'a', 'x-shop', ' b '];
  const { status, text } = await outrider.call('/p', { method: 'POST', headers, body: 'twelve bytes' });
  t.is(status, 200, text);
  t.is(upstream.requests[0]?.header('content-length'), '12');
  assertProblem(t, await outrider.call('/p', { method: 'POST', body: 'b' }), {
    status: 400,
    code: 'bad_request',
    route: 'p',
  });
  t.is(upstream.requests.length, 1);
});
