import test from 'ava';
import { parseConfig } from '../../src/config/load.ts';
import { fakeClock } from '../helpers/clock.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import type { TokenCall } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import type { Arrival } from '../helpers/upstream.ts';
import { BLOCKS, blockOf, yamlOf } from './page.ts';

/** A provider as its public documentation describes it. */
interface Documented {
  readonly credentials: Readonly<Record<string, string>>;
  /** Whether the token call is as the provider wants it. */
  readonly wants: (call: TokenCall) => boolean;
  /** The answer for a token that ends after `lifetimeS`. */
  readonly grants: (token: string, nowS: number) => object;
  readonly lifetimeS: number;
  readonly accepts: (arrival: Arrival, token: string) => boolean;
  readonly rejection: { readonly status: number; readonly body: object };
  /** An answer that looks like the rejection and is none. */
  readonly other?: { readonly status: number; readonly body: object };
  /** What its token endpoint says when it gives none, and what is shown of that behind the host. */
  readonly failures?: readonly { readonly status: number; readonly body: object; readonly says: string }[];
}

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const bearer = (arrival: Arrival, token: string): boolean => arrival.header('authorization') === `Bearer ${token}`;
const unauthorized = { status: 401, body: { error: 'invalid_token' } };
const json = (call: TokenCall): unknown =>
  call.headers['content-type'] === 'application/json' ? JSON.parse(call.body) : undefined;
const same = (found: unknown, expected: object): boolean => JSON.stringify(found) === JSON.stringify(expected);

const PROVIDERS: Readonly<Record<string, Documented>> = {
  paypal: {
    credentials: { client_id: 'pp-id', client_secret: 'pp-secret' },
    wants: ({ method, headers, body }) =>
      method === 'POST' &&
      headers.authorization === basic('pp-id', 'pp-secret') &&
      headers['content-type'] === 'application/x-www-form-urlencoded' &&
      body === 'grant_type=client_credentials',
    grants: (token) => ({
      scope: 'openid',
      access_token: token,
      token_type: 'Bearer',
      app_id: 'A',
      expires_in: 31_668,
    }),
    lifetimeS: 31_668,
    accepts: bearer,
    rejection: unauthorized,
    failures: [
      {
        status: 401,
        body: { error: 'invalid_client', error_description: 'Client Authentication failed' },
        says: 'refused the credentials: invalid_client (status 401)',
      },
    ],
  },
  zoho: {
    credentials: { client_id: '1000.ZO', client_secret: 'zo-secret', refresh_token: '1000.zo-refresh' },
    wants: ({ method, headers, form }) =>
      method === 'POST' &&
      headers['content-type'] === 'application/x-www-form-urlencoded' &&
      same(Object.fromEntries(form), {
        grant_type: 'refresh_token',
        client_id: '1000.ZO',
        client_secret: 'zo-secret',
        refresh_token: '1000.zo-refresh',
      }),
    // The older of its two shapes; the newer has the seconds in `expires_in`, and nothing else.
    grants: (token) => ({
      access_token: token,
      expires_in_sec: 3_600,
      api_domain: 'https://www.zohoapis.com',
      token_type: 'Bearer',
      expires_in: 3_600_000,
    }),
    lifetimeS: 3_600,
    accepts: (arrival, token) => arrival.header('authorization') === `Zoho-oauthtoken ${token}`,
    rejection: { status: 401, body: { code: 'INVALID_TOKEN', details: {}, message: 'invalid oauth token' } },
    failures: [
      { status: 200, body: { error: 'invalid_code' }, says: 'answered without a token: invalid_grant' },
      { status: 200, body: { error: 'invalid_client' }, says: 'answered without a token: invalid_client' },
    ],
  },
  setu: {
    credentials: { client_id: 'se-id', secret: 'se-secret', product_instance_id: '42' },
    wants: (call) => call.method === 'POST' && same(json(call), { clientID: 'se-id', secret: 'se-secret' }),
    grants: (token) => ({ status: 200, success: true, data: { expiresIn: 1_799, token } }),
    lifetimeS: 1_799,
    accepts: (arrival, token) => bearer(arrival, token) && arrival.header('x-setu-product-instance-id') === '42',
    rejection: unauthorized,
  },
  vipps: {
    credentials: { client_id: 'vi-id', client_secret: 'vi-secret', subscription_key: 'vi-subscription' },
    wants: ({ method, headers, body }) =>
      method === 'POST' &&
      headers['client_id'] === 'vi-id' &&
      headers['client_secret'] === 'vi-secret' &&
      headers['ocp-apim-subscription-key'] === 'vi-subscription' &&
      body === '',
    grants: (token, nowS) => ({
      token_type: 'Bearer',
      expires_in: '3600',
      ext_expires_in: '3600',
      expires_on: String(nowS + 3_600),
      not_before: String(nowS),
      access_token: token,
    }),
    lifetimeS: 3_600,
    accepts: (arrival, token) =>
      bearer(arrival, token) && arrival.header('ocp-apim-subscription-key') === 'vi-subscription',
    rejection: unauthorized,
  },
  mpesa: {
    credentials: { consumer_key: 'mp-key', consumer_secret: 'mp-secret' },
    wants: ({ method, headers, url, body }) =>
      method === 'GET' &&
      url.endsWith('?grant_type=client_credentials') &&
      headers.authorization === basic('mp-key', 'mp-secret') &&
      body === '',
    grants: (token) => ({ access_token: token, expires_in: '3599' }),
    lifetimeS: 3_599,
    accepts: bearer,
    rejection: { status: 404, body: { errorCode: '404.001.03', errorMessage: 'Invalid Access Token' } },
    other: { status: 404, body: { errorCode: '404.001.01', errorMessage: 'Resource not found' } },
    failures: [
      {
        status: 400,
        body: { requestId: '1', errorCode: '400.008.01', errorMessage: 'Invalid Authentication passed' },
        says: 'refused the credentials: invalid_client (status 400)',
      },
      {
        status: 400,
        body: { requestId: '1', errorCode: '400.008.02', errorMessage: 'Invalid grant type passed' },
        says: 'refused the call: unsupported_grant_type (status 400)',
      },
    ],
  },
  cashfree: {
    credentials: { client_id: 'cf-id', client_secret: 'cf-secret' },
    wants: ({ method, headers }) =>
      method === 'POST' && headers['x-client-id'] === 'cf-id' && headers['x-client-secret'] === 'cf-secret',
    grants: (token, nowS) => ({ status: 'SUCCESS', subCode: '200', data: { token, expiry: nowS + 299 } }),
    lifetimeS: 299,
    accepts: bearer,
    rejection: { status: 200, body: { status: 'ERROR', subCode: '403', message: 'Token is not valid' } },
    other: { status: 200, body: { status: 'ERROR', subCode: '422', message: 'Not enough balance' } },
  },
  peach: {
    credentials: { client_id: 'pe-id', client_secret: 'pe-secret', merchant_id: 'pe-merchant' },
    wants: (call) => same(json(call), { clientId: 'pe-id', clientSecret: 'pe-secret', merchantId: 'pe-merchant' }),
    grants: (token) => ({ access_token: token, token_type: 'Bearer', expires_in: 14_400 }),
    lifetimeS: 14_400,
    accepts: bearer,
    rejection: unauthorized,
  },
};

