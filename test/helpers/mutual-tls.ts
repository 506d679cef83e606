import { spawn } from 'node:child_process';
import fs from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket, TlsOptions } from 'node:tls';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { LOCAL, type Authority } from './authority.ts';
import { temporaryDirectory } from './directory.ts';
import { freePort } from './free-port.ts';
import { until } from './http1.ts';

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
}

/** Starts a real HTTPS server whose certificate is by `authority`, and that wants one of clients by the same. */
export async function startStrictServer(
  t: ExecutionContext,
  authority: Authority,
  options: TlsOptions & { readonly clients?: readonly Authority[]; readonly names?: string } = {},
): Promise<StrictServer> {
  const { clients = [authority], names = LOCAL, ...tls } = options;
  const own = authority.issue('localhost', { names });
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
  };
  return strict;
}

/** Writes secrets to files. */
export interface SecretFiles {
  readonly dir: string;
  /** Writes a file, in place of the one before it. */
  write(name: string, text: string): void;
  /** The reference to a file in a config. */
  ref(name: string): string;
}

export function secretFiles(t: ExecutionContext): SecretFiles {
  const dir = temporaryDirectory(t);
  return {
    dir,
    write(name, text) {
      fs.writeFileSync(path.join(dir, `${name}.new`), text);
      fs.renameSync(path.join(dir, `${name}.new`), path.join(dir, name));
    },
    ref: (name) => `"\${file:${path.join(dir, name)}}"`,
  };
}

/** The `tls` of a provider, as one flow map, from files that are written. */
export function tlsOf(
  files: SecretFiles,
  name: string,
  {
    cert,
    key,
    ca,
    passphrase,
  }: { readonly cert?: string; readonly key?: string; readonly ca?: string; readonly passphrase?: string },
): string {
  const texts = { certificate: cert, key, ca, passphrase };
  const entries = Object.entries(texts).flatMap(([what, text]) => {
    if (text === undefined) return [];
    files.write(`${name}.${what}`, text);
    return [`${what}: ${files.ref(`${name}.${what}`)}`];
  });
  return `{ ${entries.join(', ')} }`;
}

/** Starts OpenSSL's own server, which refuses a certificate of others than `authority` with an alert. */
export async function startOpensslServer(t: ExecutionContext, authority: Authority, version: string): Promise<number> {
  const dir = temporaryDirectory(t);
  const { cert, key } = authority.issue('localhost', { names: LOCAL });
  const texts = { cert, key, ca: authority.cert };
  for (const [name, text] of Object.entries(texts)) fs.writeFileSync(path.join(dir, name), text);
  const port = await freePort();
  const flags = ['-www', '-Verify', '1', '-verify_return_error', version === 'TLSv1.2' ? '-tls1_2' : '-tls1_3'];
  const args = ['s_server', '-accept', `127.0.0.1:${port}`, '-cert', 'cert', '-key', 'key', '-CAfile', 'ca', ...flags];
  const child = spawn('openssl', args, { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => child.kill());
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await until('the server of OpenSSL', () => said.includes('ACCEPT'), 20_000);
  return port;
}
