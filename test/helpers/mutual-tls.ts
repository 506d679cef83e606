import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket, TlsOptions } from 'node:tls';
import type { ExecutionContext } from 'ava';
import { LOCAL, type Authority } from './authority.ts';

/** A request as a server behind mutual TLS saw it. */
export interface Presented {
  /** The `CN` of the certificate that its connection showed; '' without one. */
  readonly certificate: string;
  /** Whether the connection's TLS session was resumed. */
  readonly isResumed: boolean;
  /** From 1, in the order of the connections. */
  readonly connection: number;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

/** A server that wants a certificate of one of some CAs. */
export interface StrictServer {
  readonly port: number;
  readonly origin: string;
  readonly requests: readonly Presented[];
  /** Connections ever accepted. */
  readonly connections: number;
  /** What a request gets; by default 200 `ok`. */
  answer: (request: Presented) => {
    readonly status?: number;
    readonly body: string;
    readonly headers?: Readonly<Record<string, string>>;
  };
  /** Trusts another CA from the next connection on. */
  trust(...authorities: readonly Authority[]): void;
  /** Drops every connection that no request is on. */
  dropIdle(): void;
}

/** Starts a real HTTPS server whose certificate is by `authority`, and that wants one of clients by the same. */
export async function startStrictServer(
  t: ExecutionContext,
  authority: Authority,
  options: TlsOptions & { readonly clients?: readonly Authority[] } = {},
): Promise<StrictServer> {
  const { clients = [authority], ...tls } = options;
  const own = authority.issue('localhost', { names: LOCAL });
  const roots = (list: readonly Authority[]): string[] => list.map(({ cert }) => cert);
  const requests: Presented[] = [];
  const known = new Map<TLSSocket, number>();
  const settings = { ...own, requestCert: true, rejectUnauthorized: true, ...tls };
  const server = https.createServer({ ...settings, ca: roots(clients) }, (request, response) => {
    const socket = request.socket as TLSSocket;
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      const presented: Presented = {
        certificate: String(socket.getPeerCertificate()?.subject?.CN ?? ''),
        isResumed: socket.isSessionReused(),
        connection: known.get(socket) ?? 0,
        path: request.url ?? '',
        authorization: request.headers.authorization,
        body,
      };
      requests.push(presented);
      const { status = 200, body: text, headers } = strict.answer(presented);
      response.writeHead(status, headers).end(text);
    });
  });
  server.on('secureConnection', (socket) => known.set(socket, known.size + 1));
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const strict: StrictServer = {
    port,
    origin: `https://localhost:${port}`,
    requests,
    get connections() {
      return known.size;
    },
    answer: () => ({ body: 'ok' }),
    trust: (...authorities) => server.setSecureContext({ ...settings, ca: roots(authorities) }),
    dropIdle: () => server.closeIdleConnections(),
  };
  return strict;
}
