import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { inspect } from 'node:util';
import test from 'ava';
import { systemClock } from '../../src/core/clock.ts';
import { readEgress } from '../../src/proxy/egress/egress.ts';
import { ReadScheduler } from '../../src/http1/read-scheduler.ts';
import { createUpstream } from '../../src/proxy/upstream.ts';
import { CERTIFICATE, CERTIFICATE_KEY } from '../contract/certificate.ts';
import { startCli } from '../contract/cli.ts';
import { plainYaml, tokenYaml } from '../contract/given.ts';
import { httpCall } from '../helpers/outrider.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { startEgressProxy } from './egress-proxy.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

const HTTP = 'http://proxy.corp:3128';
const CASES: readonly (readonly [env: Record<string, string>, origin: string, proxy: string | undefined])[] = [
  [{}, 'https://api.test', undefined],
  [{ HTTPS_PROXY: HTTP }, 'https://api.test', HTTP],
  [{ https_proxy: HTTP, HTTPS_PROXY: 'http://other:1' }, 'https://api.test', HTTP],
  [{ HTTPS_PROXY: HTTP }, 'http://api.test', undefined],
  [{ HTTP_PROXY: HTTP }, 'https://api.test', undefined],
  [{ http_proxy: 'proxy.corp:3128' }, 'http://api.test:8080', HTTP],
  [{ HTTPS_PROXY: 'https://proxy.corp' }, 'https://api.test', 'https://proxy.corp'],
  [{ HTTP_PROXY: HTTP }, 'http://localhost:1', undefined],
  [{ HTTP_PROXY: HTTP }, 'http://a.localhost:1', undefined],
  [{ HTTP_PROXY: HTTP }, 'http://127.0.0.9:1', undefined],
  [{ HTTP_PROXY: HTTP }, 'http://[::1]:1', undefined],
  [{ HTTP_PROXY: HTTP }, 'http://[::ffff:127.0.0.1]:1', undefined],
  [{ HTTP_PROXY: HTTP }, 'http://2130706433:1', undefined],
  [{ HTTPS_PROXY: HTTP, NO_PROXY: '*' }, 'https://api.test', undefined],
  [{ HTTPS_PROXY: HTTP, NO_PROXY: 'other,api.test' }, 'https://api.test', undefined],
  [{ HTTPS_PROXY: HTTP, no_proxy: ' .test other ' }, 'https://api.test', undefined],
  [{ HTTPS_PROXY: HTTP, NO_PROXY: 'test' }, 'https://api.test', undefined],
  [{ HTTPS_PROXY: HTTP, NO_PROXY: '*.test' }, 'https://api.test', undefined],
  [{ HTTPS_PROXY: HTTP, NO_PROXY: 'API.Test' }, 'https://api.test', undefined],
  [{ HTTPS_PROXY: HTTP, NO_PROXY: 'pi.test' }, 'https://api.test', HTTP],
  [{ HTTPS_PROXY: HTTP, NO_PROXY: 'api.test:443' }, 'https://api.test', undefined],
  [{ HTTPS_PROXY: HTTP, NO_PROXY: 'api.test:8443' }, 'https://api.test', HTTP],
  [{ HTTPS_PROXY: HTTP, NO_PROXY: 'api.test:8443' }, 'https://api.test:8443', undefined],
  [{ HTTPS_PROXY: HTTP, NO_PROXY: '10.1.2.3' }, 'https://10.1.2.3', undefined],
  [{ HTTPS_PROXY: HTTP, NO_PROXY: '2.3' }, 'https://10.1.2.3', HTTP],
  [{ HTTPS_PROXY: HTTP, NO_PROXY: '10.0.0.0/8' }, 'https://10.1.2.3', undefined],
  [{ HTTPS_PROXY: HTTP, NO_PROXY: '10.0.0.0/8' }, 'https://11.1.2.3', HTTP],
  [{ HTTPS_PROXY: HTTP, NO_PROXY: '10.0.0.0/99' }, 'https://10.1.2.3', HTTP],
  [{ HTTPS_PROXY: HTTP, NO_PROXY: '2001:db8::1' }, 'https://[2001:db8::1]', undefined],
  [{ HTTPS_PROXY: HTTP, NO_PROXY: '[2001:db8::1]:8443' }, 'https://[2001:db8::1]:8443', undefined],
  [{ HTTPS_PROXY: HTTP, NO_PROXY: '2001:db8::/32' }, 'https://[2001:db8:1::1]', undefined],
];
for (const [env, origin, proxy] of CASES) {
  test(`${JSON.stringify(env)}: ${origin} goes ${proxy === undefined ? 'directly' : `through ${proxy}`}`, (t) => {
    t.is(readEgress(env)(origin)?.origin, proxy);
  });
}

test('the credentials of the proxy are decoded, and seen by nobody', (t) => {
  const proxy = readEgress({ HTTPS_PROXY: 'http://me:p%40ss%3Aword@proxy.corp:3128' })('https://api.test');
  t.is(proxy?.authorization?.reveal(), `Basic ${Buffer.from('me:p@ss:word').toString('base64')}`);
  t.notRegex(`${inspect(proxy)}${JSON.stringify(proxy)}`, /p@ss|p%40|bWU6/);
});

for (const value of ['socks5://proxy:1080', 'http://', 'http://me:hunter2@:80', 'http://a b']) {
  test(`${value.replace('hunter2', '…')} is no proxy, and the complaint does not repeat it`, (t) => {
    const error = t.throws(() => readEgress({ HTTPS_PROXY: value }));
    t.regex(error.message, /HTTPS_PROXY/);
    t.notRegex(error.message, /hunter2|socks5/);
  });
}

