import type { SecureVersion } from 'node:tls';
import test from 'ava';
import { eventsOf, trailPath } from '../audit/given.ts';
import { makeAuthority } from '../helpers/authority.ts';
import { secretFiles, startOpensslServer, startStrictServer, tlsOf, type Presented } from '../helpers/mutual-tls.ts';
import { startOutrider } from '../helpers/outrider.ts';

const NAMES = ['shop', 'bank'];
const PATIENT = 'timeouts: { connect: 1m, token: 1m }';

/** The certificates that each connection showed. */
function byConnection(requests: readonly Presented[]): Map<number, Set<string>> {
  const shown = new Map<number, Set<string>>();
  for (const { connection, certificate } of requests) {
    shown.set(connection, (shown.get(connection) ?? new Set()).add(certificate));
  }
  return shown;
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const satisfies readonly SecureVersion[]) {
  test(`${version}: two providers at one origin, each with its own certificate, are never mixed`, async (t) => {
    const authority = makeAuthority(t);
    const server = await startStrictServer(t, authority, { minVersion: version, maxVersion: version });
    // New connections are made all the time, and none is closed while a request may be on its way to it.
    server.answer = ({ path }) => ({ body: 'ok', headers: path.endsWith('7') ? { connection: 'close' } : {} });
    const file = secretFiles(t);
    const provider = (name: string): string => {
      const tls = tlsOf(file, name, { ...authority.issue(name), ca: authority.cert });
      return `  ${name}: { profile: bearer, credentials: { token: token-of-${name} }, tls: ${tls} }`;
    };
    const outrider = await startOutrider(
      t,
      `${PATIENT}
providers:
${NAMES.map(provider).join('\n')}
routes:
${NAMES.map((name) => `  - { match: { path: /${name} }, provider: ${name}, upstream: "${server.origin}" }`).join('\n')}`,
    );
    for (let round = 0; round < 3; round++) {
      const calls = Array.from({ length: 200 }, (_, i) => outrider.call(`/${NAMES[i % 2]}/${i}`));
      const answers = await Promise.all(calls);
      t.deepEqual([...new Set(answers.map(({ status, text }) => `${status} ${text}`))], ['200 ok']);
    }
    t.is(server.requests.length, 600);
    for (const { certificate, authorization } of server.requests) t.is(authorization, `Bearer token-of-${certificate}`);
    t.true([...byConnection(server.requests).values()].every((shown) => shown.size === 1));
    t.true(
      server.requests.some(({ isResumed }) => isResumed),
      'positive control: sessions are resumed',
    );
  });
}

test('a CA of the provider replaces the roots of the system, for this provider alone', async (t) => {
  const [own, other] = [makeAuthority(t, 'Own'), makeAuthority(t, 'Other')];
  const server = await startStrictServer(t, own, { requestCert: false });
  const file = secretFiles(t);
  const provider = (name: string, ca: string): string =>
    `  ${name}: { profile: bearer, credentials: { token: token-of-${name} }, tls: ${tlsOf(file, name, { ca })} }`;
  const outrider = await startOutrider(
    t,
    `providers:
${provider('right', own.cert)}
${provider('wrong', other.cert)}
  none: { profile: bearer, credentials: { token: token-of-none } }
routes:
${['right', 'wrong', 'none'].map((name) => `  - { match: { path: /${name} }, provider: ${name}, upstream: "${server.origin}" }`).join('\n')}`,
  );
  for (let round = 0; round < 2; round++) {
    t.is((await outrider.call('/right/x')).status, 200);
    for (const name of ['wrong', 'none']) {
      t.like(JSON.parse((await outrider.call(`/${name}/x`)).text), {
        code: 'upstream_unreachable',
        outcome: 'not_sent',
      });
    }
  }
  t.is(server.requests.length, 2);
});

test('`server_name` is asked for and verified in place of the host', async (t) => {
  const authority = makeAuthority(t);
  const asked: string[] = [];
  const server = await startStrictServer(t, authority, {
    names: 'DNS:gateway.bank.test',
    SNICallback: (name, done) => {
      asked.push(name);
      done(null);
    },
  });
  const file = secretFiles(t);
  const tls = (name: string): string => tlsOf(file, name, { ca: authority.cert, ...authority.issue('shop') });
  const outrider = await startOutrider(
    t,
    `providers:
  named: { profile: bearer, credentials: { token: token-of-named }, tls: ${tls('a').replace(/ }$/, ', server_name: gateway.bank.test }')} }
  unnamed: { profile: bearer, credentials: { token: token-of-unnamed }, tls: ${tls('b')} }
routes:
  - { match: { path: /named }, provider: named, upstream: "${server.origin}" }
  - { match: { path: /unnamed }, provider: unnamed, upstream: "${server.origin}" }`,
  );
  t.is((await outrider.call('/named/x')).status, 200);
  t.regex((await outrider.call('/unnamed/x')).text, /ERR_TLS_CERT_ALTNAME_INVALID/);
  t.deepEqual(asked, ['gateway.bank.test', 'localhost']);
});

