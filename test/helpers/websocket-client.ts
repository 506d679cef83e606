import net from 'node:net';
import type { ExecutionContext } from 'ava';
import { header, parseHead, until, within } from './http1.ts';

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

/** A handshake as bytes; `more` are header lines. */
export const handshake = (target: string, more = '', host = 'localhost'): string =>
  `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
  `Sec-WebSocket-Key: ${KEY}\r\nSec-WebSocket-Version: 13\r\n${more}\r\n`;

/** A connection on which a handshake was sent, as bytes. */
export interface Shaken {
  readonly status: number;
  /** The answer's head. */
  readonly head: string;
  header(name: string): string | undefined;
  readonly socket: net.Socket;
  /** Every byte behind the head. */
  received(): Buffer;
  /** How many they are. */
  receivedBytes(): number;
  /** What came to an end: `end` a FIN, `close` the connection. */
  readonly ended: ReadonlySet<'end' | 'close'>;
}

/** Sends these bytes, on a connection of their own or on `over`, and reads the head of the answer. Closed at the test's end. */
export async function shake(
  t: ExecutionContext,
  port: number,
  head: string | Uint8Array = handshake('/api/socket'),
  over?: net.Socket,
): Promise<Shaken> {
  const socket = over ?? net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  t.teardown(() => socket.destroy());
  const chunks: Buffer[] = [];
  let bytes = 0;
  const ended = new Set<'end' | 'close'>();
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
  });
  socket.on('end', () => ended.add('end')).on('close', () => ended.add('close'));
  socket.write(typeof head === 'string' ? Buffer.from(head, 'latin1') : head);
  const everything = (): Buffer => Buffer.concat(chunks);
  await until('a head', () => everything().includes('\r\n\r\n') || ended.has('close'));
  const end = everything().indexOf('\r\n\r\n') + 4;
  if (end < 4) throw new Error(`closed after ${JSON.stringify(everything().toString('latin1'))}`);
  const { text, startLine, headers } = parseHead(everything().toString('latin1', 0, end));
  return {
    status: Number(startLine.split(' ')[1]),
    head: text,
    header: (name) => header(headers, name),
    socket,
    received: () => everything().subarray(end),
    receivedBytes: () => bytes - end,
    ended,
  };
}

/** What a program sees of a WebSocket. */
export interface Session {
  readonly socket: WebSocket;
  /** Resolves with the n-th message, from 1. */
  readonly message: (n: number) => Promise<unknown>;
  readonly closed: Promise<{ readonly code: number; readonly reason: string; readonly wasClean: boolean }>;
}

/** Opens a WebSocket with Node's own client. Rejects when the handshake fails. */
export async function openSession(
  t: ExecutionContext,
  url: string,
  protocols: readonly string[] = [],
): Promise<Session> {
  const socket = new WebSocket(url, [...protocols]);
  socket.binaryType = 'arraybuffer';
  t.teardown(() => socket.close());
  const messages: unknown[] = [];
  socket.addEventListener('message', ({ data }) => void messages.push(data));
  const { promise: closed, resolve: close } = Promise.withResolvers<Awaited<Session['closed']>>();
  socket.addEventListener('close', ({ code, reason, wasClean }) => close({ code, reason, wasClean }));
  const opened = new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve());
    socket.addEventListener('close', () => reject(new Error('the handshake failed')));
  });
  await within(5_000, 'an open WebSocket', opened);
  return {
    socket,
    closed,
    async message(n) {
      await until(`message ${n}`, () => messages.length >= n);
      return messages[n - 1];
    },
  };
}