test('rule 17: plain HTTP goes to the egress proxy in absolute form, with its credentials, and they go no further', async (t) => {
  const proxy = await startEgressProxy(t);
  const upstream = await startUpstream(t);
  const { origin, output } = await startCli(t, plainYaml(`http://api.provider.test:${upstream.port}/v1`), {
    HTTP_PROXY: `http://me:hunter-two@127.0.0.1:${proxy.port}`,
  });
  const answer = await httpCall(origin, '/api/x?q=1', { body: 'hello' });
  t.is(answer.status, 200, answer.text);
  t.deepEqual(proxy.asked, [
    {
      line: `POST http://api.provider.test:${upstream.port}/v1/x?q=1`,
      authorization: `Basic ${Buffer.from('me:hunter-two').toString('base64')}`,
      host: `api.provider.test:${upstream.port}`,
    },
  ]);
  t.is(upstream.requests[0]?.header('host'), `api.provider.test:${upstream.port}`);
  t.is(upstream.requests[0]?.header('proxy-authorization'), undefined);
  t.is((await upstream.requests[0]?.body())?.bytes.toString(), 'hello');
  t.notRegex(output(), /hunter-two|bWU6/);
});

test('rule 17: HTTPS goes through a tunnel, token calls too, and TLS is verified within it', async (t) => {
  const dir = temporaryDirectory(t);
  fs.writeFileSync(path.join(dir, 'root.pem'), CERTIFICATE);
  const proxy = await startEgressProxy(t);
  const upstream = await startUpstream(t, undefined, { tls: { key: CERTIFICATE_KEY, cert: CERTIFICATE } });
  const tokens = await startTokenEndpoint(t);
  const tokenUrl = tokens.url.replace('127.0.0.1', 'id.provider.test');
  const authority = `api.provider.test:${upstream.port}`;
  const yaml = `${tokenYaml(`https://${authority}`, tokenUrl)}
  - { name: other, match: { path: /other }, upstream: "https://wrong.provider.test:${upstream.port}" }
  - { name: near, match: { path: /near }, upstream: "https://127.0.0.1:${upstream.port}" }`;
  const env = { https_proxy: `127.0.0.1:${proxy.port}`, HTTP_PROXY: `http://127.0.0.1:${proxy.port}` };
  const { origin } = await startCli(t, yaml, { ...env, NODE_EXTRA_CA_CERTS: path.join(dir, 'root.pem') });

  for (let i = 0; i < 2; i++) {
    const answer = await httpCall(origin, '/api/x', { body: 'hello' });
    t.is(answer.status, 200, answer.text);
  }
  t.deepEqual(
    proxy.asked.map(({ line }) => line),
    [`POST ${tokenUrl}`, `CONNECT ${authority}`],
  );
  t.is(upstream.requests[1]?.header('authorization'), 'Bearer token-1');
  t.is(upstream.connections, 1);

  const wrong = await httpCall(origin, '/other/x');
  t.like(JSON.parse(wrong.text), { status: 502, code: 'upstream_unreachable', outcome: 'not_sent' });
  t.regex(wrong.text, /certificate/);
  t.is((await httpCall(origin, '/near/x')).status, 200);
  t.is(proxy.asked.length, 3, 'loopback is never proxied');
});

for (const origin of ['http://api.provider.test', 'https://api.provider.test'] as const) {
  const send = async (proxyPort: number) => {
    const upstream = createUpstream(systemClock, new ReadScheduler(), {
      egress: readEgress({ HTTP_PROXY: `127.0.0.1:${proxyPort}`, HTTPS_PROXY: `127.0.0.1:${proxyPort}` }),
    });
    const timeouts = { connectMs: 2_000, responseMs: 2_000, idleMs: 2_000 };
    const attempt = upstream.send({
      origin,
      method: 'GET',
      target: '/',
      headers: [],
      body: null,
      streamBytes: 0,
      timeouts,
    });
    try {
      return await attempt.answer;
    } finally {
      await upstream.close();
    }
  };

  test(`${origin}: an egress proxy that wants other credentials is not the provider's answer`, async (t) => {
    const proxy = await startEgressProxy(t, { refuse: 407 });
    const error = await t.throwsAsync(send(proxy.port));
    t.like(error, { code: 'upstream_unreachable', outcome: 'not_sent', proxyError: 'proxy_configuration_error' });
    t.is(proxy.asked.length, 1);
  });

  test(`${origin}: an egress proxy that is not there is named as what is missing`, async (t) => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as net.AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const error = await t.throwsAsync(send(port));
    t.like(error, { code: 'upstream_unreachable', outcome: 'not_sent' });
    t.regex(error?.message ?? '', /egress proxy can't be reached \(ECONNREFUSED\)/);
  });

  test(`${origin}: an egress proxy that talks nonsense or hangs up is a clear error`, async (t) => {
    for (const words of ['nonsense\r\n\r\n', '']) {
      const server = net.createServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => socket.end(words));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      t.teardown(() => server.close());
      const error = await t.throwsAsync(send((server.address() as net.AddressInfo).port));
      t.regex((error as Error & { code: string }).code, /^upstream_(unreachable|failed|bad_response)$/);
      if (origin.startsWith('https') && words !== '') t.regex(error?.message ?? '', /something else than HTTP/);
    }
  });
}