test('a token endpoint has the identity of its provider, or one of its own', async (t) => {
  const [authority, other] = [makeAuthority(t), makeAuthority(t, 'Other')];
  const api = await startStrictServer(t, authority);
  const tokens = await startStrictServer(t, other);
  tokens.answer = ({ certificate }) => ({ body: JSON.stringify({ access_token: `token-for-${certificate}` }) });
  const same = await startStrictServer(t, authority);
  same.answer = tokens.answer;
  const file = secretFiles(t);
  const own = tlsOf(file, 'own', { ca: authority.cert, ...authority.issue('shop') });
  const theirs = tlsOf(file, 'theirs', { ca: other.cert, ...other.issue('shop-at-the-token-endpoint') });
  const outrider = await startOutrider(
    t,
    `${PATIENT}
providers:
  one: { profile: oauth2, credentials: { client_id: a, client_secret: secret-of-one-1 }, endpoints: { token: "${same.origin}/token" }, tls: ${own} }
  two: { profile: oauth2, credentials: { client_id: a, client_secret: secret-of-two-2 }, endpoints: { token: "${tokens.origin}/token" }, tls: ${own}, token: { tls: ${theirs} } }
routes:
  - { match: { path: /one }, provider: one, upstream: "${api.origin}" }
  - { match: { path: /two }, provider: two, upstream: "${api.origin}" }`,
  );
  t.is((await outrider.call('/one/x')).status, 200);
  t.is((await outrider.call('/two/x')).status, 200);
  t.deepEqual(
    api.requests.map(({ certificate, authorization }) => `${certificate} ${authorization}`),
    ['shop Bearer token-for-shop', 'shop Bearer token-for-shop-at-the-token-endpoint'],
  );
});

for (const version of ['TLSv1.2', 'TLSv1.3'] as const satisfies readonly SecureVersion[]) {
  test(`${version}: a provider that does not accept the certificate is told as such, and nothing was sent`, async (t) => {
    const [authority, stranger] = [makeAuthority(t), makeAuthority(t, 'Stranger')];
    const port = await startOpensslServer(t, authority, version);
    const file = secretFiles(t);
    const tls = tlsOf(file, 'shop', { ca: authority.cert, ...stranger.issue('shop') });
    const outrider = await startOutrider(
      t,
      `providers:
  p: { profile: bearer, credentials: { token: token-of-the-shop }, tls: ${tls} }
routes:
  - { match: { path: /p }, provider: p, upstream: "https://localhost:${port}" }`,
    );
    t.like(JSON.parse((await outrider.call('/p/x', { method: 'POST', body: 'x' })).text), {
      status: 502,
      code: 'upstream_unreachable',
      outcome: 'not_sent',
      detail: 'the provider does not accept the client certificate (ERR_SSL_TLSV1_ALERT_UNKNOWN_CA)',
    });
  });
}

test('a request whose only credential is the client certificate says so, and has its line in the audit trail', async (t) => {
  const authority = makeAuthority(t);
  const server = await startStrictServer(t, authority);
  const file = secretFiles(t);
  const tls = tlsOf(file, 'shop', { ...authority.issue('shop'), ca: authority.cert });
  const path = trailPath(t);
  const outrider = await startOutrider(
    t,
    `profiles: { certificate: { inject: {} }, nothing: { inject: {} } }
audit: { path: "${path}" }
providers:
  shop: { profile: certificate, tls: ${tls} }
  plain: { profile: nothing, tls: ${tlsOf(file, 'plain', { ca: authority.cert })} }
routes:
${['shop', 'plain'].map((name) => `  - { match: { path: /${name} }, provider: ${name}, upstream: "${server.origin}" }`).join('\n')}`,
  );
  t.is((await outrider.call('/shop/pay', { body: '{}' })).text, 'ok');
  t.is(server.requests[0]?.certificate, 'shop');
  t.is((await outrider.call('/plain')).status, 502, 'the server takes nobody without a certificate');
  await outrider.logged(2);
  t.deepEqual(
    eventsOf(path, 'request').map(({ path: asked, auth, status }) => [asked, auth, status]),
    [['/shop/pay', 'certificate', 200]],
  );
});
