import net from 'node:net';
import tls from 'node:tls';
import type { ExecutionContext } from 'ava';
import { Receiver } from './arrival.ts';
import type { Arrival } from './arrival.ts';
import { framingOf, MessageReader, until } from './http1.ts';

export type { Arrival } from './arrival.ts';

export type Handler = (arrival: Arrival, index: number) => unknown;

export interface Upstream {
  readonly port: number;
  readonly origin: string;
  readonly authority: string;
  /** Connections ever accepted: U of the contract. */
  readonly connections: number;
  readonly openConnections: number;
  /** Every request whose head arrived, in order. */
  readonly requests: readonly Arrival[];
  /** Protocol violations in what arrived. */
  readonly violations: readonly string[];
  /** Resolves with the n-th request, from 1, once its head is there. */
  request(n: number): Promise<Arrival>;
  /** What later requests get; the default reads the body and answers `ok`. */
  handler: Handler;
  /** Called with each new connection, before anything is read. */
  onConnection: ((socket: net.Socket, n: number) => void) | undefined;
  /** Stops listening and drops every connection, so that the next connect is refused. */
  close(): Promise<void>;
}

const readAndAnswer: Handler = async (arrival) => {
  await arrival.body();
  await arrival.reply(200, { headers: ['content-type', 'text/plain'], body: 'ok' });
};

/** A recording upstream on bare sockets, so that every byte and every connection is seen. Handed TLS options, it speaks TLS. */
export async function startUpstream(
  t: ExecutionContext,
  handler: Handler = readAndAnswer,
  options: { readonly tls?: tls.TlsOptions; readonly host?: string; readonly port?: number } = {},
): Promise<Upstream> {
  const requests: Arrival[] = [];
  const violations: string[] = [];
  const open = new Set<net.Socket>();
  let connections = 0;

  const serve = (socket: net.Socket, connection: number): void => {
    socket.setNoDelay(true);
    socket.setMaxListeners(0);
    socket.on('error', () => {});
    let current: Receiver | undefined;
    const reader = new MessageReader({
      head(head) {
        current = new Receiver(socket, connection, head);
        const arrival = current;
        requests.push(arrival);
        const index = requests.length;
        void (async () => upstream.handler(arrival, index))().catch((cause: unknown) => {
          if (!arrival.isBroken && !socket.destroyed) violations.push(`handler: ${String(cause)}`);
        });
        return framingOf(head.headers);
      },
      body: (bytes) => current?.take(bytes),
      end: (trailers) => current?.complete(trailers),
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (cause) {
        violations.push(String(cause));
        socket.destroy();
      }
    });
    const gone = (): void => current?.broken();
    socket.on('end', gone);
    socket.on('close', gone);
  };

  const accept = (socket: net.Socket): void => {
    connections += 1;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => {});
    upstream.onConnection?.(socket, connections);
    if (!options.tls) serve(socket, connections);
  };
  const tcp = net.createServer(accept);
  if (options.tls) {
    const secure = tls.createServer(options.tls, (socket) => serve(socket, connections));
    secure.on('tlsClientError', () => {});
    tcp.on('connection', (socket) => {
      if (!socket.destroyed) secure.emit('connection', socket);
    });
  }
  await new Promise<void>((resolve) => tcp.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve));
  const port = (tcp.address() as net.AddressInfo).port;

  const upstream: Upstream = {
    port,
    origin: `${options.tls ? 'https' : 'http'}://${options.host ?? '127.0.0.1'}:${port}`,
    authority: `${options.host ?? '127.0.0.1'}:${port}`,
    get connections() {
      return connections;
    },
    get openConnections() {
      return open.size;
    },
    requests,
    violations,
    async request(n) {
      await until(`request ${n} at the upstream`, () => requests.length >= n);
      return requests[n - 1] as Arrival;
    },
    handler,
    onConnection: undefined,
    close: () =>
      new Promise((resolve) => {
        tcp.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
  t.teardown(() => upstream.close());
  return upstream;
}
