import { once } from 'node:events';
import net from 'node:net';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { ClientConnection, type ResponseHandler, type ExchangeControls } from '../../src/http1/client-connection.ts';
import type { OutgoingRequest } from '../../src/http1/client-connection.ts';
import type { AnswerHead } from '../../src/http1/head.ts';
import { until } from '../helpers/http1.ts';

/** What one exchange heard, in order. */
class Heard implements ResponseHandler {
  readonly events: string[] = [];
  head: AnswerHead | undefined;
  body = '';
  pieces = 0;
  error: (Error & { code?: string }) | undefined;
  controls: ExchangeControls | undefined;

  onStarted(controls: ExchangeControls): void {
    this.controls = controls;
    this.events.push('started');
  }

  onSent(): void {
    this.events.push('sent');
  }

  onHead(head: AnswerHead): void {
    this.head = head;
    this.events.push('head');
  }

  onData(piece: Buffer): void {
    if (this.pieces === 0) this.events.push('data');
    this.pieces += 1;
    this.body += piece.toString('latin1');
  }

  onEnd(): void {
    this.events.push('end');
  }

  onFailed(error: Error): void {
    this.error = error;
    this.events.push('failed');
  }

  get isOver(): boolean {
    return this.events.includes('end') || this.events.includes('failed');
  }
}

/** A connection to a socket of the test's own. */
async function connected(t: ExecutionContext) {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
  const [peer] = (await once(server, 'connection')) as [net.Socket];
  await once(socket, 'connect');
  let received = '';
  peer.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
  peer.on('error', () => undefined);
  const released: boolean[] = [];
  let lost = 0;
  const connection = new ClientConnection(socket, {
    maxHeadBytes: () => 1_000,
    released: (_, isReusable) => released.push(isReusable),
    lost: () => (lost += 1),
  });
  t.teardown(() => {
    socket.destroy();
    peer.destroy();
    server.close();
  });
  const send = (request: Partial<OutgoingRequest> = {}): Heard => {
    const heard = new Heard();
    connection.send({ method: 'GET', head: 'GET / HTTP/1.1\r\n\r\n', body: null, streamBytes: 0, ...request }, heard);
    return heard;
  };
  return {
    connection,
    socket,
    peer,
    send,
    released,
    received: () => received,
    lost: () => lost,
    over: (heard: Heard) => until('the end of the exchange', () => heard.isOver),
  };
}

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

test('exchanges come one after the other on one connection', async (t) => {
  const { peer, send, over, released, received, connection } = await connected(t);
  for (let i = 1; i <= 3; i++) {
    const heard = send();
    t.false(connection.isUsable);
    await until('the request', () => received().length === i * 18);
    peer.write(ANSWER);
    await over(heard);
    t.deepEqual(heard.events, ['started', 'sent', 'head', 'data', 'end']);
    t.is(heard.body, 'ok');
    t.true(connection.isUsable);
  }
  t.deepEqual(released, [true, true, true]);
});

test('a head and a body that is whole are one piece, and a body may hold any bytes', async (t) => {
  const { peer, send, over, received } = await connected(t);
  const heard = send({ method: 'POST', head: 'POST / HTTP/1.1\r\n\r\n', body: Buffer.from([0, 255, 10]) });
  await until('the request', () => received().length === 22);
  t.is(received(), 'POST / HTTP/1.1\r\n\r\n\0\xff\n');
  peer.write(ANSWER);
  await over(heard);
});

async function* pieces(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) {
    await Promise.resolve();
    yield Buffer.from(text);
  }
}

for (const [what, streamBytes, texts, expected] of [
  ['a length', 5, ['ab', '', 'cde'], 'abcde'],
  ['chunks', -1, ['ab', '', 'cde'], '2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n'],
  ['no chunks at all', -1, [], '0\r\n\r\n'],
  ['a length of nothing', 0, [], ''],
] as const) {
  test(`a body that streams is framed by ${what}`, async (t) => {
    const { peer, send, over, received } = await connected(t);
    const heard = send({ head: 'HEAD\r\n\r\n', body: pieces(...texts), streamBytes });
    await until('its end', () => heard.events.includes('sent'));
    await until('the request', () => received().length === 8 + expected.length);
    t.is(received(), `HEAD\r\n\r\n${expected}`);
    peer.write(ANSWER);
    await over(heard);
    t.deepEqual(heard.events, ['started', 'sent', 'head', 'data', 'end']);
  });
}

for (const [what, streamBytes, texts] of [
  ['longer', 2, ['ab', 'c']],
  ['shorter', 4, ['ab', 'c']],
] as const) {
  test(`a body that is ${what} than it says is broken off, and never completed`, async (t) => {
    const { peer, send, over, released } = await connected(t);
    const closed = once(peer, 'close');
    const heard = send({ body: pieces(...texts), streamBytes });
    await over(heard);
    t.is(heard.error?.code, 'wrong_length');
    t.deepEqual(released, [false]);
    await closed;
  });
}

test('a body that throws breaks the connection, and the error is its own', async (t) => {
  const { send, over, peer } = await connected(t);
  const closed = once(peer, 'close');
  const own = new Error('the caller left');
  const heard = send({
    streamBytes: -1,
    body: (async function* () {
      yield Buffer.from('a');
      await Promise.resolve();
      throw own;
    })(),
  });
  await over(heard);
  t.is(heard.error, own);
  await closed;
});

