import net from 'node:net';
import tls from 'node:tls';
import type { ExecutionContext } from 'ava';
import { keepCredentials, saidIn } from '../helpers/canary.ts';
import { parseHead, within } from '../helpers/http1.ts';
import { lookAtAnswer } from '../helpers/watch.ts';

export interface Tunnel {
  /** The proxy's answer to the CONNECT. */
  readonly status: number;
  readonly head: string;
  readonly socket: net.Socket;
  /** TLS within, verified against this CA. */
  secure(options: tls.ConnectionOptions): Promise<tls.TLSSocket>;
}

/** Opens a tunnel with a CONNECT of these bytes' authority. */
export async function openTunnel(t: ExecutionContext, port: number, authority: string, more = ''): Promise<Tunnel> {
  const socket = net.connect({ port, host: '127.0.0.1' });
  t.teardown(() => socket.destroy());
  socket.on('error', () => undefined);
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${more}\r\n`);
  keepCredentials(more);
  const head = await within(20_000, 'an answer to CONNECT', readHead(socket));
  look(port, head, authority + saidIn(more));
  return {
    status: Number(head.split(' ')[1]),
    head,
    socket,
    async secure(options) {
      const inner = tls.connect({ socket, ALPNProtocols: ['h2', 'http/1.1'], ...options });
      t.teardown(() => inner.destroy());
      await within(
        5_000,
        'a handshake',
        new Promise<void>((resolve, reject) => inner.once('secureConnect', resolve).once('error', reject)),
      );
      inner.on('error', () => undefined);
      return inner;
    },
  };
}

/** Reads up to the empty line and, where Content-Length says so, the body behind it. */
export function readHead(socket: net.Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const read = (): void => {
      for (let chunk = socket.read() as Buffer | null; chunk; chunk = socket.read() as Buffer | null) {
        text += chunk.toString('latin1');
        const end = text.indexOf('\r\n\r\n');
        const length = Number(/^content-length: (\d+)/im.exec(text)?.[1] ?? 0);
        if (end < 0 || text.length < end + 4 + length) continue;
        socket.off('readable', read).off('close', gone);
        resolve(text);
        return;
      }
    };
    const gone = (): void => reject(new Error(`closed after ${JSON.stringify(text)}`));
    socket.on('readable', read).on('close', gone);
    read();
  });
}

function look(port: number, answer: string, said: string): void {
  const end = answer.indexOf('\r\n\r\n') + 4;
  const { headers } = parseHead(answer.slice(0, end));
  lookAtAnswer(port, { status: Number(answer.split(' ')[1]), headers, text: answer.slice(end) }, said);
}

/** Sends bytes and reads one answer with a Content-Length. */
export async function exchange(socket: net.Socket, bytes: string): Promise<{ status: number; text: string }> {
  const answer = within(20_000, 'an answer in the tunnel', readHead(socket));
  socket.write(bytes);
  keepCredentials(bytes);
  const text = await answer;
  look(socket.remotePort ?? 0, text, saidIn(bytes));
  return { status: Number(text.split(' ')[1]), text };
}
