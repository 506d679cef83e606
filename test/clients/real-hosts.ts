import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { systemClock } from '../../src/core/clock.ts';
import { makeCa } from '../../src/tunnel/certificate.ts';
import { createLeaves } from '../../src/tunnel/leaves.ts';
import { fakeClock } from '../helpers/clock.ts';
import { startSimulator, type TestSimulator } from '../helpers/simulator.ts';
import { startEgressProxy } from './egress-proxy.ts';

/** What the simulators accept, and nothing else. */
export const REAL = {
  phonepe: { client_id: 'the-real-shop', client_secret: 'the-real-secret', client_version: '1' },
  payu: { key: 'the-real-key', salt: 'the-real-salt' },
} as const;

/** How URLs of the real providers begin, and where they lead to at the simulators. */
const PLACES: readonly (readonly [url: string, at: string])[] = [
  ['https://api-preprod.phonepe.com/apis/pg-sandbox', '/phonepe/apis/pg-sandbox'],
  ['https://api.phonepe.com/apis/pg/', '/phonepe/apis/pg-sandbox/'],
  ['https://api.phonepe.com/apis/identity-manager', '/phonepe/apis/pg-sandbox'],
  ['https://test.payu.in/merchant', '/payu-hash/merchant'],
  ['https://info.payu.in/merchant', '/payu-hash/merchant'],
  ['https://test.payu.in/_payment', '/payu-payment/_payment'],
  ['https://secure.payu.in/_payment', '/payu-payment/_payment'],
];
const HOSTS = new Set(PLACES.map(([url]) => new URL(url).host));

export interface RealHosts {
  readonly simulator: TestSimulator;
  /** What came, in order. */
  readonly arrivals: readonly {
    readonly url: string;
    readonly headers: http.IncomingHttpHeaders;
    readonly body: string;
  }[];
  /** What leads a program there: an egress proxy that takes every name to the server of this test, and the root of its certificates. */
  readonly env: Readonly<Record<string, string>>;
}

/** The simulators behind TLS and the names of the real hosts, on loopback. What no simulator stands for gets `{}`. */
export async function startRealHosts(t: ExecutionContext, dir: string): Promise<RealHosts> {
  const simulator = await startSimulator(t, {
    providers: [
      { name: 'phonepe', kind: 'phonepe', credentials: REAL.phonepe },
      { name: 'payu-hash', kind: 'payu-hash', credentials: REAL.payu },
      { name: 'payu-payment', kind: 'payu-payment', credentials: REAL.payu },
    ],
    clock: fakeClock(Date.now()),
  });
  const ca = await makeCa(HOSTS, { nowMs: Date.now(), lifetimeMs: 3_600_000 });
  const leaves = createLeaves(ca, systemClock);
  const arrivals: { url: string; headers: http.IncomingHttpHeaders; body: string }[] = [];
  const server = https.createServer();
  for (const host of HOSTS) server.addContext(host, await leaves.contextFor(host));
  server.on('request', (req: http.IncomingMessage, res: http.ServerResponse) => {
    const url = `https://${req.headers.host}${req.url}`;
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const body = Buffer.concat(chunks);
      arrivals.push({ url, headers: req.headers, body: body.toString() });
      const [from, to = ''] = PLACES.find(([begin]) => url.startsWith(begin)) ?? [];
      if (from === undefined) return void res.setHeader('content-type', 'application/json').end('{}');
      const { method, headers } = req;
      const onward = http.request(simulator.origin + to + url.slice(from.length), { method, headers, agent: false });
      onward.on('response', (answer) => {
        res.writeHead(answer.statusCode ?? 0, answer.headers);
        answer.pipe(res);
      });
      onward.on('error', () => res.destroy());
      onward.end(body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const egress = await startEgressProxy(t, { tunnelTo: (server.address() as AddressInfo).port });
  const root = join(dir, 'root.pem');
  writeFileSync(root, ca.certificate);
  const env = { HTTPS_PROXY: `http://127.0.0.1:${egress.port}`, NODE_EXTRA_CA_CERTS: root };
  return { simulator, arrivals, env };
}
