import { randomBytes } from 'node:crypto';
import net from 'node:net';
import type { Socket } from 'node:net';
import test from 'ava';
import { frame, OPCODE } from '../helpers/frames.ts';
import { until } from '../helpers/http1.ts';
import { handshake, shake } from '../helpers/websocket-client.ts';
import { givenSocket } from './given.ts';

const MIB = 1024 * 1024;
/** More than the buffers of the system take, at both connections. */
const FLOOD = Buffer.concat(Array.from({ length: 32 }, () => randomBytes(MIB)));
const connect = (port: number): Socket => net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });

/** Writes it piece by piece, each when the one before is with the system; tells how much is. */
function feed(socket: Socket, bytes: Buffer): { readonly flushed: () => number } {
  let flushed = 0;
  const next = (): void => {
    if (flushed >= bytes.length || socket.destroyed) return;
    const piece = bytes.subarray(flushed, flushed + 256 * 1024);
    socket.write(piece, () => {
      flushed += piece.length;
      next();
    });
  };
  next();
  return { flushed: () => flushed };
}

/** Resolves when `flushed` has stood still for a while. */
async function standstill(flushed: () => number): Promise<number> {
  for (let before = -1; before !== flushed(); await new Promise((resolve) => setTimeout(resolve, 250)))
    before = flushed();
  return flushed();
}

test('rule 16: what comes behind a handshake is held until the 101, and not without end', async (t) => {
  const { outrider, upstream } = await givenSocket(t, { handler: () => {} });
  const socket = connect(outrider.port);
  const early = frame(OPCODE.text, 'too early', { mask: true });
  const shaken = shake(t, outrider.port, Buffer.concat([Buffer.from(handshake('/api/socket')), early]), socket);
  const guest = await upstream.guest(1);
  const { flushed } = feed(socket, FLOOD);
  t.true((await standstill(flushed)) < 24 * MIB, 'the caller is made to wait');
  t.is(guest.received().length, 0);
  guest.accept();
  t.is((await shaken).status, 101);
  await until('all of it', () => guest.receivedBytes() === early.length + FLOOD.length, 20_000);
  t.true(guest.received().equals(Buffer.concat([early, FLOOD])));
});

for (const [slow, quick] of [
  ['provider', 'caller'],
  ['caller', 'provider'],
] as const) {
  test(`rule 16: a ${slow} that does not read makes the ${quick} wait, and gets everything in the end`, async (t) => {
    const { outrider, upstream } = await givenSocket(t, { handler: (guest) => guest.accept() });
    const client = await shake(t, outrider.port);
    const guest = await upstream.guest(1);
    const [reader, writer] = slow === 'provider' ? [guest, client] : [client, guest];
    reader.socket.pause();
    const { flushed } = feed(writer.socket, FLOOD);
    t.true((await standstill(flushed)) < 24 * MIB);
    // The other way is free.
    reader.socket.write('free');
    await until('the other way', () => writer.received().toString() === 'free');
    reader.socket.resume();
    await until('all of it', () => reader.receivedBytes() === FLOOD.length, 20_000);
    t.true(reader.received().equals(FLOOD));
  });
}

