import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';

/** The length of the answer to `/big`, of which no one reads the end. */
const BIG_BYTES = 64 * 1024 ** 2;
const PIECE = Buffer.alloc(64 * 1024, 'x');

export interface Provider {
  readonly origin: string;
}

export interface ProviderOptions {
  /** How much of all bodies together is read in a second; default: all. */
  readonly bytesPerSecond?: number;
}

/** An upstream that reads what it is sent, as fast as it is told to, and answers `ok`, or endlessly on a path that ends in `/big`. */
export async function startProvider(
  t: Pick<ExecutionContext, 'teardown'>,
  { bytesPerSecond = Infinity }: ProviderOptions = {},
): Promise<Provider> {
  const waiting = new Set<http.IncomingMessage>();
  let allowance = bytesPerSecond;
  const refill = setInterval(() => {
    allowance = bytesPerSecond / 20;
    for (const req of waiting) req.resume();
    waiting.clear();
  }, 50);

  const server = http.createServer((req, res) => {
    req.on('data', (chunk: Buffer) => {
      allowance -= chunk.length;
      if (allowance > 0) return;
      req.pause();
      waiting.add(req);
    });
    req.on('error', () => waiting.delete(req));
    if (req.url?.endsWith('/big')) {
      res.writeHead(200, { 'content-length': BIG_BYTES });
      const pump = (): void => {
        while (!res.destroyed && res.write(PIECE));
      };
      res.on('drain', pump);
      pump();
      return;
    }
    req.on('end', () => res.end('ok'));
  });
  server.on('connection', (socket) => socket.on('error', () => {}));
  server.requestTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    clearInterval(refill);
    server.close();
    server.closeAllConnections();
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
