import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import type { ExecutionContext } from 'ava';
import { acceptOf, frame, OPCODE, readFrames } from './frames.ts';
import { header, headerAll, until } from './http1.ts';

/** One handshake that reached the upstream. */
export interface Guest {
  /** Name, value, … as they came. */
  readonly headers: readonly string[];
  readonly method: string;
  readonly target: string;
  readonly socket: Socket;
  header(name: string): string | undefined;
  headerAll(name: string): string[];
  /** Every byte behind the handshake. */
  received(): Buffer;
  /** How many they are. */
  receivedBytes(): number;
  /** Answers with the right 101; `more` are headers. */
  accept(more?: readonly string[]): void;
  /** What came to an end: `end` a FIN, `close` the connection. */
  readonly ended: ReadonlySet<'end' | 'close'>;
}

export interface WebSocketUpstream {
  readonly port: number;
  readonly origin: string;
  /** Connections ever accepted. */
  readonly connections: number;
  readonly openConnections: number;
  readonly guests: readonly Guest[];
  /** Requests that were no handshakes. */
  readonly requests: readonly http.IncomingMessage[];
  /** Resolves with the n-th handshake, from 1. */
  guest(n: number): Promise<Guest>;
  /** What handshakes get; the default accepts. */
  handler: (guest: Guest, n: number) => void;
}

/** Echoes text and binary frames, answers pings and closes with the same code. */
export function echo(guest: Guest, more: readonly string[] = []): void {
  guest.accept(more);
  let seen = 0;
  guest.socket.on('data', () => {
    const frames = readFrames(guest.received());
    for (const { opcode, payload, isFinal } of frames.slice(seen)) {
      const answer = opcode === OPCODE.ping ? OPCODE.pong : opcode;
      guest.socket.write(frame(answer, payload, { isFinal }));
      if (opcode === OPCODE.close) guest.socket.end();
    }
    seen = frames.length;
  });
}

/** A server of WebSocket on node:http. Handed TLS options, it speaks TLS. */
export async function startWebSocketUpstream(
  t: ExecutionContext,
  handler: (guest: Guest, n: number) => void = (guest) => echo(guest),
  options: { readonly tls?: TlsOptions } = {},
): Promise<WebSocketUpstream> {
  const guests: Guest[] = [];
  const requests: http.IncomingMessage[] = [];
  const open = new Set<Socket>();
  let connections = 0;
  const answer: http.RequestListener = (req, res) => {
    requests.push(req);
    res.end('ordinary');
  };
  const server = options.tls ? https.createServer(options.tls, answer) : http.createServer(answer);
  server.on('connection', (socket: Socket) => {
    connections++;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  server.on('upgrade', (req, duplex, head) => {
    const socket = duplex as Socket;
    const chunks: Buffer[] = [head];
    let bytes = head.length;
    const ended = new Set<'end' | 'close'>();
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
    });
    socket.on('end', () => ended.add('end')).on('close', () => ended.add('close'));
    const guest: Guest = {
      headers: req.rawHeaders,
      method: req.method ?? '',
      target: req.url ?? '',
      socket,
      ended,
      header: (name) => header(req.rawHeaders, name),
      headerAll: (name) => headerAll(req.rawHeaders, name),
      received: () => Buffer.concat(chunks),
      receivedBytes: () => bytes,
      accept(more = []) {
        const key = guest.header('sec-websocket-key') ?? '';
        let text = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n';
        text += `Sec-WebSocket-Accept: ${acceptOf(key)}\r\n`;
        for (let i = 0; i < more.length; i += 2) text += `${more[i]}: ${more[i + 1]}\r\n`;
        socket.write(`${text}\r\n`, 'latin1');
      },
    };
    guests.push(guest);
    upstream.handler(guest, guests.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  t.teardown(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  const upstream: WebSocketUpstream = {
    port,
    origin: `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    get connections() {
      return connections;
    },
    get openConnections() {
      return open.size;
    },
    guests,
    requests,
    async guest(n) {
      await until(`handshake ${n} at the upstream`, () => guests.length >= n);
      return guests[n - 1] as Guest;
    },
    handler,
  };
  return upstream;
}
