import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { startOutrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { ask } from '../helpers/raw.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { givenPlain, plainYaml } from './given.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

const get = (host: string, more = '', target = '/api/x'): string =>
  `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`;

test('rule 01: loopback names in any case and with any port are let in', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  const hosts = [
    'localhost',
    'LOCALHOST',
    'phonepe.localhost',
    'a.b.LocalHost:1',
    '127.0.0.1',
    '127.0.0.1:9',
    '[::1]',
    '[::1]:80',
  ];
  for (const host of hosts) {
    const answer = await ask(t, outrider.port, get(host));
    t.is(answer.status, 200, host);
  }
  t.is(upstream.requests.length, hosts.length);
});

for (const host of [
  'evil.test',
  'localhost.evil.test',
  '127.0.0.1.evil.test',
  'evil.test:80',
  'notlocalhost',
  'localhost.evil.test:8080',
  'evil-localhost',
  '127.0.0.2',
  '[::2]',
  '0.0.0.0',
  'localhost.',
  '[::ffff:127.0.0.1]',
  '0x7f.1',
  '2130706433',
  '127.1',
  '10.0.0.1',
]) {
  test(`rule 01: Host ${host} is denied before anything is dialled`, async (t) => {
    const { outrider, upstream } = await givenPlain(t);
    const answer = await ask(t, outrider.port, get(host));
    assertProblem(t, answer, { status: 403, code: 'host_denied' });
    t.is(upstream.connections, 0);
  });
}

test("rule 01: a route's hosts and allowed_hosts are let in whole, without case, whatever the port", async (t) => {
  const { outrider, upstream } = await givenPlain(t, {
    extra: `listen: { address: 127.0.0.1:0, allowed_hosts: [proxy.internal] }`,
  });
  t.is((await ask(t, outrider.port, get('Proxy.Internal:8080'))).status, 200);
  assertProblem(t, await ask(t, outrider.port, get('proxy.internal.evil.test')), { status: 403, code: 'host_denied' });
  assertProblem(t, await ask(t, outrider.port, get('x.proxy.internal')), { status: 403, code: 'host_denied' });
  t.is(upstream.connections, 1);

  const other = await startOutrider(
    t,
    `routes: [{ name: pay, match: { path: /api, hosts: [pay.internal] }, upstream: "${upstream.origin}" }]`,
  );
  t.is((await ask(t, other.port, get('PAY.internal:1'))).status, 200);
  // Known to no route's hosts but a loopback name: through the guard, and then no route.
  assertProblem(t, await ask(t, other.port, get('localhost')), { status: 404, code: 'route_not_found' });
});

test("rule 01: the socket's own local address is let in, another one is not", async (t) => {
  const upstream = await startUpstream(t);
  const outrider = await startOutrider(t, `${plainYaml(upstream.origin)}\nlisten: { address: 127.0.0.2:0 }`);
  const { rawClient } = await import('../helpers/raw.ts');
  const own = await rawClient(t, outrider.port, '127.0.0.2');
  await own.send(get('127.0.0.2'));
  t.is((await own.answer()).status, 200);
  const other = await rawClient(t, outrider.port, '127.0.0.2');
  await other.send(get('127.0.0.3'));
  t.is((await other.answer()).status, 403);
  t.is(upstream.connections, 1);
});

test('rule 01: a Unix socket has mode 0600 and takes any Host', async (t) => {
  const dir = temporaryDirectory(t);
  const socket = path.join(dir, 'outrider.sock');
  const upstream = await startUpstream(t);
  await startOutrider(t, `${plainYaml(upstream.origin)}\nlisten: { address: "unix:${socket}" }`);
  t.is(fs.statSync(socket).mode & 0o777, 0o600);
  t.is((await ask(t, socket, get('whatever.example'))).status, 200);
});

