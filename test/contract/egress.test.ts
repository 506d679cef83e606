import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { httpCall } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { CERTIFICATE, CERTIFICATE_KEY } from './certificate.ts';
import { startCli } from './cli.ts';
import { tokenYaml } from './given.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

interface Egress {
  readonly url: string;
  /** The heads of all that asked. */
  readonly asked: string[];
}

/** A corporate proxy: records each head, and tunnels a CONNECT to `target` where there is one, else refuses. */
async function startEgress(t: ExecutionContext, target?: number): Promise<Egress> {
  const asked: string[] = [];
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.once('data', (chunk: Buffer) => {
      asked.push(chunk.toString('latin1'));
      if (target === undefined || !chunk.toString('latin1').startsWith('CONNECT ')) {
        socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
        return;
      }
      const onward = net.connect(target, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        socket.pipe(onward).pipe(socket);
      });
      onward.on('error', () => socket.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return { url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`, asked };
}

const line = (head: string | undefined): string | undefined => head?.split('\r\n')[0];

for (const names of [
  ['HTTPS_PROXY', 'NO_PROXY'],
  ['https_proxy', 'no_proxy'],
] as const) {
  test(`rule 17: ${names[0]} carries upstream and token calls, ${names[1]} spares names, loopback is never carried`, async (t) => {
    const egress = await startEgress(t);
    const upstream = await startUpstream(t);
    const yaml = tokenYaml('https://api.provider.test', 'https://accounts.provider.test/oauth/token').replace(
      'routes:',
      `routes:
  - { name: local, match: { path: /api/local }, upstream: "http://localhost:${upstream.port}" }
  - { name: far, match: { path: /api/far }, upstream: "https://api.provider.test" }
  - { name: spared, match: { path: /api/spared }, upstream: "https://spared.invalid" }
  - { name: below, match: { path: /api/below }, upstream: "https://a.domain.invalid" }`,
    );
    const env = { [names[0]]: egress.url, HTTP_PROXY: egress.url, [names[1]]: 'spared.invalid, .domain.invalid' };
    const { origin } = await startCli(t, yaml, env);
    t.is((await httpCall(origin, '/api/local')).status, 200);
    for (const path of ['/api/spared', '/api/below']) {
      assertProblem(t, await httpCall(origin, path), { status: 502, code: 'upstream_unreachable' });
    }
    t.deepEqual(egress.asked, []);
    const refused = await httpCall(origin, '/api/far', { body: 'abc' });
    assertProblem(t, refused, { status: 502, code: 'upstream_unreachable', outcome: 'not_sent', route: 'far' });
    t.is(line(egress.asked[0]), 'CONNECT api.provider.test:443 HTTP/1.1');
    egress.asked.length = 0;
    assertProblem(t, await httpCall(origin, '/api/x'), { status: 503, code: 'token_unavailable' });
    t.is(line(egress.asked[0]), 'CONNECT accounts.provider.test:443 HTTP/1.1');
  });
}

test('rule 17: through the egress proxy TLS is ours end to end, and its password goes to it alone', async (t) => {
  const dir = temporaryDirectory(t);
  fs.writeFileSync(path.join(dir, 'root.pem'), CERTIFICATE);
  const upstream = await startUpstream(t, undefined, { tls: { key: CERTIFICATE_KEY, cert: CERTIFICATE } });
  const egress = await startEgress(t, upstream.port);
  const yaml = `routes: [{ name: api, match: { path: /api }, upstream: "https://api.provider.test/base" }]`;
  const { origin, output } = await startCli(t, yaml, {
    HTTPS_PROXY: egress.url.replace('//', '//user:canary%2Fpass@'),
    NODE_EXTRA_CA_CERTS: path.join(dir, 'root.pem'),
  });
  for (let i = 0; i < 3; i++) {
    const answer = await httpCall(origin, '/api/x?y', {
      body: 'abc',
      headers: ['Proxy-Authorization', 'Basic theirs'],
    });
    t.is(answer.status, 200, answer.text);
  }
  t.is(egress.asked.length, 1, 'the tunnel is kept');
  t.regex(egress.asked[0] ?? '', new RegExp(`^proxy-authorization: Basic ${btoa('user:canary/pass')}\r$`, 'im'));
  t.is(upstream.requests[0]?.target, '/base/x?y');
  t.is(upstream.requests[0]?.header('host'), 'api.provider.test');
  for (const { head } of upstream.requests) t.notRegex(head, /proxy-/i);
  t.notRegex(output(), /canary/);

  const untrusting = await startCli(t, yaml, { HTTPS_PROXY: egress.url });
  const refused = await httpCall(untrusting.origin, '/api/x');
  assertProblem(t, refused, { status: 502, code: 'upstream_unreachable', outcome: 'not_sent' });
  t.is(upstream.requests.length, 3);
});

test('rule 17: an egress proxy that is down is 502 not_sent, and never gone around', async (t) => {
  const yaml = `routes: [{ name: api, match: { path: /api }, upstream: "https://api.provider.test" }]`;
  const { origin } = await startCli(t, yaml, { HTTPS_PROXY: 'http://127.0.0.1:1' });
  const answer = await httpCall(origin, '/api/x');
  assertProblem(t, answer, { status: 502, code: 'upstream_unreachable', outcome: 'not_sent' });
  // The name has no address: going around it would have been a DNS error.
  t.regex(answer.header('proxy-status') ?? '', /error=(connection_refused|destination_unavailable)/);
});
