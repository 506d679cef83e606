import { generateKeyPairSync, randomUUID } from 'node:crypto';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { decodeProtectedHeader, jwtVerify, type JWTPayload } from 'jose';
import { keepSecret } from '../helpers/canary.ts';
import { fakeClock, type FakeClock } from '../helpers/clock.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { startTokenEndpoint, type TokenAnswer, type TokenCall, type TokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream, type Upstream } from '../helpers/upstream.ts';
import { blockOf } from './page.ts';

const PAIR = generateKeyPairSync('rsa', { modulusLength: 2048 });
const KEY = PAIR.privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
keepSecret('the private key', KEY);

/** A token endpoint that takes each JWT once, and only one that is exactly right: checked by another library than ours. */
class Verifier {
  readonly #clock: FakeClock;
  readonly #seen = new Set<string>();

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  async verify(jwt: string, claims: { issuer: string; audience?: string; longestS: number }): Promise<JWTPayload> {
    const { issuer, audience, longestS } = claims;
    const { payload } = await jwtVerify(jwt, PAIR.publicKey, {
      issuer,
      ...(audience !== undefined && { audience }),
      algorithms: ['RS256'],
      typ: 'JWT',
      currentDate: new Date(this.#clock.now()),
      requiredClaims: ['exp', 'iat'],
    });
    if ((payload.exp ?? Infinity) - (payload.iat ?? 0) > longestS) throw new Error('it lives too long');
    if (this.#seen.has(jwt)) throw new Error('it was used before');
    this.#seen.add(jwt);
    return payload;
  }
}

const refused = (error: unknown): TokenAnswer => ({
  status: 400,
  body: { error: 'invalid_grant', error_description: String(error) },
});

interface World {
  readonly clock: FakeClock;
  readonly verifier: Verifier;
  readonly tokens: TokenEndpoint;
  readonly upstream: Upstream;
}

/** A token endpoint and an API that takes nothing but its last token. */
async function startWorld(
  t: ExecutionContext,
  answer: (call: TokenCall, world: World) => Promise<TokenAnswer>,
): Promise<World> {
  let valid = '';
  const clock = fakeClock();
  const tokens = await startTokenEndpoint(t, async (call) => {
    try {
      const { status = 200, body } = await answer(call, world);
      valid = `token-of-${randomUUID()}`;
      const text = JSON.stringify(body).replace('TOKEN', valid);
      return { status, body: text, headers: { date: new Date(clock.now()).toUTCString() } };
    } catch (error) {
      return refused(error);
    }
  });
  const upstream = await startUpstream(t, async (arrival) => {
    await arrival.body();
    const isValid = arrival.header('authorization') === `Bearer ${valid}`;
    return arrival.reply(isValid ? 200 : 401, { body: isValid ? 'ok' : 'no' });
  });
  const world: World = { clock, verifier: new Verifier(clock), tokens, upstream };
  return world;
}

const oauth = { body: { access_token: 'TOKEN', token_type: 'Bearer', expires_in: 3600 } };
const isForm = (call: TokenCall, expected: Readonly<Record<string, string>>): void => {
  const found = Object.fromEntries(call.form);
  for (const name of ['assertion', 'client_assertion']) delete found[name];
  if (JSON.stringify(found) !== JSON.stringify(expected)) throw new Error(`the form is ${JSON.stringify(found)}`);
};

/** One request, a rejection with a renewal, and a second token that a new JWT got. */
async function tries(t: ExecutionContext, { tokens, upstream, clock }: World, yaml: string, path: string, env = {}) {
  const outrider = await startOutrider(t, yaml, { clock, env });
  const first = await outrider.call(path);
  t.is(first.status, 200, first.text + outrider.logText());
  t.is((await outrider.call(path)).status, 200);
  t.is(tokens.calls.length, 1, 'one token for both');
  await clock.advance(600_000);
  const { handler } = upstream;
  let rejections = 1;
  upstream.handler = (arrival, index) => (rejections-- > 0 ? arrival.reply(401) : handler(arrival, index));
  t.is((await outrider.call(path)).status, 200, 'rejected, renewed and sent again');
  t.is(tokens.calls.length, 2, 'by a new JWT: no JWT is taken twice');
  return outrider;
}

const provider = (profile: string, tokens: string, credentials: object, upstream: string): string => `providers:
  p: { profile: ${profile}, endpoints: { token: "${tokens}" }, credentials: ${JSON.stringify(credentials)}, scope: [read, write] }
routes: [{ match: { path: /p }, provider: p, upstream: "${upstream}" }]
`;

const CLIENT = 'shop-1';

test('oauth2-jwt: the client shows a JWT of its own, for the token endpoint', async (t) => {
  const world = await startWorld(t, async (call, { verifier, tokens }) => {
    isForm(call, {
      grant_type: 'client_credentials',
      client_id: CLIENT,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      scope: 'read write',
    });
    const jwt = call.form.get('client_assertion') ?? '';
    const { sub, jti } = await verifier.verify(jwt, { issuer: CLIENT, audience: tokens.url, longestS: 300 });
    if (sub !== CLIENT || jti === undefined) throw new Error('sub or jti');
    if (decodeProtectedHeader(jwt).kid !== 'k1') throw new Error('kid');
    return oauth;
  });
  const credentials = { client_id: CLIENT, private_key: KEY, key_id: 'k1' };
  await tries(t, world, provider('oauth2-jwt', world.tokens.url, credentials, world.upstream.origin), '/p/x');
});

test('jwt-bearer: the JWT is the grant; what is optional is left out', async (t) => {
  const world = await startWorld(t, async (call, { verifier }) => {
    isForm(call, { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', scope: 'read write' });
    const jwt = call.form.get('assertion') ?? '';
    const claims = await verifier.verify(jwt, { issuer: CLIENT, audience: 'https://bank.example', longestS: 180 });
    if ('sub' in claims) throw new Error('an empty sub');
    if ('kid' in decodeProtectedHeader(jwt)) throw new Error('an empty kid');
    return oauth;
  });
  const locked = PAIR.privateKey.export({
    format: 'pem',
    type: 'pkcs8',
    cipher: 'aes-256-cbc',
    passphrase: 'open-sesame-42',
  });
  const key = { private_key: locked, key_password: 'open-sesame-42' };
  const credentials = { issuer: CLIENT, audience: 'https://bank.example', ...key };
  await tries(t, world, provider('jwt-bearer', world.tokens.url, credentials, world.upstream.origin), '/p/x');
});

test('token-exchange: a token is exchanged, with what RFC 8693 asks for and nothing empty', async (t) => {
  const world = await startWorld(t, (call) => {
    isForm(call, {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: 'the-token-of-another-issuer',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      audience: 'orders',
      scope: 'read write',
    });
    return Promise.resolve({
      body: { ...oauth.body, issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' },
    });
  });
  const credentials = { subject_token: 'the-token-of-another-issuer', audience: 'orders' };
  await tries(t, world, provider('token-exchange', world.tokens.url, credentials, world.upstream.origin), '/p/x');
});

/** A file of the page with its hosts replaced by our own. */
const file = (name: string, hosts: Readonly<Record<string, string>>): string =>
  Object.entries(hosts).reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the page has no ${from}`);
    return text.replaceAll(from, to);
  }, blockOf('file', name).text);

test('Google, by the page: a service account with its scopes in the JWT', async (t) => {
  const scope = 'https://www.googleapis.com/auth/cloud-platform';
  const world = await startWorld(t, async (call, { verifier, tokens }) => {
    isForm(call, { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer' });
    const issuer = 'shop@project.iam.gserviceaccount.com';
    const jwt = call.form.get('assertion') ?? '';
    const claims = await verifier.verify(jwt, { issuer, audience: tokens.url, longestS: 3600 });
    if (claims['scope'] !== scope || decodeProtectedHeader(jwt).kid !== 'google-key') throw new Error('scope or kid');
    return oauth;
  });
  const hosts = {
    'https://oauth2.googleapis.com/token': world.tokens.url,
    'https://storage.googleapis.com': world.upstream.origin,
  };
  await tries(t, world, file('google', hosts), '/storage/b', {
    GOOGLE_CLIENT_EMAIL: 'shop@project.iam.gserviceaccount.com',
    // As it stands in the JSON file.
    GOOGLE_PRIVATE_KEY: KEY.replaceAll('\n', String.raw`\n`),
    GOOGLE_PRIVATE_KEY_ID: 'google-key',
  });
});

test('GitHub, by the page: a JWT of the App gets the token of an installation', async (t) => {
  const world = await startWorld(t, async (call, { verifier, clock }) => {
    if (call.method !== 'POST' || call.url !== '/oauth/token/app/installations/99/access_tokens')
      throw new Error(call.url);
    if (call.body !== '' || call.headers.accept !== 'application/vnd.github+json') throw new Error('body or accept');
    const [scheme, jwt = ''] = (call.headers.authorization ?? '').split(' ');
    if (scheme !== 'Bearer') throw new Error('scheme');
    await verifier.verify(jwt, { issuer: 'Iv1.shop', longestS: 600 });
    return { status: 201, body: { token: 'TOKEN', expires_at: new Date(clock.now() + 3_600_000).toISOString() } };
  });
  const yaml = `${blockOf('file', 'github').text.replace('environment: production', `environment: production\n    endpoints: { api: "${world.tokens.url}" }`)}`;
  const routed = yaml.replace('provider: github }', `provider: github, upstream: "${world.upstream.origin}" }`);
  await tries(t, world, routed, '/github/user', {
    GITHUB_APP_CLIENT_ID: 'Iv1.shop',
    GITHUB_INSTALLATION_ID: '99',
    // GitHub hands out PKCS#1.
    GITHUB_PRIVATE_KEY: PAIR.privateKey.export({ format: 'pem', type: 'pkcs1' }) as string,
  });
});

test('Salesforce, by the page: the JWT names a user, and is for the login host', async (t) => {
  const world = await startWorld(t, async (call, { verifier }) => {
    isForm(call, { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer' });
    const audience = 'https://login.salesforce.com';
    const jwt = call.form.get('assertion') ?? '';
    const { sub } = await verifier.verify(jwt, { issuer: 'consumer-key', audience, longestS: 180 });
    if (sub !== 'robot@acme.example') throw new Error('sub');
    return { body: { access_token: 'TOKEN', token_type: 'Bearer', instance_url: 'https://acme.my.salesforce.com' } };
  });
  const hosts = {
    'https://login.salesforce.com/services/oauth2/token': world.tokens.url,
    'https://acme.my.salesforce.com': world.upstream.origin,
  };
  await tries(t, world, file('salesforce', hosts), '/salesforce/services/data', {
    SALESFORCE_CONSUMER_KEY: 'consumer-key',
    SALESFORCE_USERNAME: 'robot@acme.example',
    SALESFORCE_PRIVATE_KEY: KEY,
  });
});

test('a wrong key is told as what it is: the provider refused, and nothing of the JWT is shown', async (t) => {
  const world = await startWorld(t, async (call, { verifier }) => {
    await verifier.verify(call.form.get('assertion') ?? '', { issuer: 'somebody-else', longestS: 1 });
    return oauth;
  });
  const yaml = provider('jwt-bearer', world.tokens.url, { issuer: CLIENT, private_key: KEY }, world.upstream.origin);
  const outrider = await startOutrider(t, yaml);
  const answer = await outrider.call('/p/x');
  const { detail } = assertProblem(t, answer, { status: 503, code: 'token_unavailable', route: 'p' });
  t.is(detail, `${new URL(world.tokens.url).host} refused the call: invalid_grant (status 400)`);
  t.false(outrider.logText().includes('eyJ'));
});
