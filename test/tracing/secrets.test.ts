import test from 'ava';
import { inspect } from 'node:util';
import { secretsIn } from '../helpers/canary.ts';
import { ask } from '../helpers/raw.ts';
import { granted } from '../helpers/token-endpoint.ts';
import { givenTraced, spanCalled, traceparent } from './given.ts';

const SECRET = 'my-secret-of-the-demo';
const TOKEN = 'tok-6f1d2a9be4c7';

test('no exported byte has a secret, wherever it stands in a request', async (t) => {
  const { collector, outrider, upstream, clock } = await givenTraced(t, {
    script: ({ n }) => granted(`${TOKEN}-${n}`),
    tracing: ', headers: { x-key: key-of-the-collector }',
  });
  upstream.handler = (arrival) => arrival.reply(401, { headers: ['x-echo', TOKEN], body: `${SECRET} ${TOKEN}-1` });
  await outrider.call('/api/warm');
  await clock.advance(10_000);
  const headers = ['X-Request-Id', 'a', 'Cookie', `a=${SECRET}`, 'traceparent', traceparent()];
  await outrider.call(`/api/${SECRET}/${TOKEN}-1?key=${SECRET}&token=${TOKEN}-1`, { body: SECRET, headers });
  await outrider.call(`/${encodeURIComponent(SECRET)}/nowhere`, { headers });
  await ask(t, outrider.port, `GET http://user:${SECRET}@elsewhere.example/x?a=${SECRET} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const spans = await collector.arrived(4 + 5 + 1 + 1);
  const paths = spans.flatMap(({ kind, attributes }) => (kind === 'server' ? attributes['url.path'] : []));
  t.true(paths.includes('/api/[redacted]/[redacted]'), inspect(paths));
  t.true(paths.includes('/[redacted]/nowhere'), inspect(paths));
  t.true(paths.includes('http://[redacted]@elsewhere.example/x'), inspect(paths));
  t.is(spanCalled(spans, 'POST').attributes['url.full'], `${upstream.origin}/[redacted]/[redacted]`);
  // The collector's own look comes at the end of the test. This says that it could see something.
  t.deepEqual(secretsIn(inspect(spans, { depth: 10 })), []);
  t.deepEqual(secretsIn(`x ${SECRET}`), ['credential client_secret of demo']);
});

test('the URL of a token call is exported with its secrets masked, without query and userinfo', async (t) => {
  const { collector, outrider, tokens } = await givenTraced(t);
  const { origin } = new URL(tokens.url);
  await outrider.reload(
    `
profiles:
  odd:
    credentials: { tenant: { secret: true } }
    token:
      fetch: { url: "${origin}/{{credentials.tenant}}/token?key={{credentials.tenant}}", method: POST }
      read: { access_token: /access_token }
    inject: { headers: { authorization: "Bearer {{token.access_token}}" } }
providers:
  odd: { profile: odd, credentials: { tenant: secret-tenant-name } }
routes:
  - { match: { path: /odd }, provider: odd, upstream: "${origin}" }
tracing: { endpoint: "${collector.origin}" }
`,
  );
  await outrider.call('/odd/x');
  const renewal = spanCalled(await collector.arrived(4), 'renew');
  t.is(tokens.calls[0]?.url, '/secret-tenant-name/token?key=secret-tenant-name');
  t.is(renewal.attributes['url.full'], `${origin}/<tenant>/token`);
});
