import tls from 'node:tls';
import test from 'ava';
import { startEgressProxy } from '../clients/egress-proxy.ts';
import { CERTIFICATE, CERTIFICATE_KEY } from '../contract/certificate.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { ask } from '../helpers/raw.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { exchange, openTunnel } from './client.ts';
import { get } from './intercepted.ts';

const TLS = { key: CERTIFICATE_KEY, cert: CERTIFICATE };
const YAML = (port: number, secure: number): string => `forward: { mode: plain, unmatched: tunnel }
routes:
  - { name: plain, match: { path: /plain }, upstream: "http://api.provider.test:${port}" }
  - { name: secure, match: { path: /secure }, upstream: "https://api.provider.test:${secure}" }`;

for (const host of ['localhost', '127.0.0.1']) {
  test.serial(`an egress proxy at https://${host} is spoken to in TLS, and verified`, async (t) => {
    const proxy = await startEgressProxy(t, { tls: TLS });
    const [upstream, secure] = [await startUpstream(t), await startUpstream(t, undefined, { tls: TLS })];
    const url = `https://me:pass@${host}:${proxy.port}`;
    const start = () =>
      startOutrider(t, YAML(upstream.port, secure.port), { app: { env: { HTTP_PROXY: url, HTTPS_PROXY: url } } });
    const requests = ['/plain/x', '/secure/x'].map((target) => get('localhost', target, 'Connection: close\r\n'));
    const free = `free.test:${upstream.port}`;

    const wary = await start();
    for (const bytes of requests) {
      const answer = await ask(t, wary.port, bytes);
      assertProblem(t, answer, { status: 502, code: 'upstream_unreachable', detail: /egress proxy/ });
    }
    t.is((await openTunnel(t, wary.port, free)).status, 502);
    t.is(proxy.asked.length, 0);

    const roots = tls.getCACertificates('default');
    t.teardown(() => tls.setDefaultCACertificates(roots));
    tls.setDefaultCACertificates([...roots, CERTIFICATE]);
    const trusting = await start();
    for (const bytes of requests) t.is((await ask(t, trusting.port, bytes)).status, 200);
    const blind = await openTunnel(t, trusting.port, free);
    t.is(blind.status, 200, blind.head);
    t.is((await exchange(blind.socket, get(free, '/b', 'Connection: close\r\n'))).status, 200);
    t.deepEqual(
      proxy.asked.map(({ line }) => line),
      [
        `GET http://api.provider.test:${upstream.port}/x`,
        `CONNECT api.provider.test:${secure.port}`,
        `CONNECT ${free}`,
      ],
    );
    t.true(proxy.asked.every(({ authorization }) => authorization === `Basic ${btoa('me:pass')}`));
  });
}
