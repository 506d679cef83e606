import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';
import { httpCall } from '../helpers/outrider.ts';
import type { Provider } from './process.ts';

/** What a relay does wrong. */
export type Sabotage = 'sends again after a reset' | 'says not_sent when it does not know' | 'nothing';

const PATIENCE_MS = 1_000;

interface Sent {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** In the place of Outrider: reads a request whole, puts a token on, renews one that is rejected, and sends again, once. */
export async function startRelay(t: ExecutionContext, provider: Provider, sabotage: Sabotage): Promise<number> {
  let renewing: Promise<string> | undefined;
  const getToken = async (): Promise<string> => {
    const body = 'client_id=shop';
    const { text } = await httpCall(provider.tokenOrigin, '/token', { body });
    return (JSON.parse(text) as { access_token: string }).access_token;
  };
  let token = await getToken();
  const renew = async (): Promise<void> => {
    token = await (renewing ??= getToken().finally(() => (renewing = undefined)));
  };

  const send = (path: string, key: string, body: Buffer): Promise<Sent> =>
    new Promise((resolve, reject) => {
      const headers = ['Host', 'provider', 'Idempotency-Key', key, 'Authorization', `Bearer ${token}`];
      headers.push('Content-Length', String(body.length));
      const { port } = provider;
      const req = http.request({ port, host: '127.0.0.1', path, method: 'POST', headers, agent: false }, (res) => {
        const parts: Buffer[] = [];
        res.on('data', (part: Buffer) => parts.push(part)).on('error', reject);
        res.on('end', () =>
          resolve({ status: res.statusCode ?? 0, headers: res.rawHeaders, body: Buffer.concat(parts) }),
        );
      });
      req.setTimeout(PATIENCE_MS, () => req.destroy(new Error('no answer')));
      req.on('error', reject).end(body);
    });

  const carry = async (path: string, key: string, body: Buffer): Promise<Sent> => {
    const first = await send(path, key, body);
    if (first.status !== 401 && first.status !== 412) return first;
    await renew();
    return send(path, key, body);
  };

  const server = http.createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part)).on('error', () => {});
    req.on('end', () => {
      const [path, key, body] = [
        req.url?.replace('/api', '') ?? '',
        String(req.headers['idempotency-key']),
        Buffer.concat(parts),
      ];
      carry(path, key, body)
        .catch((error: unknown) => {
          if (sabotage === 'sends again after a reset') return carry(path, key, body);
          throw error;
        })
        .then(({ status, headers, body: answer }) => res.writeHead(status, headers as string[]).end(answer))
        .catch(() => {
          const outcome = sabotage === 'says not_sent when it does not know' ? 'not_sent' : 'unknown';
          res.writeHead(502, { 'content-type': 'application/problem+json' });
          res.end(JSON.stringify({ code: 'upstream_failed', outcome }));
        });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}
