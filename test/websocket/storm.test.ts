import net from 'node:net';
import type { Socket } from 'node:net';
import test from 'ava';
import { httpCall } from '../helpers/outrider.ts';
import { until } from '../helpers/http1.ts';
import { mixSeed, numberFrom, randomFrom } from '../helpers/random.ts';
import { handshake } from '../helpers/websocket-client.ts';
import { givenSocket } from './given.ts';

const SEED = numberFrom('OUTRIDER_WEBSOCKET_SEED', 1);
const SESSIONS = 150;

type Random = () => number;

const pick = <T>(random: Random, list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
const bytes = (random: Random): Buffer => Buffer.alloc(Math.floor(random() ** 4 * 200_000) + 1, random().toString());

/** What either side may do with its connection at any time. */
const DEEDS: readonly ((socket: Socket, random: Random) => void)[] = [
  (socket, random) => void socket.write(bytes(random)),
  (socket, random) => void socket.write(bytes(random)),
  (socket) => void socket.pause(),
  (socket) => void socket.resume(),
  (socket) => void socket.end(),
  (socket) => void socket.destroy(),
  (socket) => void socket.resetAndDestroy(),
];

async function act(socket: Socket, random: Random): Promise<void> {
  for (let i = 0; i < 5 && !socket.destroyed; i++) {
    if (!socket.writableEnded) pick(random, DEEDS)(socket, random);
    await new Promise((resolve) => setTimeout(resolve, random() * 20));
  }
  socket.destroy();
}

/** Sockets of this process: of the test, of the proxy and of the provider. */
const sockets = (): number => process.getActiveResourcesInfo().filter((kind) => kind.startsWith('TCPSocket')).length;

test(`of ${SESSIONS} WebSockets that end in every way nothing is left, seed ${SEED}`, async (t) => {
  const { outrider, upstream } = await givenSocket(t, {
    extra: 'admin: { address: 127.0.0.1:0 }',
    handler(guest, n) {
      const random = randomFrom(mixSeed(SEED, -n));
      if (random() < 0.1) guest.socket.end('HTTP/1.1 403 No\r\nContent-Length: 3\r\n\r\nno!');
      else if (random() < 0.9) guest.accept();
      void act(guest.socket, random);
    },
  });
  const before = sockets();
  await Promise.all(
    Array.from({ length: SESSIONS }, async (_, n) => {
      const random = randomFrom(mixSeed(SEED, n));
      const socket = net.connect({ port: outrider.port, host: '127.0.0.1', allowHalfOpen: true });
      socket.on('error', () => undefined).resume();
      await new Promise((resolve) => setTimeout(resolve, random() * 500));
      socket.write(handshake('/api/socket'));
      await act(socket, random);
    }),
  );
  await until('a line for each that was heard of', () => outrider.logs().length >= upstream.guests.length, 10_000);
  await until('nothing open at the provider', () => upstream.openConnections === 0, 10_000);
  const metrics = await httpCall(outrider.adminOrigin ?? '', '/metrics');
  t.regex(metrics.text, /^http_server_active_requests 0$/m);
  await until('no socket more than before', () => sockets() <= before, 10_000);
  t.true(upstream.guests.length > SESSIONS / 2);
  for (const { status } of outrider.logs()) t.true([0, 101, 403, 502].includes(status), String(status));
});
