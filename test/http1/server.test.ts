import { once } from 'node:events';
import net from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { Http1Error } from '../../src/http1/error.ts';
import { ReadScheduler } from '../../src/http1/read-scheduler.ts';
import { Server, type ServerOptions } from '../../src/http1/server.ts';
import type { ServerLimits } from '../../src/http1/server-connection.ts';
import type { ServerRequest } from '../../src/http1/server-request.ts';
import { fakeClock, type FakeClock } from '../helpers/clock.ts';
import { until } from '../helpers/http1.ts';
import { everyCut } from './pieces.ts';

type Request = ServerRequest<undefined>;

const LIMITS: ServerLimits = {
  targetBytes: 1_000,
  fieldBytes: 2_000,
  fields: 50,
  trailerBytes: 1_000,
  connections: 10,
  keepAliveMs: 65_000,
  callerMs: 300_000,
};

interface Given {
  readonly port: number;
  readonly clock: FakeClock;
  /** A connection whose bytes are kept. */
  readonly connect: () => Promise<Client>;
}

interface Client {
  readonly socket: net.Socket;
  readonly received: () => string;
  /** How it ended: not at all, cleanly, or broken off. */
  readonly ended: () => 'no' | 'end' | 'reset';
}

async function given(
  t: ExecutionContext,
  handle: (request: Request) => void,
  options: Partial<ServerOptions<undefined>> & { readonly limits?: () => ServerLimits } = {},
): Promise<Given> {
  const clock = fakeClock();
  const server = new Server<undefined>({
    clock,
    scheduler: new ReadScheduler(),
    limits: () => LIMITS,
    context: undefined,
    accepted: () => undefined,
    handle,
    connect: ({ socket }) => void socket.destroy(),
    refuse: ({ error }) => Buffer.from(`HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n${error.code}`),
    ...options,
  });
  const origin = await server.listen({ host: '127.0.0.1', port: 0 });
  const port = Number(new URL(origin).port);
  const sockets: net.Socket[] = [];
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    void server.close(0);
  });
  return {
    port,
    clock,
    async connect() {
      const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
      sockets.push(socket);
      await once(socket, 'connect');
      let received = '';
      let ended: 'no' | 'end' | 'reset' = 'no';
      socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
      socket.on('end', () => (ended = ended === 'no' ? 'end' : ended));
      socket.on('error', () => (ended = 'reset'));
      return { socket, received: () => received, ended: () => ended };
    },
  };
}

async function bodyOf(request: Request): Promise<string> {
  let body = '';
  if (!request.hasBody) return body;
  for (const source = request.pieces(); ;) {
    const { done, value } = await source.next();
    if (done) return body;
    body += Buffer.from(value).toString('latin1');
  }
}

const echo = async (request: Request): Promise<void> => {
  const text = `${request.method} ${request.target} ${await bodyOf(request)}`;
  request.answer(200, 'OK', ['Content-Length', String(text.length)], text);
};

const turns = async (count = 5): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

test('requests mean the same in whatever pieces they come, one behind the other', async (t) => {
  const { connect } = await given(t, (request) => void echo(request));
  const wire =
    'POST /1 HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello' +
    'GET /2 HTTP/1.1\r\n\r\n' +
    'POST /3 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: u\r\n\r\n' +
    'GET /4 HTTP/1.1\r\nConnection: close\r\n\r\n' +
    'GET /5 HTTP/1.1\r\n\r\n';
  const seen = new Set<string>();
  let n = 0;
  for (const pieces of everyCut(wire)) {
    // Some of the cuts into two, and the one into single bytes.
    if (pieces.length === 2 && n++ % 5 > 0) continue;
    const { socket, received, ended } = await connect();
    for (const piece of pieces) {
      socket.write(piece);
      await turns(1);
    }
    await until('the end', () => ended() !== 'no');
    seen.add(received().replaceAll(/HTTP[^]*?\r\n\r\n/g, '|'));
    t.is(ended(), 'end');
    socket.destroy();
  }
  t.deepEqual([...seen], ['|POST /1 hello|GET /2 |POST /3 abcde|GET /4 ']);
});

