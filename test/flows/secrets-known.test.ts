import test from 'ava';
import { startOutrider } from '../helpers/outrider.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';

const PASSWORD = 'egress/pass word';
const SECRETS = ['the-client-secret-1', 'access-of-user-7', 'refresh-of-user-7', 'written-into-a-profile', PASSWORD];

test('an error that quotes a secret, a token of a user or the password of a proxy is logged without it', async (t) => {
  const upstream = await startUpstream(t);
  const tokens = await startTokenEndpoint(t, ({ form }) => {
    const user = form.get('user') ?? '';
    return { body: { access_token: `access-of-${user}`, refresh_token: `refresh-of-${user}`, expires_in: 60 } };
  });
  const outrider = await startOutrider(
    t,
    `
profiles:
  users:
    credentials: { client_secret: { secret: true }, salt: { secret: true, default: written-into-a-profile } }
    token:
      subject: "{{request.headers.x-user}}"
      fetch:
        url: "{{endpoints.token}}"
        method: POST
        form: { user: "{{token.subject}}", client_secret: "{{credentials.client_secret}}", salt: "{{credentials.salt}}" }
      read: { access_token: /access_token, refresh_token: /refresh_token, expiry: [{ in: /expires_in }] }
    inject: { headers: { authorization: "Bearer {{token.access_token}}" } }
providers:
  users: { profile: users, credentials: { client_secret: the-client-secret-1 }, endpoints: { token: "${tokens.url}" } }
routes:
  - { name: api, match: { path: /api }, provider: users, upstream: "${upstream.origin}" }`,
    { app: { env: { HTTPS_PROXY: `http://me:${encodeURIComponent(PASSWORD)}@egress.test:3128`, NO_PROXY: '*' } } },
  );
  t.is((await outrider.call('/api/x', { headers: ['X-User', 'user-7'] })).status, 200);
  t.is(upstream.requests[0]?.header('authorization'), 'Bearer access-of-user-7');

  for (const [n, secret] of SECRETS.entries()) {
    const cause = Object.assign(new Error(`a cause with ${Buffer.from(secret).toString('base64')}`), { raw: secret });
    const error = new Error(`number ${n} with ${secret}, ${encodeURIComponent(secret)}`, { cause });
    outrider.app.events.emit('notice', { level: 'warn', message: `went wrong: ${secret}`, fields: { error, secret } });
    t.regex(
      outrider.logText(),
      new RegExp(`went wrong: \\[redacted\\].*"number ${n} with \\[redacted\\], \\[redacted\\]"`),
    );
  }
});
