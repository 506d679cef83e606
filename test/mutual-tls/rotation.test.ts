import test from 'ava';
import { makeAuthority } from '../helpers/authority.ts';
import { until } from '../helpers/http1.ts';
import { secretFiles, startStrictServer, tlsOf } from '../helpers/mutual-tls.ts';
import { startOutrider } from '../helpers/outrider.ts';

const IN_USE = 'credentials changed, the new ones are in use';

/** Sends requests, eight at a time, until it is told to end. Yields what came of them. */
function load(send: () => Promise<{ readonly status: number }>): { end(): Promise<readonly number[]> } {
  let isOver = false;
  const statuses: number[] = [];
  const workers = Array.from({ length: 8 }, async () => {
    while (!isOver) statuses.push((await send()).status);
  });
  return {
    async end() {
      isOver = true;
      await Promise.all(workers);
      return statuses;
    },
  };
}

test('a pair that is rotated under load fails no request, and half of it is never used', async (t) => {
  const [authority, next] = [makeAuthority(t, 'Old CA'), makeAuthority(t, 'New CA')];
  const server = await startStrictServer(t, authority, { clients: [authority, next] });
  const files = secretFiles(t);
  const tls = tlsOf(files, 'shop', { ...authority.issue('old'), ca: authority.cert });
  const outrider = await startOutrider(
    t,
    `timeouts: { connect: 1m }
providers:
  shop: { profile: bearer, credentials: { token: token-of-the-shop }, tls: ${tls} }
routes:
  - { match: { path: /shop }, provider: shop, upstream: "${server.origin}" }`,
    { tellsOfFiles: true },
  );
  const running = load(() => outrider.call('/shop/x'));
  await until('requests with the old certificate', () => server.requests.length > 50, 20_000);
  const fresh = next.issue('new');
  // For more than the quiet time only one half is there.
  files.write('shop.certificate', fresh.cert);
  await until(
    'the complaint',
    () => outrider.logText().includes('the tls.key is not that of the tls.certificate'),
    20_000,
  );
  t.true(server.requests.every(({ certificate }) => certificate === 'old'));
  const before = server.requests.length;
  await until('requests go on', () => server.requests.length > before + 50, 20_000);
  t.true(server.requests.every(({ certificate }) => certificate === 'old'));
  files.write('shop.key', fresh.key);
  await until('the swap', () => outrider.logText().includes(IN_USE), 20_000);
  const swapped = server.requests.length;
  await until('requests with the new certificate', () => server.requests.length > swapped + 50, 20_000);
  const statuses = await running.end();
  t.deepEqual([...new Set(statuses)], [200]);
  const last = server.requests.findLastIndex(({ certificate }) => certificate === 'old');
  const first = server.requests.findIndex(({ certificate }) => certificate === 'new');
  // Those under way at the moment of the swap finish as they began.
  t.true(first > 0 && last - first < 16, `${first} ${last}`);
  const sessions = new Map<number, string>();
  for (const { connection, certificate } of server.requests) {
    t.is(sessions.get(connection) ?? certificate, certificate, 'one connection, one certificate');
    sessions.set(connection, certificate);
  }
  t.is(server.requests[first]?.isResumed, false, 'no session of the old certificate is resumed');
  t.regex(outrider.logText(), /"changed":\["tls\.certificate","tls\.key"\]/);
});

test('a CA that is changed holds from the next connection on', async (t) => {
  const [authority, other] = [makeAuthority(t, 'Own'), makeAuthority(t, 'Other')];
  const server = await startStrictServer(t, authority, { requestCert: false });
  const files = secretFiles(t);
  const outrider = await startOutrider(
    t,
    `providers:
  shop: { profile: bearer, credentials: { token: token-of-the-shop }, tls: ${tlsOf(files, 'shop', { ca: other.cert })} }
routes:
  - { match: { path: /shop }, provider: shop, upstream: "${server.origin}" }`,
    { tellsOfFiles: true },
  );
  t.is((await outrider.call('/shop/x')).status, 502);
  files.write('shop.ca', authority.cert);
  await until('the swap', () => outrider.logText().includes(IN_USE), 20_000);
  t.is((await outrider.call('/shop/x')).status, 200);
  files.write('shop.ca', other.cert);
  await until('the second swap', () => outrider.logText().split(IN_USE).length === 3, 20_000);
  t.is((await outrider.call('/shop/x')).status, 502, 'neither a kept connection nor a session is used on');
});

test('a reload goes on with the certificate, and with its connections', async (t) => {
  const authority = makeAuthority(t);
  const server = await startStrictServer(t, authority);
  const files = secretFiles(t);
  const yaml = (more: string): string => `providers:
  shop: { profile: bearer, credentials: { token: token-of-the-shop }, tls: ${tlsOf(files, 'shop', pair)} }
routes:
  - { match: { path: /shop }, provider: shop, upstream: "${server.origin}"${more} }`;
  const pair = { ...authority.issue('shop'), ca: authority.cert };
  const outrider = await startOutrider(t, yaml(''));
  t.is((await outrider.call('/shop/x')).status, 200);
  await outrider.reload(yaml(', websocket: true'));
  t.is((await outrider.call('/shop/x')).status, 200);
  t.is(server.connections, 1);
});