test('a request begins when the one in front of it is answered, and while it waits little of what is behind it is read', async (t) => {
  const requests: Request[] = [];
  const { connect } = await given(t, (request) => void requests.push(request));
  const { socket, received } = await connect();
  socket.write(`GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nPOST /3 HTTP/1.1\r\nContent-Length: 4000000\r\n\r\n`);
  socket.write(Buffer.alloc(4_000_000, 'x'));
  await until('the first', () => requests.length === 1);
  await turns(50);
  t.is(requests.length, 1);
  t.true(socket.writableLength > 0 || socket.bytesWritten > 0);
  (requests[0] as Request).answer(200, 'OK', ['Content-Length', '1'], '1');
  await until('the second', () => requests.length === 2);
  await turns(50);
  t.is(requests.length, 2);
  (requests[1] as Request).answer(200, 'OK', ['Content-Length', '1'], '2');
  await until('the third', () => requests.length === 3);
  const body = await bodyOf(requests[2] as Request);
  t.is(body.length, 4_000_000);
  (requests[2] as Request).answer(200, 'OK', ['Content-Length', '1'], '3');
  await until('all answers', () => received().endsWith('3'));
});

test('of a body that nobody takes little is read', async (t) => {
  const requests: Request[] = [];
  const { connect } = await given(t, (request) => void requests.push(request));
  const { socket } = await connect();
  socket.write('POST /1 HTTP/1.1\r\nContent-Length: 50000000\r\n\r\n');
  socket.write(Buffer.alloc(50_000_000));
  await until('the request', () => requests.length === 1);
  await turns(200);
  const [request] = requests;
  t.true((request?.body?.heldBytes ?? 0) <= 2 * 64 * 1024 + 8 * 1024, `${request?.body?.heldBytes}`);
  t.true(socket.writableLength > 20_000_000);
  t.is((await bodyOf(request as Request)).length, 50_000_000);
});

