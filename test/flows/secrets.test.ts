import test from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import { httpCall, startOutrider } from '../helpers/outrider.ts';
import { granted, startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';

/** One canary for each secret there is. None may be seen, in no coding of it. */
const CANARIES = {
  clientSecret: 'canary-CLIENT-secret/+=1',
  accessToken1: 'canary-ACCESS-token-1',
  accessToken2: 'canary-ACCESS-token-2',
  refreshToken: 'canary-REFRESH-token',
  apiKey: 'canary-API-key&value',
  password: 'canary-PASSWORD-value',
  proxyToken: 'canary-PROXY-token',
  adminToken: 'canary-ADMIN-token',
  callersOwn: 'canary-CALLERS-own',
  query: 'canary-QUERY-value',
} as const;

const codings = (text: string): string[] => [
  text,
  encodeURIComponent(text),
  Buffer.from(text).toString('base64').replaceAll('=', ''),
  Buffer.from(text).toString('base64url'),
  Buffer.from(text).toString('hex'),
  JSON.stringify(text).slice(1, -1),
];

/** The canaries that can be seen in `text`, a secret within a Basic credential too. */
const seenIn = (text: string): string[] =>
  Object.entries({ ...CANARIES, basic: `canary-user:${CANARIES.password}` })
    .filter(([, canary]) => codings(canary).some((coded) => text.includes(coded)))
    .map(([name]) => name);

test('no secret shows in logs, errors or metrics, whatever goes wrong', async (t) => {
  const clock = fakeClock();
  const upstream = await startUpstream(t, async (arrival) => {
    const { bytes } = await arrival.body();
    // All that came goes back, and callers must not find our secrets in it.
    const echo = arrival.headers.filter((_, i) => i % 2 === 1).join(' ');
    await arrival.reply(200, { headers: ['X-Echo', echo], body: `${arrival.head}${bytes.toString()}` });
  });
  const tokens = await startTokenEndpoint(t, () => ({
    body: { access_token: CANARIES.accessToken1, refresh_token: CANARIES.refreshToken, expires_in: 3600 },
  }));
  const outrider = await startOutrider(
    t,
    `
listen: { address: 127.0.0.1:0, access_tokens: ["\${PROXY_TOKEN}"] }
admin: { address: 127.0.0.1:0, token: "\${ADMIN_TOKEN}" }
log: { format: json, level: debug }
timeouts: { response: 500ms }
profiles:
  refreshing:
    extends: oauth2
    token: { refresh: { form: { grant_type: refresh_token, refresh_token: "{{token.refresh_token}}", client_secret: "{{credentials.client_secret}}" } }, read: { refresh_token: /refresh_token } }
providers:
  oauth: { profile: refreshing, credentials: { client_id: me, client_secret: "\${CLIENT_SECRET}" }, endpoints: { token: "${tokens.url}" } }
  key: { profile: query-key, credentials: { name: api_key, value: "\${API_KEY}" } }
  pass: { profile: basic, credentials: { username: canary-user, password: "\${PASSWORD}" } }
routes:
  - { name: oauth, match: { path: /oauth }, provider: oauth, upstream: "${upstream.origin}" }
  - { name: key, match: { path: /key }, provider: key, upstream: "${upstream.origin}" }
  - { name: pass, match: { path: /pass }, provider: pass, upstream: "${upstream.origin}" }
  - { name: down-oauth, match: { path: /down-oauth }, provider: oauth, upstream: "http://127.0.0.1:1" }
  - { name: down-key, match: { path: /down-key }, provider: key, upstream: "http://127.0.0.1:1" }
  - { name: bare, match: { path: /bare }, upstream: "${upstream.origin}" }`,
    {
      clock,
      env: {
        CLIENT_SECRET: CANARIES.clientSecret,
        API_KEY: CANARIES.apiKey,
        PASSWORD: CANARIES.password,
        PROXY_TOKEN: CANARIES.proxyToken,
        ADMIN_TOKEN: CANARIES.adminToken,
      },
    },
  );
  const ours: string[] = [];
  const received: string[] = [];
  const call = async (target: string, token: string = CANARIES.proxyToken): Promise<number> => {
    const answer = await outrider.call(`${target}?q=${CANARIES.query}`, {
      body: `body ${CANARIES.callersOwn}`,
      headers: [
        'Authorization',
        `Bearer ${CANARIES.callersOwn}`,
        'X-Outrider-Token',
        token,
        'Cookie',
        CANARIES.callersOwn,
      ],
    });
    received.push(answer.text + answer.headers.join('\n'));
    if (answer.header('content-type')?.startsWith('application/problem+json'))
      ours.push(answer.text + answer.headers.join('\n'));
    return answer.status;
  };

  t.is(await call('/oauth/x'), 200);
  t.is(await call('/key/x'), 200);
  t.is(await call('/pass/x'), 200);
  t.is(await call('/bare/x'), 200);

  // The positive control: each secret was really in play, where it belongs.
  const wire = upstream.requests.map(({ head }) => head).join('') + tokens.calls.map(({ body }) => body).join('');
  t.deepEqual(seenIn(wire).toSorted(), [
    'accessToken1',
    'apiKey',
    'basic',
    'callersOwn',
    'clientSecret',
    'password',
    'query',
  ]);

  t.deepEqual(
    seenIn(received.join('\n')).toSorted(),
    ['callersOwn', 'query'],
    'callers get back what is their own alone',
  );

  await clock.advance(10_000);
  upstream.handler = (arrival) => arrival.reply(401, { body: 'no' });
  tokens.script = () => ({ status: 400, body: `{"error":"bad ${CANARIES.clientSecret} ${CANARIES.refreshToken}"}` });
  t.is(await call('/oauth/x'), 401);
  t.true(seenIn(tokens.calls.map(({ body }) => body).join()).includes('refreshToken'), 'positive control');
  await clock.advance(120_000);
  tokens.script = () => granted(CANARIES.accessToken2);
  t.is(await call('/oauth/x'), 401);
  await clock.advance(4_000_000);
  tokens.script = () => granted(`${CANARIES.accessToken2}\nX: 1`);
  t.is(await call('/oauth/x'), 503);
  upstream.handler = (arrival) => arrival.reset();
  t.is(await call('/key/x'), 502);
  upstream.handler = (arrival) => arrival.write(`nonsense ${arrival.head}`);
  t.is(await call('/pass/x'), 502);
  upstream.handler = (arrival) => arrival.reply(200);
  t.is(await call('/down-key/x'), 502);
  await tokens.close();
  await clock.advance(120_000);
  t.is(await call('/down-oauth/x'), 503);
  t.is(await call('/nowhere'), 404);
  t.is(await call('/oauth/x', CANARIES.adminToken), 401);
  t.is(await call(`/bare/../${CANARIES.callersOwn.length}`), 400);

  // A caller who puts a secret where the log would show it: it is known by its value.
  t.is(await call(`/bare/${CANARIES.password}`), 200);
  t.is(await call(`/nowhere/${CANARIES.clientSecret}`), 404);
  ours.pop();
  await outrider.call('/bare/x', {
    headers: ['X-Request-Id', CANARIES.proxyToken, 'X-Outrider-Token', CANARIES.proxyToken],
  });

  const admin = await Promise.all(
    ['/metrics', '/readyz?verbose', '/livez', '/'].map((path) =>
      httpCall(outrider.adminOrigin ?? '', path, { headers: ['Authorization', `Bearer ${CANARIES.adminToken}`] }),
    ),
  );
  await outrider.logged(17);
  t.true(ours.length >= 7);
  t.deepEqual(seenIn(ours.join('\n')), [], 'in our answers');
  t.deepEqual(seenIn(outrider.logText()), [], 'in the log');
  t.deepEqual(seenIn(admin.map(({ text, headers }) => text + headers.join()).join('\n')), [], 'at the admin address');
  // The positive control of the other side: what was looked through is what was written.
  t.true(outrider.logText().includes('"down-oauth"'));
  t.regex(admin[0]?.text ?? '', /http_route="down-oauth"/);
});
