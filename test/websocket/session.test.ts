import { randomBytes } from 'node:crypto';
import test from 'ava';
import { closing, frame, OPCODE, readFrames } from '../helpers/frames.ts';
import { until, within } from '../helpers/http1.ts';
import { echo } from '../helpers/websocket-upstream.ts';
import { openSession, shake } from '../helpers/websocket-client.ts';
import { givenSocket } from './given.ts';

const url = (port: number, path = '/api/socket'): string => `ws://127.0.0.1:${port}${path}`;

test('rule 16: text and binary messages of any length pass both ways', async (t) => {
  const { outrider } = await givenSocket(t);
  const { socket, message } = await openSession(t, url(outrider.port));
  const texts = ['', 'hello', 'ünïcödé ☃ 💶', 'x'.repeat(126), 'y'.repeat(70_000)];
  for (const text of texts) socket.send(text);
  for (const [i, text] of texts.entries()) t.is(await message(i + 1), text);
  const binaries = [0, 1, 125, 126, 65_535, 65_536, 1_000_000].map((length) => randomBytes(length));
  for (const bytes of binaries) socket.send(bytes);
  for (const [i, bytes] of binaries.entries()) {
    const echoed = await message(texts.length + i + 1);
    t.true(Buffer.from(echoed as ArrayBuffer).equals(bytes), `${bytes.length} bytes`);
  }
});

test('rule 16: the caller closes with a code and a reason, and hears the same', async (t) => {
  const { outrider, upstream } = await givenSocket(t);
  const { socket, closed } = await openSession(t, url(outrider.port));
  socket.close(4321, 'done with it');
  t.deepEqual(await within(5_000, 'close', closed), { code: 4321, reason: 'done with it', wasClean: true });
  const [last] = readFrames((await upstream.guest(1)).received()).slice(-1);
  t.is(last?.opcode, OPCODE.close);
  t.deepEqual(last?.payload, closing(4321, 'done with it'));
  await until('nothing open at the upstream', () => upstream.openConnections === 0);
});

for (const [code, reason] of [
  [1000, ''],
  [1001, 'going away'],
  [1011, 'out of order'],
  [4999, 'ü'.repeat(60)],
] as const) {
  test(`rule 16: the provider closes with ${code} and a reason of ${reason.length} characters`, async (t) => {
    const { outrider, upstream } = await givenSocket(t);
    const { closed } = await openSession(t, url(outrider.port));
    const { socket } = await upstream.guest(1);
    socket.write(frame(OPCODE.close, closing(code, reason)));
    t.deepEqual(await within(5_000, 'close', closed), { code, reason, wasClean: true });
  });
}

test('rule 16: a subprotocol and extensions are settled between caller and provider', async (t) => {
  const { outrider, upstream } = await givenSocket(t, {
    handler: (guest) => echo(guest, ['Sec-WebSocket-Protocol', 'chat.v2']),
  });
  const { socket } = await openSession(t, url(outrider.port), ['chat.v1', 'chat.v2']);
  t.is(socket.protocol, 'chat.v2');
  const guest = await upstream.guest(1);
  t.is(guest.header('sec-websocket-protocol'), 'chat.v1, chat.v2');
  t.regex(guest.header('sec-websocket-extensions') ?? '', /permessage-deflate/);
});

const ODD: Readonly<Record<string, Buffer>> = {
  'a message in fragments with a ping between them': Buffer.concat([
    frame(OPCODE.text, 'one ', { isFinal: false }),
    frame(OPCODE.ping, 'are you there'),
    frame(OPCODE.continuation, 'two ', { isFinal: false }),
    frame(OPCODE.pong, 'unasked'),
    frame(OPCODE.continuation, 'three'),
  ]),
  'reserved bits and opcodes': Buffer.from([0xf3, 0x01, 0x61, 0x8b, 0x00, 0x4f, 0x00]),
  'a frame that never ends': Buffer.from([0x82, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3]),
  'bytes that look like a request': Buffer.from('GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n'),
  'bytes that look like an answer': Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
  'what is no WebSocket at all': randomBytes(3_000),
};

for (const [what, bytes] of Object.entries(ODD)) {
  test(`rule 16: ${what} passes untouched both ways`, async (t) => {
    const { outrider, upstream } = await givenSocket(t, { handler: (guest) => guest.accept() });
    const client = await shake(t, outrider.port);
    t.is(client.status, 101);
    const guest = await upstream.guest(1);
    // In one piece, then byte by byte.
    client.socket.write(bytes);
    guest.socket.write(bytes);
    for (const byte of bytes) client.socket.write(Uint8Array.of(byte));
    for (const byte of bytes) guest.socket.write(Uint8Array.of(byte));
    await until('all of it at the provider', () => guest.received().length === 2 * bytes.length);
    await until('all of it at the caller', () => client.received().length === 2 * bytes.length);
    const twice = Buffer.concat([bytes, bytes]);
    t.true(guest.received().equals(twice));
    t.true(client.received().equals(twice));
  });
}

test('rule 16: what the provider sends in one piece with its 101 comes behind it', async (t) => {
  const first = frame(OPCODE.text, 'welcome');
  const { outrider } = await givenSocket(t, {
    handler(guest) {
      guest.socket.cork();
      guest.accept();
      guest.socket.write(first);
      guest.socket.uncork();
    },
  });
  const client = await shake(t, outrider.port);
  await until('the first frame', () => client.received().length === first.length);
  t.true(client.received().equals(first));
});