for (const headers of [
  'Origin: https://evil.test\r\n',
  'Origin: null\r\n',
  'Origin:\r\n',
  'Origin: http://localhost:3000\r\n',
  'Origin: http://127.0.0.1\r\n',
  'origin: https://shop.test.evil.test\r\n',
  'Origin: https://shop.test\r\nOrigin: https://evil.test\r\n',
  'Sec-Fetch-Site: cross-site\r\n',
  'Sec-Fetch-Site: same-site\r\n',
  'sec-fetch-site: Cross-Site\r\n',
  'Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site\r\n',
  'Origin: https://evil.test\r\nSec-Fetch-Site: same-origin\r\n',
]) {
  const shown = headers.trim().replaceAll('\r\n', ' + ');
  test(`rule 02: ${shown} is denied, its preflight too, without a CORS header`, async (t) => {
    const { outrider, upstream } = await givenPlain(t, {
      extra: 'listen: { address: 127.0.0.1:0, allowed_origins: ["https://shop.test"] }',
    });
    const preflight = `OPTIONS /api/x HTTP/1.1\r\nHost: localhost\r\n${headers}Access-Control-Request-Method: POST\r\n\r\n`;
    for (const bytes of [get('localhost', headers), preflight]) {
      const answer = await ask(t, outrider.port, bytes);
      assertProblem(t, answer, { status: 403, code: 'origin_denied' });
      t.false(answer.head.toLowerCase().includes('access-control-'), answer.head);
    }
    t.is(upstream.connections, 0);
  });
}

test('rule 02: no Origin at all, or a direct visit, is let in', async (t) => {
  const { outrider } = await givenPlain(t);
  for (const headers of ['', 'Sec-Fetch-Site: none\r\n', 'Sec-Fetch-Site: same-origin\r\n']) {
    t.is((await ask(t, outrider.port, get('localhost', headers))).status, 200, headers);
  }
});

test('rule 02: a listed Origin overrides Sec-Fetch-Site; its answers, errors too, say so', async (t) => {
  const { outrider, upstream } = await givenPlain(t, {
    handler: (arrival) => arrival.reply(200, { headers: ['Vary', 'Accept-Encoding'], body: 'ok' }),
    extra: 'listen: { address: 127.0.0.1:0, allowed_origins: ["https://shop.test"] }',
  });
  const origin = 'Origin: https://shop.test\r\nSec-Fetch-Site: cross-site\r\n';
  const answer = await ask(t, outrider.port, get('localhost', origin));
  t.is(answer.status, 200);
  t.is(answer.header('access-control-allow-origin'), 'https://shop.test');
  const vary = answer.headerAll('vary').join(', ').toLowerCase();
  t.regex(vary, /(^|, *)origin(,|$)/);
  t.regex(vary, /accept-encoding/);

  const failed = await ask(t, outrider.port, get('localhost', origin, '/nowhere'));
  assertProblem(t, failed, { status: 404, code: 'route_not_found' });
  t.is(failed.header('access-control-allow-origin'), 'https://shop.test');

  const preflight = `OPTIONS /api/x HTTP/1.1\r\nHost: localhost\r\n${origin}Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n\r\n`;
  const allowed = await ask(t, outrider.port, preflight);
  t.is(allowed.status, 204);
  t.is(allowed.header('access-control-allow-origin'), 'https://shop.test');
  t.regex(allowed.header('access-control-allow-methods') ?? '', /POST|\*/);
  t.regex(allowed.header('access-control-allow-headers') ?? '', /content-type|\*/i);
  t.is(upstream.requests.length, 1);
});

test('rule 02: an OPTIONS of a listed Origin that is no preflight is forwarded', async (t) => {
  const { outrider, upstream } = await givenPlain(t, {
    extra: 'listen: { address: 127.0.0.1:0, allowed_origins: ["https://shop.test"] }',
  });
  const answer = await ask(
    t,
    outrider.port,
    'OPTIONS /api/x HTTP/1.1\r\nHost: localhost\r\nOrigin: https://shop.test\r\n\r\n',
  );
  t.is(answer.status, 200);
  t.is(upstream.requests[0]?.method, 'OPTIONS');
});
