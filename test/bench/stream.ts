import { connect, createServer, type Socket } from 'node:net';

const HEAD_END = '\r\n\r\n';
const PIECE = Buffer.alloc(64 * 1024, 'x');

/** A provider of bytes: a GET is answered with so many of them, a POST when so many have come. */
export interface StreamUpstream {
  readonly port: number;
  close(): void;
}

/** Writes so many bytes as fast as they are taken. */
function pour(socket: Socket, bytes: number): void {
  let left = bytes;
  const go = (): void => {
    while (left > 0) {
      const piece = left >= PIECE.length ? PIECE : PIECE.subarray(0, left);
      left -= piece.length;
      if (!socket.write(piece)) return;
    }
    socket.off('drain', go);
  };
  socket.on('drain', go);
  go();
}

/** Calls `onHead` with a head, and then `onBytes` with the length of each piece behind it. */
function afterHead(socket: Socket, onHead: (head: string) => void, onBytes: (bytes: number) => void): void {
  let head: string | undefined = '';
  socket.on('data', (chunk: Buffer) => {
    if (head === undefined) {
      onBytes(chunk.length);
      return;
    }
    head += chunk.toString('latin1');
    const end = head.indexOf(HEAD_END);
    if (end < 0) return;
    const rest = head.length - end - HEAD_END.length;
    onHead(head.slice(0, end));
    head = undefined;
    if (rest > 0) onBytes(rest);
  });
}

export async function startStreamUpstream(bytes: number): Promise<StreamUpstream> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    let left = bytes;
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
    afterHead(
      socket,
      (head) => {
        if (!head.startsWith('GET')) return;
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\nConnection: close${HEAD_END}`);
        pour(socket, bytes);
      },
      (count) => {
        left -= count;
        if (left === 0) socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close${HEAD_END}ok`);
      },
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** One transfer of so many bytes through the proxy at `port`. */
export function transfer(port: number, way: 'down' | 'up', path: string, bytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const wanted = way === 'down' ? bytes : 2;
    let got = 0;
    socket.on('error', reject);
    socket.on('close', () => (got === wanted ? resolve() : reject(new Error(`${got} of ${wanted} bytes came back`))));
    afterHead(
      socket,
      (head) => {
        if (!head.startsWith('HTTP/1.1 200')) socket.destroy(new Error(head));
      },
      (count) => {
        got += count;
        if (got === wanted) socket.end();
      },
    );
    const length = way === 'up' ? `\r\nContent-Length: ${bytes}` : '';
    socket.write(`${way === 'down' ? 'GET' : 'POST'} ${path} HTTP/1.1\r\nHost: 127.0.0.1${length}${HEAD_END}`);
    if (way === 'up') pour(socket, bytes);
  });
}
