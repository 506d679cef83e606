import { once } from 'node:events';
import type { Socket } from 'node:net';

export interface World {
  readonly count: number;
  readonly random: () => number;
  /** The flood is under way. */
  ready: () => void;
  open: (onOpen?: (socket: Socket) => void) => Socket;
}

type Flood = (world: World) => Promise<void>;

const HEAD = 'Host: localhost\r\n';
const forever = (): Promise<void> => new Promise(() => setInterval(() => undefined, 1_000));

/** Opens all connections, some at a time, and says what each says first. */
async function openAll({ count, open }: World, first: (n: number) => string | Buffer): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(50, count - sockets.length) }, (_, i) => {
      const text = first(sockets.length + i);
      return open((socket) => void (text.length > 0 && socket.write(text)));
    });
    await Promise.all(some.map((socket) => once(socket, 'connect').catch(() => undefined)));
    sockets.push(...some);
  }
  return sockets;
}

/** Each connection says one thing and is closed by us or by them; so many at once, so many in all. */
async function inTurns(
  { count, open, ready }: World,
  atOnce: number,
  say: (socket: Socket, n: number) => void,
): Promise<void> {
  let begun = 0;
  ready();
  const one = async (): Promise<void> => {
    while (begun < count) {
      const n = begun++;
      const socket = open((opened) => say(opened, n));
      await new Promise((resolve) => socket.once('close', resolve));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

/** Writes as fast as it is taken, for ever. */
function pour(socket: Socket, piece: string | Buffer): void {
  const go = (): void => {
    while (!socket.destroyed && socket.write(piece));
  };
  socket.on('drain', go);
  go();
}

const trickle = (sockets: readonly Socket[], text: string): void => {
  let n = 0;
  setInterval(() => {
    for (let i = 0; i < sockets.length / 20; i++) {
      const socket = sockets[n++ % sockets.length] as Socket;
      if (socket.writable) socket.write(text);
    }
  }, 50);
};

const MiB = 1024 * 1024;

export const KINDS: Readonly<Record<string, Flood>> = {
  async idle(world) {
    await openAll(world, (n) => (n % 2 === 0 ? '' : `GET /api/flood HTTP/1.1\r\n${HEAD}\r\n`));
    world.ready();
    await forever();
  },
  async heads(world) {
    const sockets = await openAll(world, () => `GET /api/flood HTTP/1.1\r\n${HEAD}X-Slow: `);
    world.ready();
    trickle(sockets, 'x');
    await forever();
  },
  async bodies(world) {
    const sockets = await openAll(
      world,
      () => `POST /api/flood HTTP/1.1\r\n${HEAD}Content-Length: 1000000000\r\n\r\nx`,
    );
    world.ready();
    trickle(sockets, 'x');
    await forever();
  },
  async readers(world) {
    const sockets = await openAll(world, () => `GET /api/flood/big HTTP/1.1\r\n${HEAD}\r\n`);
    for (const socket of sockets) socket.pause();
    world.ready();
    await forever();
  },
  /** They read all that comes, and ask for more. */
  async downloads(world) {
    const request = `GET /api/flood/big HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`;
    for (const socket of await openAll(world, () => request)) {
      const again = (s: Socket): void =>
        void s.once('close', () => again(world.open((opened) => opened.write(request))));
      again(socket);
    }
    world.ready();
    await forever();
  },
  async uploads(world) {
    const sockets = await openAll(
      world,
      () => `POST /api/flood HTTP/1.1\r\n${HEAD}Content-Length: ${1024 * MiB}\r\n\r\n`,
    );
    world.ready();
    const piece = Buffer.alloc(64 * 1024, 'x');
    for (const socket of sockets) pour(socket, piece);
    await forever();
  },
  async chunkedUploads(world) {
    const sockets = await openAll(world, () => `POST /api/flood HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
    world.ready();
    const piece = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(64 * 1024, 'x'), Buffer.from('\r\n')]);
    for (const socket of sockets) pour(socket, piece);
    await forever();
  },
  /** As wasteful as can be: six bytes of the wire for each of the body. */
  async crumbs(world) {
    const sockets = await openAll(world, () => `POST /api/flood HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
    world.ready();
    for (const socket of sockets) pour(socket, '1\r\nx\r\n'.repeat(10_000));
    await forever();
  },
  async bytes(world) {
    const { random } = world;
    await inTurns(world, 16, (socket) => {
      const bytes = Buffer.alloc(1 + Math.floor(random() * 200));
      for (let i = 0; i < bytes.length; i++) bytes[i] = Math.floor(random() * 256);
      socket.end(bytes);
    });
  },
  async bombs(world) {
    const bombs = [
      `GET /api/flood HTTP/1.1\r\n${HEAD}X-Bomb: ${'x'.repeat(MiB)}\r\n\r\n`,
      `GET /api/flood HTTP/1.1\r\n${HEAD}${'X-Bomb: x\r\n'.repeat(50_000)}\r\n`,
      `GET /api/flood/${'x'.repeat(MiB)} HTTP/1.1\r\n${HEAD}\r\n`,
      `GET /api/flood HTTP/1.1\r\n${HEAD}${'a: b\r\n'.repeat(20_000)}\r\n`,
    ];
    await inTurns(world, 8, (socket, n) => socket.end(bombs[n % bombs.length] as string));
  },
  async doors(world) {
    const lines = [
      'CONNECT api.phonepe.com:443 HTTP/1.1\r\nHost: api.phonepe.com:443\r\n\r\n',
      'GET http://169.254.169.254/latest/meta-data HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n',
      `CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: x\r\n\r\n${'x'.repeat(1000)}`,
      'POST https://api.example.com/x HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 3\r\n\r\nabc',
    ];
    await inTurns(world, 16, (socket, n) => socket.end(lines[n % lines.length] as string));
  },
  async pipelines(world) {
    const sockets = await openAll(world, () => '');
    world.ready();
    const piece = `GET /api/flood HTTP/1.1\r\n${HEAD}\r\n`.repeat(1_000);
    for (const socket of sockets) {
      const again = (s: Socket): void => {
        pour(s, piece);
        s.once('close', () => setTimeout(() => world.open(again), 20));
      };
      again(socket);
    }
    await forever();
  },
  async extensions(world) {
    const sockets = await openAll(
      world,
      () => `POST /api/flood HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n3;`,
    );
    world.ready();
    for (const socket of sockets) pour(socket, Buffer.alloc(64 * 1024, 'x'));
    await forever();
  },
};