for (const [what, request, fields, expected] of [
  ['with a length', 'GET / HTTP/1.1\r\n\r\n', ['Content-Length', '5'], 'Content-Length: 5\r\nKEPT\r\n\r\nhello'],
  ['in chunks', 'GET / HTTP/1.1\r\n\r\n', [], 'Transfer-Encoding: chunked\r\nKEPT\r\n\r\n5\r\nhello\r\n0\r\n\r\n'],
  ['to a caller of 1.0', 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n', [], 'CLOSED\r\n\r\nhello'],
  [
    'with a length to a caller of 1.0 who keeps the connection',
    'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
    ['Content-Length', '5'],
    'Content-Length: 5\r\nKEPT\r\n\r\nhello',
  ],
  ['to a HEAD', 'HEAD / HTTP/1.1\r\n\r\n', ['Content-Length', '5'], 'Content-Length: 5\r\nKEPT\r\n\r\n'],
  [
    'to a caller who closes',
    'GET / HTTP/1.1\r\nConnection: x, Close\r\n\r\n',
    ['Content-Length', '5'],
    'Content-Length: 5\r\nCLOSED\r\n\r\nhello',
  ],
] as const) {
  for (const how of ['in one go', 'in pieces'] as const) {
    test(`an answer ${what}, ${how}`, async (t) => {
      const { connect } = await given(t, (one) => {
        if (how === 'in one go') one.answer(200, 'OK', fields, 'hello');
        else {
          one.startAnswer(200, 'OK', fields);
          if (one.method !== 'HEAD') one.write(Buffer.from('hello'));
          one.end();
        }
      });
      const { socket, received, ended } = await connect();
      socket.write(request);
      const wire = expected
        .replace('KEPT', 'Connection: keep-alive\r\nKeep-Alive: timeout=65')
        .replace('CLOSED', 'Connection: close');
      await until('the answer', () => received().length >= `HTTP/1.1 200 OK\r\n${wire}`.length);
      t.is(received(), `HTTP/1.1 200 OK\r\n${wire}`);
      if (expected.includes('CLOSED')) await until('the end', () => ended() === 'end');
    });
  }
}

for (const status of [204, 304]) {
  test(`an answer ${status} has no body and no coding`, async (t) => {
    const { connect } = await given(t, (request) => request.answer(status, 'x', [], ''));
    const { socket, received } = await connect();
    socket.write('GET / HTTP/1.1\r\n\r\n');
    await until('the answer', () => /timeout=65[^]*\r\n\r\n$/.test(received()));
    t.false(/chunked|length/i.test(received()));
  });
}

test('a large answer is told to be out when the kernel has all of it, and not before', async (t) => {
  const over: boolean[] = [];
  const { connect } = await given(t, (request) => {
    request.onClose = (isComplete) => void over.push(isComplete);
    request.answer(200, 'OK', ['Content-Length', '30000000'], Buffer.alloc(30_000_000));
  });
  const { socket, received } = await connect();
  socket.pause();
  socket.write('GET / HTTP/1.1\r\n\r\n');
  await turns(100);
  t.deepEqual(over, []);
  socket.resume();
  await until('the end of it', () => over.length > 0);
  await until('all of it', () => received().length > 30_000_000);
  t.deepEqual(over, [true]);
});

test('an unused connection is closed after its time, and one that is used is not', async (t) => {
  const { connect, clock } = await given(t, (request) => void echo(request));
  const { socket, received, ended } = await connect();
  socket.write('GET /1 HTTP/1.1\r\n\r\n');
  await until('an answer', () => received().includes('GET /1'));
  await clock.advance(64_000);
  await turns();
  t.is(ended(), 'no');
  socket.write('GET /2 HTTP/1.1\r\n\r\n');
  await until('another', () => received().includes('GET /2'));
  await clock.advance(64_900);
  await turns();
  t.is(ended(), 'no', 'not before the time that was told');
  for (let i = 0; i < 4; i++) await clock.advance(600);
  await until('the end', () => ended() === 'end');
  t.is(received().match(/HTTP\/1\.1/g)?.length, 2, 'without a word');
});

for (const [what, sent] of [
  ['nothing', ''],
  ['half a head', 'GET / HTTP/1.1\r\nHo'],
  ['half a head, behind an answer', 'GET / HTTP/1.1\r\n\r\nGET'],
] as const) {
  test(`a caller who sends ${what} has ten seconds, and is told`, async (t) => {
    const { connect, clock } = await given(t, (request) => void echo(request));
    const { socket, received, ended } = await connect();
    if (sent.includes('\r\n\r\n')) {
      socket.write(sent.slice(0, -3));
      await until('the answer', () => received().includes('200 OK'));
      socket.write(sent.slice(-3));
    } else socket.write(sent);
    await turns(20);
    for (let i = 0; i < 18; i++) await clock.advance(500);
    t.is(ended(), 'no');
    for (let i = 0; i < 5; i++) await clock.advance(500);
    await until('the end', () => ended() === 'end');
    t.regex(received(), /head_timeout$/);
  });
}

test('who sends no more of a body is given up after the time for that, and the reader of the body is told', async (t) => {
  const failures: unknown[] = [];
  const { connect, clock } = await given(t, (request) => {
    bodyOf(request).catch((error: unknown) => {
      failures.push(error);
      request.answer(408, 'Request Timeout', ['Content-Length', '0'], '');
    });
  });
  const { socket, received, ended } = await connect();
  socket.write('POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nhello');
  await turns(20);
  for (let i = 0; i < 290; i++) await clock.advance(1_000);
  socket.write('w');
  await turns(20);
  for (let i = 0; i < 299; i++) await clock.advance(1_000);
  t.deepEqual(failures, [], 'a byte is a sign of life');
  for (let i = 0; i < 4; i++) await clock.advance(1_000);
  await until('the failure', () => failures.length > 0);
  t.is((failures[0] as Http1Error).code, 'body_timeout');
  await until('the end', () => ended() === 'end');
  t.regex(received(), /^HTTP\/1\.1 408 [^]*Connection: close/);
});

test('who does not take the answer is given up after the time for that; who takes some of it is not', async (t) => {
  const over: boolean[] = [];
  let sentBytes = 0;
  /** Until the kernel takes no more, which on a busy machine it may do for a while. */
  const stillness = async (): Promise<void> => {
    for (let before = -1; before !== sentBytes;) {
      before = sentBytes;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const { connect, clock } = await given(t, (request) => {
    request.onClose = (isComplete) => void over.push(isComplete);
    request.startAnswer(200, 'OK', ['Content-Length', '30000000']);
    let left = 30_000_000;
    const pour = (): void => {
      while (left > 0) {
        left -= 10_000;
        sentBytes += 10_000;
        if (!request.write(Buffer.alloc(10_000))) return;
      }
      request.end();
    };
    request.onDrain = pour;
    pour();
  });
  const { socket } = await connect();
  socket.pause();
  socket.write('GET / HTTP/1.1\r\n\r\n');
  await stillness();
  for (let i = 0; i < 290; i++) await clock.advance(1_000);
  // It takes some of it: enough for the kernel to ask for more.
  socket.resume();
  await until('some of it', () => socket.bytesRead > 8_000_000);
  socket.pause();
  await stillness();
  for (let i = 0; i < 290; i++) await clock.advance(1_000);
  t.deepEqual(over, []);
  for (let i = 0; i < 20; i++) await clock.advance(1_000);
  await until('the end', () => over.length > 0);
  t.deepEqual(over, [false]);
});

test('an answer before the body says that the connection closes; the rest is dropped, for a while', async (t) => {
  const { connect, clock } = await given(t, (request) => request.answer(200, 'OK', ['Content-Length', '2'], 'ok'));
  const { socket, received, ended } = await connect();
  socket.write('POST /1 HTTP/1.1\r\nContent-Length: 10\r\n\r\nhello');
  await until('the answer', () => received().endsWith('ok'));
  t.regex(received(), /\r\nConnection: close\r\n/);
  await clock.advance(400);
  await turns(20);
  t.is(ended(), 'no', 'a FIN in front of unread bytes would be a reset');
  await clock.advance(100);
  await until('the end', () => ended() === 'end');
  socket.write('worldGET /2 HTTP/1.1\r\n\r\n');
  await turns(20);
  t.is(received().match(/ok/g)?.length, 1);
});

test('when the rest of such a body comes, the connection closes at once, and nothing behind it is read', async (t) => {
  const { connect } = await given(t, (request) => request.answer(200, 'OK', ['Content-Length', '2'], 'ok'));
  const { socket, received, ended } = await connect();
  socket.write('POST /1 HTTP/1.1\r\nContent-Length: 10\r\n\r\nhello');
  await until('the answer', () => received().endsWith('ok'));
  socket.write('worldGET /2 HTTP/1.1\r\n\r\n');
  await until('the end', () => ended() === 'end');
  t.is(received().match(/ok/g)?.length, 1);
});

test('behind a head that was refused a little is read for a while, so that the answer arrives, and no more', async (t) => {
  const { connect, clock } = await given(t, () => t.fail('no request came'));
  const little = await connect();
  little.socket.write(`GET /\x01 HTTP/1.1\r\n${'x'.repeat(100_000)}`);
  await until('the answer', () => little.received().endsWith('bad_target') && little.ended() === 'end');
  await clock.advance(900);
  little.socket.write('x');
  await turns();
  little.socket.write('x');
  await turns();
  t.is(little.ended(), 'end');
  await clock.advance(200);
  await until('the close', () => {
    // Who has read the end hears of a reset when writing alone.
    little.socket.write('x');
    return little.ended() === 'reset';
  });

  const much = await connect();
  much.socket.write('GET /\x01 HTTP/1.1\r\n');
  await until('the answer', () => much.received().endsWith('bad_target'));
  const more = (): void => {
    while (!much.socket.destroyed && much.socket.write(Buffer.alloc(64 * 1024)));
  };
  much.socket.on('drain', more);
  more();
  await until('the close, with no time gone', () => much.ended() === 'reset');
});

test('a line end behind a body is no request: the connection is kept for its time', async (t) => {
  const { connect, clock } = await given(t, (request) => void echo(request));
  const { socket, received, ended } = await connect();
  socket.write('POST /1 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc\r\n');
  await until('the answer', () => received().includes('POST /1 abc'));
  for (let i = 0; i < 60; i++) await clock.advance(1_000);
  t.is(ended(), 'no');
  socket.write('GET /2 HTTP/1.1\r\n\r\n');
  await until('another', () => received().includes('GET /2'));
});

test('who takes nothing of an answer that ends with its connection is reset: what came is not all', async (t) => {
  const { connect, clock } = await given(t, (request) => {
    request.startAnswer(200, 'OK', []);
    const pour = (): void => void (request.write(Buffer.alloc(100_000)) && setImmediate(pour));
    request.onDrain = pour;
    pour();
  });
  const { socket, ended } = await connect();
  socket.pause();
  socket.write('GET / HTTP/1.0\r\n\r\n');
  await turns(200);
  for (let i = 0; i < 310; i++) await clock.advance(1_000);
  socket.resume();
  await until('the end', () => ended() !== 'no');
  t.is(ended(), 'reset');
});

test('a CONNECT is handed over with what came behind it, and nothing of it is read by the server', async (t) => {
  const taken: string[] = [];
  const { connect } = await given(t, () => t.fail(), {
    connect({ head, socket, behind }) {
      taken.push(`${head.method} ${head.target}`);
      socket.write(behind);
      socket.on('data', (chunk: Buffer) => socket.write(`<${chunk.toString('latin1')}>`));
      socket.resume();
    },
  });
  const { socket, received } = await connect();
  socket.write('CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\nGET / HTTP/1.1\r\n');
  await until('what came behind it', () => received() === 'GET / HTTP/1.1\r\n');
  socket.write('\r\n');
  await until('the rest', () => received() === 'GET / HTTP/1.1\r\n<\r\n>');
  t.deepEqual(taken, ['CONNECT a:1']);
});

test('once protocols are switched, bytes go both ways as they are, those that came before too', async (t) => {
  const { connect } = await given(t, (request) => {
    request.expectSwitch();
    setTimeout(() => {
      request.startAnswer(101, 'Switching Protocols', ['X-A', 'b', 'Content-Length', '5']);
      void (async () => {
        for (const source = request.pieces(); ;) {
          const { done, value } = await source.next();
          if (done) break;
          request.write(value);
        }
        request.end();
      })();
    }, 5);
  });
  const { socket, received, ended } = await connect();
  socket.write('GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nGET /early HTTP/1.1\r\n\r\n');
  await until('the switch', () => received().includes('\r\n\r\nGET /early HTTP/1.1\r\n\r\n'));
  t.regex(
    received(),
    /^HTTP\/1\.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-A: b\r\n\r\n/,
  );
  socket.write('\0\xff');
  socket.end();
  await until('the end', () => ended() === 'end');
  t.true(received().endsWith('\0\xc3\xbf'));
});

test('a caller who goes is noticed, whatever is under way', async (t) => {
  const over: boolean[] = [];
  const { connect } = await given(t, (request) => void (request.onClose = (isComplete) => void over.push(isComplete)));
  for (const sent of [
    'GET / HTTP/1.1\r\n\r\n',
    'POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhello',
    'GET / HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n',
  ]) {
    for (const how of ['end', 'destroy', 'reset'] as const) {
      const before = over.length;
      const { socket } = await connect();
      socket.write(sent);
      await turns(20);
      if (how === 'end') socket.end();
      else if (how === 'destroy') socket.destroy();
      else socket.resetAndDestroy();
      await until(`${how} behind ${sent}`, () => over.length === before + 1);
    }
  }
  t.true(over.every((isComplete) => !isComplete));
});

test('an answer that breaks for a caller who is told its end by the connection is a reset, else a close', async (t) => {
  const { connect } = await given(t, (request) => {
    request.startAnswer(200, 'OK', []);
    request.write(Buffer.from('some'));
    setTimeout(() => request.cut(), 20);
  });
  for (const [version, how] of [
    ['1.0', 'reset'],
    ['1.1', 'end'],
  ] as const) {
    const { socket, received, ended } = await connect();
    socket.write(`GET / HTTP/${version}\r\n\r\n`);
    await until('the end', () => ended() !== 'no');
    t.is(ended(), how);
    t.false(received().endsWith('0\r\n\r\n'));
  }
});
