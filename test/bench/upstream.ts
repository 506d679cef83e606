import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

const BODY_BYTES = 200;
const HEAD_END = '\r\n\r\n';

/** A provider that costs next to nothing: raw sockets, one prepared answer for every request. */
export interface Upstream {
  readonly port: number;
  readonly origin: string;
  /** The head of the request that came last, as text. */
  lastHead(): string;
  readonly tokenCalls: () => number;
  close(): void;
}

function answer(body: string): Buffer {
  return Buffer.from(
    [
      'HTTP/1.1 200 OK',
      'Date: Sun, 01 Nov 2026 12:00:00 GMT',
      'Content-Type: application/json;charset=UTF-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Cache-Control: no-cache, no-store',
      'X-Request-Id: 5f0c7a3e9b1d4c2a',
      '',
      body,
    ].join('\r\n'),
    'latin1',
  );
}

const order = { orderId: 'OMO123456789', state: 'PENDING', expireAt: 1_706_697_605, redirectUrl: '' };
const padding = 'x'.repeat(BODY_BYTES - JSON.stringify(order).length);
const apiAnswer = answer(JSON.stringify({ ...order, redirectUrl: padding }));
const tokenAnswer = answer(
  JSON.stringify({ access_token: 'token-of-the-benchmark'.repeat(8), token_type: 'Bearer', expires_in: 86_400 }),
);

/** Length of the request at the start of `text` (head and body), or 0 when it is not all there. */
function requestLength(text: string): number {
  const headEnd = text.indexOf(HEAD_END);
  if (headEnd === -1) return 0;
  const start = headEnd + HEAD_END.length;
  if (text.startsWith('GET ')) return start;
  const head = text.slice(0, headEnd).toLowerCase();
  const length = /\r\ncontent-length: *(\d+)/.exec(head);
  if (length) return text.length >= start + Number(length[1]) ? start + Number(length[1]) : 0;
  if (!head.includes('\r\ntransfer-encoding: chunked')) return start;
  const end = text.indexOf('0\r\n\r\n', start);
  return end === -1 ? 0 : end + 5;
}

/** Starts the provider, with TLS where its options come; a `POST` to a path that ends in `/token` is its token endpoint (OAuth 2 client credentials). */
export async function startUpstream(tls?: TlsOptions): Promise<Upstream> {
  let lastHead = '';
  let tokenCalls = 0;
  const sockets = new Set<Socket>();
  const serve = (socket: Socket): void => {
    let rest = '';
    sockets.add(socket);
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      const text = rest === '' ? chunk : rest + chunk;
      const length = requestLength(text);
      rest = length === 0 ? text : text.slice(length);
      if (length === 0) return;
      lastHead = text;
      const isToken = /^POST \S*\/token /.test(text);
      if (isToken) tokenCalls += 1;
      socket.write(isToken ? tokenAnswer : apiAnswer);
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  };
  const server: Server = tls
    ? createTlsServer({ ...tls, noDelay: true }, serve)
    : createServer({ noDelay: true }, serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    port,
    origin: tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    lastHead: () => lastHead.slice(0, lastHead.indexOf(HEAD_END)),
    tokenCalls: () => tokenCalls,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