test('a body is asked for more only as the peer takes it', async (t) => {
  const { send, peer, over } = await connected(t);
  peer.pause();
  let asked = 0;
  const heard = send({
    streamBytes: -1,
    body: (async function* () {
      for (; asked < 200; asked++) {
        await Promise.resolve();
        yield Buffer.alloc(256 * 1024);
      }
    })(),
  });
  await until('standstill', () => asked > 0);
  for (let before = -1; before !== asked;) {
    before = asked;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  t.true(asked < 100, `${asked} pieces`);
  peer.resume();
  await until('the rest', () => heard.events.includes('sent'));
  peer.write(ANSWER);
  await over(heard);
});

for (const [what, bytes, isReusable] of [
  ['a length', ANSWER, true],
  ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\nX: y\r\n\r\n', true],
  ['Connection: close', 'HTTP/1.1 200 OK\r\nConnection: X, Close\r\nContent-Length: 2\r\n\r\nok', false],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok', false],
  ['interim heads before it', `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n${ANSWER}`, true],
  ['bytes behind it that nobody asked for', `${ANSWER}HTTP`, false],
] as const) {
  for (const step of [1, 7, 10_000]) {
    test(`an answer with ${what}, ${step} bytes at a time: the connection ${isReusable ? 'is kept' : 'is not used again'}`, async (t) => {
      const { peer, send, over, released, connection } = await connected(t);
      peer.setNoDelay(true);
      const heard = send();
      for (let at = 0; at < bytes.length; at += step) {
        peer.write(bytes.slice(at, at + step), 'latin1');
        await new Promise((resolve) => setImmediate(resolve));
      }
      await over(heard);
      t.is(heard.body, 'ok');
      t.is(heard.head?.status, 200);
      // What comes in a later read than the answer's end finds a connection that carries nothing.
      t.deepEqual(released, [isReusable || (step === 1 && bytes.startsWith(ANSWER))]);
      if (!isReusable) await until('its end', () => !connection.isUsable);
    });
  }
}

test('an answer without a length ends with its connection, unless that breaks', async (t) => {
  for (const isBroken of [false, true]) {
    const { peer, send, over } = await connected(t);
    const heard = send();
    peer.write('HTTP/1.1 200 OK\r\n\r\nok');
    await until('the body', () => heard.body === 'ok');
    if (isBroken) peer.resetAndDestroy();
    else peer.end();
    await over(heard);
    t.is(heard.events.at(-1), isBroken ? 'failed' : 'end');
  }
});

for (const [what, method, head] of [
  ['a HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'],
  ['a 204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
  ['a 304', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n'],
] as const) {
  test(`the answer to ${what} has no body, and the next one begins behind its head`, async (t) => {
    const { peer, send, over, released } = await connected(t);
    const first = send({ method });
    peer.write(head);
    await over(first);
    t.deepEqual(first.events, ['started', 'sent', 'head', 'end']);
    const second = send();
    peer.write(ANSWER);
    await over(second);
    t.is(second.body, 'ok');
    t.deepEqual(released, [true, true]);
  });
}

for (const [what, bytes, code] of [
  ['nonsense', 'SSH-2.0-x\r\n', 'bad_start_line'],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok', 'two_lengths'],
  ['a head without end', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(2_000)}`, 'head_too_large'],
  ['a switch of protocols', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n', 'unexpected_switch'],
  ['a broken chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 'bad_chunk'],
] as const) {
  test(`${what} is no answer, and its connection is closed`, async (t) => {
    const { peer, send, over, released } = await connected(t);
    const closed = once(peer, 'close');
    const heard = send();
    peer.write(bytes);
    await over(heard);
    t.is(heard.error?.code, code);
    t.deepEqual(released, [false]);
    await closed;
  });
}

for (const [what, bytes] of [
  ['before its answer', ''],
  ['within a head', 'HTTP/1.1 200 O'],
  ['within a length', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok'],
  ['within chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n'],
] as const) {
  test(`a connection that ends ${what} is a failure, told once`, async (t) => {
    const { peer, send, over, released } = await connected(t);
    const heard = send();
    peer.end(bytes);
    await over(heard);
    t.is(heard.error?.code, 'truncated');
    t.is(heard.events.filter((event) => event === 'failed').length, 1);
    t.deepEqual(released, [false]);
  });
}

test('bytes on a connection that carries nothing close it', async (t) => {
  const { peer, connection, lost } = await connected(t);
  peer.write(ANSWER);
  await until('its end', () => lost() === 1);
  t.false(connection.isUsable);
});

test('an answer that comes before the request is all sent reaches the caller, and the connection is not used again', async (t) => {
  const { peer, send, over, released } = await connected(t);
  let isOpen = true;
  const heard = send({
    streamBytes: -1,
    body: (async function* () {
      while (isOpen) {
        yield Buffer.from('more');
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })(),
  });
  peer.write('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno');
  await over(heard);
  isOpen = false;
  t.deepEqual(heard.events, ['started', 'head', 'data', 'end']);
  t.deepEqual(released, [false]);
});

test('what is given up is heard of no more', async (t) => {
  const { peer, send, connection } = await connected(t);
  const closed = once(peer, 'close');
  const heard = send();
  heard.controls?.abort();
  await closed;
  t.deepEqual(heard.events, ['started', 'sent']);
  t.false(connection.isUsable);
});

test('a reader that pauses is given no more than what is on its way', async (t) => {
  const { peer, send, over } = await connected(t);
  const heard = send();
  peer.write(`HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n`);
  await until('the head', () => heard.head !== undefined);
  heard.controls?.pause();
  const chunk = Buffer.alloc(1_000_000);
  for (let i = 0; i < 10; i++) peer.write(chunk);
  for (let before = -1; before !== heard.body.length;) {
    before = heard.body.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  t.true(heard.body.length < 1_000_000, String(heard.body.length));
  heard.controls?.resume();
  await over(heard);
  t.is(heard.body.length, 10_000_000);
});