for (const [first, second] of [
  ['caller', 'provider'],
  ['provider', 'caller'],
] as const) {
  test(`rule 16: the ${first} sends no more, and still hears what the ${second} has to say`, async (t) => {
    const { outrider, upstream } = await givenSocket(t, { handler: (guest) => guest.accept() });
    const client = await shake(t, outrider.port);
    const guest = await upstream.guest(1);
    const [early, late] = first === 'caller' ? [client, guest] : [guest, client];
    early.socket.end('my last words');
    await until('the end', () => late.ended.has('end'));
    t.is(late.received().toString(), 'my last words');
    late.socket.end('mine');
    await until('the other end', () => early.ended.has('end'));
    t.is(early.received().toString(), 'mine');
    const [line] = await outrider.logged(1);
    t.is(line?.status, 101);
    t.is(line?.code, null as never);
    await until('nothing open at the upstream', () => upstream.openConnections === 0);
  });

  test(`rule 16: a ${first} that is done, and a ${second} that stays silent, are parted`, async (t) => {
    const { outrider, upstream } = await givenSocket(t, { handler: (guest) => guest.accept() });
    const client = await shake(t, outrider.port);
    const guest = await upstream.guest(1);
    const [early, late] = first === 'caller' ? [client, guest] : [guest, client];
    early.socket.end();
    await until('both closed', () => early.ended.has('end') && late.ended.has('end'));
    // Reading has come to its end, so that only writing tells whether anybody is there.
    await until('nobody there', () => {
      late.socket.write('into the void');
      return late.ended.has('close');
    });
    const [line] = await outrider.logged(1);
    t.is(line?.code, first === 'caller' ? 'upstream_timeout' : (null as never));
    await until('nothing open at the upstream', () => upstream.openConnections === 0);
  });

  test(`rule 18: an abort of the ${first} breaks the connection of the ${second}`, async (t) => {
    const { outrider, upstream } = await givenSocket(t, { handler: (guest) => guest.accept() });
    const client = await shake(t, outrider.port);
    const guest = await upstream.guest(1);
    const [early, late] = first === 'caller' ? [client, guest] : [guest, client];
    early.socket.write('half a mess');
    await until('what came before', () => late.received().length === 11);
    early.socket.resetAndDestroy();
    await until('the other end', () => late.ended.has('end') || late.ended.has('close'));
    const [line] = await outrider.logged(1);
    t.is(line?.status, 101);
    t.is(line?.code, first === 'caller' ? 'caller_gone' : 'upstream_failed');
    t.is(line?.outcome, 'unknown');
  });
}

test('rule 18: a caller who goes before the 101 takes the handshake along', async (t) => {
  const { outrider, upstream } = await givenSocket(t, { handler: () => {} });
  for (const [n, leave] of [
    (socket: Socket): unknown => socket.end(),
    (socket: Socket): unknown => socket.destroy(),
    (socket: Socket): unknown => socket.resetAndDestroy(),
  ].entries()) {
    const socket = connect(outrider.port);
    t.teardown(() => socket.destroy());
    socket.on('error', () => {});
    socket.write(handshake('/api/socket'));
    const guest = await upstream.guest(n + 1);
    leave(socket);
    await until('the end at the upstream', () => guest.ended.size > 0);
    const line = (await outrider.logged(n + 1))[n];
    t.is(line?.status, 0);
    t.is(line?.code, 'caller_gone');
  }
});

for (const goesOn of [false, true]) {
  const what = goesOn ? 'still sends' : 'leaves';
  test(`a caller who ${what} bytes that a provider who is gone can't take is let go`, async (t) => {
    const { outrider, upstream } = await givenSocket(t, {
      handler(guest) {
        guest.accept();
        guest.socket.pause();
      },
    });
    const caller = await shake(t, outrider.port);
    t.is(caller.status, 101);
    // More than kernels and streams hold on the way.
    while (caller.socket.write(Buffer.alloc(1_000_000)) || caller.socket.writableLength < 30_000_000);
    await until('the way is full', () => caller.socket.bytesWritten - caller.socket.writableLength > 100_000);
    const guest = await upstream.guest(1);
    guest.socket.end();
    await until('the FIN', () => caller.ended.has('end'));
    guest.socket.destroy();
    if (!goesOn) caller.socket.destroy();
    const [line] = await outrider.logged(1);
    t.is(line?.status, 101);
    // Who sends to a connection that is closed is told so by a reset.
    const sending = setInterval(() => !caller.socket.destroyed && caller.socket.write('more'), 20);
    t.teardown(() => clearInterval(sending));
    await until('the caller’s connection is closed', () => caller.ended.has('close'));
  });
}
