import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import test from 'ava';
import { LOCAL, makeAuthority } from '../helpers/authority.ts';
import { secretFiles, startStrictServer, tlsOf } from '../helpers/mutual-tls.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { handshake, shake } from '../helpers/websocket-client.ts';
import { echo, startWebSocketUpstream } from '../helpers/websocket-upstream.ts';
import { exchange, openTunnel } from '../tunnel/client.ts';
import { get, stateDir } from '../tunnel/intercepted.ts';

const NAMES = ['shop', 'bank'];

test('a WebSocket handshake goes out under the certificate of its own provider', async (t) => {
  const authority = makeAuthority(t);
  const shown: string[] = [];
  const server = await startWebSocketUpstream(
    t,
    (guest) => {
      const { CN } = (guest.socket as tls.TLSSocket).getPeerCertificate().subject;
      shown.push(`${String(CN)} ${guest.header('authorization')}`);
      echo(guest);
    },
    { tls: { ...authority.issue('localhost', { names: LOCAL }), requestCert: true, ca: authority.cert } },
  );
  const files = secretFiles(t);
  const outrider = await startOutrider(
    t,
    `providers:
${NAMES.map((name) => `  ${name}: { profile: bearer, credentials: { token: token-of-${name} }, tls: ${tlsOf(files, name, { ...authority.issue(name), ca: authority.cert })} }`).join('\n')}
routes:
${NAMES.map((name) => `  - { match: { path: /${name} }, provider: ${name}, upstream: "https://localhost:${server.port}", websocket: true }`).join('\n')}`,
  );
  for (const name of [...NAMES, ...NAMES]) {
    t.is((await shake(t, outrider.port, handshake(`/${name}/socket`))).status, 101);
  }
  t.deepEqual(
    shown,
    [...NAMES, ...NAMES].map((name) => `${name} Bearer token-of-${name}`),
  );
});

test('a request within an intercepted tunnel goes out under the certificate of its route', async (t) => {
  const authority = makeAuthority(t);
  const server = await startStrictServer(t, authority);
  const files = secretFiles(t);
  const outrider = await startOutrider(
    t,
    `state_dir: ${stateDir(t)}
forward: { mode: intercept }
providers:
${NAMES.map((name) => `  ${name}: { profile: bearer, credentials: { token: token-of-${name} }, tls: ${tlsOf(files, name, { ...authority.issue(name), ca: authority.cert })} }`).join('\n')}
routes:
${NAMES.map((name) => `  - { match: { path: /${name} }, provider: ${name}, upstream: "${server.origin}/${name}" }`).join('\n')}`,
  );
  const tunnel = await openTunnel(t, outrider.port, `localhost:${server.port}`);
  t.is(tunnel.status, 200);
  for (const name of [...NAMES, ...NAMES]) {
    const { status } = await exchange(tunnel.socket, get(`localhost:${server.port}`, `/${name}/x`));
    t.is(status, 200);
  }
  t.deepEqual(
    server.requests.map(({ certificate, path, authorization }) => `${certificate} ${path} ${authorization}`),
    [...NAMES, ...NAMES].map((name) => `${name} /${name}/x Bearer token-of-${name}`),
  );
});

test.serial('through an egress proxy the certificate is shown to the provider alone', async (t) => {
  const authority = makeAuthority(t);
  const server = await startStrictServer(t, authority, { names: 'DNS:api.bank.test' });
  const shownToProxy: number[] = [];
  const own = authority.issue('localhost', { names: LOCAL });
  const asked: string[] = [];
  const proxy = tls.createServer({ ...own, requestCert: true, rejectUnauthorized: false, ca: authority.cert });
  proxy.on('secureConnection', (socket) => {
    shownToProxy.push(Object.keys(socket.getPeerCertificate()).length);
    socket.on('error', () => undefined);
    socket.once('data', (chunk: Buffer) => {
      asked.push(chunk.toString('latin1').split('\r\n')[0] ?? '');
      const onward = net.connect(server.port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.pipe(onward).pipe(socket);
      });
      onward.on('error', () => socket.destroy());
    });
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.teardown(() => proxy.close());
  const roots = tls.getCACertificates('default');
  t.teardown(() => tls.setDefaultCACertificates(roots));
  tls.setDefaultCACertificates([...roots, authority.cert]);
  const files = secretFiles(t);
  const outrider = await startOutrider(
    t,
    `providers:
  shop: { profile: bearer, credentials: { token: token-of-the-shop }, tls: ${tlsOf(files, 'shop', { ...authority.issue('shop'), ca: authority.cert })} }
routes:
  - { match: { path: /shop }, provider: shop, upstream: "https://api.bank.test" }`,
    { app: { env: { HTTPS_PROXY: `https://localhost:${(proxy.address() as AddressInfo).port}` } } },
  );
  t.is((await outrider.call('/shop/x')).text, 'ok');
  t.deepEqual(asked, ['CONNECT api.bank.test:443 HTTP/1.1']);
  t.deepEqual(shownToProxy, [0]);
  t.is(server.requests[0]?.certificate, 'shop');
});