/** A file whose one provider has the page's recipe. */
function yamlWith(name: string, provider: Documented, token: string, upstream: string): string {
  const config = {
    profiles: { own: yamlOf(blockOf('recipe', name).text) },
    providers: { p: { profile: 'own', credentials: provider.credentials, endpoints: { token } } },
    routes: [{ match: { path: '/p' }, provider: 'p', upstream }],
  };
  const yaml = Object.entries(config).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  return yaml.join('\n');
}

for (const [name, provider] of Object.entries(PROVIDERS)) {
  test(`${name}, by the page's recipe: there is nothing to say against it`, (t) => {
    const yaml = `version: 1\n${yamlWith(name, provider, 'https://id.example/token', 'https://api.example')}`;
    t.deepEqual(parseConfig(yaml, '/proxy.config.yaml', { env: {} }).diagnostics, []);
  });

  for (const { status, body, says } of provider.failures ?? [])
    test(`${name}, by the page's recipe: ${JSON.stringify(body)} is shown as "${says}"`, async (t) => {
      const tokens = await startTokenEndpoint(t, () => ({ status, body: body as Record<string, unknown> }));
      const outrider = await startOutrider(t, yamlWith(name, provider, tokens.url, 'https://api.example'));
      const answer = await outrider.call('/p/x', { body: '{}' });
      const { detail } = assertProblem(t, answer, { status: 503, code: 'token_unavailable', route: 'p' });
      t.is(detail, `${new URL(tokens.url).host} ${says}`);
      t.true(outrider.logText().includes(says));
    });

  test(`${name}, by the page's recipe: its token is got, kept, renewed in time and after a rejection`, async (t) => {
    const clock = fakeClock();
    let valid = '';
    const tokens = await startTokenEndpoint(t, (call) => {
      if (!provider.wants(call)) return { status: 400, body: 'that is not how the call is documented' };
      valid = `${name}-token-${call.n}`;
      // Its clock is ten minutes ahead of ours.
      const theirsMs = clock.now() + 600_000;
      const headers = { date: new Date(theirsMs).toUTCString() };
      return { body: provider.grants(valid, theirsMs / 1000) as Record<string, unknown>, headers };
    });
    const upstream = await startUpstream(t, async (arrival) => {
      await arrival.body();
      if (provider.accepts(arrival, valid)) return arrival.reply(200, { body: '{"subCode":"200"}' });
      return arrival.reply(provider.rejection.status, { body: JSON.stringify(provider.rejection.body) });
    });
    const outrider = await startOutrider(t, yamlWith(name, provider, tokens.url, upstream.origin), { clock });
    const call = async (): Promise<string> => {
      const { status, text } = await outrider.call('/p/x', { body: '{}' });
      return `${status} ${text}`;
    };
    const fine = '200 {"subCode":"200"}';

    t.is(await call(), fine);
    await clock.advance(provider.lifetimeS * 500);
    t.is(await call(), fine);
    t.is(tokens.calls.length, 1, 'kept for half of its life');

    valid = 'none of them';
    t.is(await call(), fine, 'rejected, renewed and sent again');
    t.is(tokens.calls.length, 2);
    t.deepEqual(
      (await outrider.logged(3)).map(({ attempts }) => attempts),
      [1, 1, 2],
    );

    await clock.advance(provider.lifetimeS * 1_000);
    t.is(await call(), fine);
    t.true(tokens.calls.length > 2, 'not used beyond its life');

    const { other } = provider;
    if (!other) return;
    const before = tokens.calls.length;
    upstream.handler = (arrival) => arrival.reply(other.status, { body: JSON.stringify(other.body) });
    t.is(await call(), `${other.status} ${JSON.stringify(other.body)}`);
    t.is(tokens.calls.length, before);
  });
}

test('every recipe on the page but those of callbacks is tried, here or among those with a fixed key', (t) => {
  const names = BLOCKS.filter(({ kind, name }) => kind === 'recipe' && !name.endsWith('-webhook')).map(
    (block) => block.name,
  );
  t.deepEqual(names.toSorted(), [...Object.keys(PROVIDERS), 'juspay'].toSorted());
});
