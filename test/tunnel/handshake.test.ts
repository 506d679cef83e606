import type net from 'node:net';
import test from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import { within } from '../helpers/http1.ts';
import { exchange, openTunnel } from './client.ts';
import { get, givenIntercepted } from './intercepted.ts';

/** The beginning of a ClientHello. */
const HELLO = Buffer.from('16030100f8010000f40303', 'hex');
const closed = (socket: net.Socket): Promise<void> =>
  within(20_000, 'the end', new Promise((resolve) => socket.resume().once('close', () => resolve())));

test('a tunnel in which nothing comes, or a handshake that does not end, is cut after 10 s', async (t) => {
  const clock = fakeClock();
  const { upstream, outrider, authority } = await givenIntercepted(t, { clock });
  const sockets: net.Socket[] = [];
  for (const bytes of [Buffer.alloc(0), HELLO.subarray(0, 1), HELLO]) {
    const { socket } = await openTunnel(t, outrider.port, authority);
    await new Promise((resolve) => socket.write(bytes, resolve));
    sockets.push(socket);
  }
  // What a handshake has has been read once another request was answered.
  await outrider.call('/nowhere');
  const ends = Promise.all(sockets.map(closed));
  await clock.advance(9_900);
  t.true(sockets.every(({ destroyed }) => !destroyed));
  await clock.advance(200);
  await ends;
  t.is(upstream.connections, 0);
});

for (const [how, leave] of [
  ['goes', (socket: net.Socket) => socket.destroy()],
  ['says that no more comes', (socket: net.Socket) => socket.end()],
  ['breaks off', (socket: net.Socket) => socket.resetAndDestroy()],
] as const) {
  test(`a caller who ${how} in mid handshake leaves no connection`, async (t) => {
    const clock = fakeClock();
    const { outrider, authority } = await givenIntercepted(t, { clock, extra: 'limits: { connections: 1 }' });
    for (const bytes of [Buffer.alloc(0), HELLO.subarray(0, 3), HELLO]) {
      const { socket } = await openTunnel(t, outrider.port, authority);
      await new Promise((resolve) => socket.write(bytes, resolve));
      leave(socket);
      let next = await openTunnel(t, outrider.port, authority);
      for (let i = 0; i < 200 && next.status === 503; i++) {
        next.socket.destroy();
        await new Promise((resolve) => setTimeout(resolve, 10));
        next = await openTunnel(t, outrider.port, authority);
      }
      t.is((await exchange(next.socket, get(authority))).status, 200);
      next.socket.destroy();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
}
