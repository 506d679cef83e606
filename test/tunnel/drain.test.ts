import net from 'node:net';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { startEgressProxy } from '../clients/egress-proxy.ts';
import { fakeClock } from '../helpers/clock.ts';
import { until, within } from '../helpers/http1.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { rawClient } from '../helpers/raw.ts';
import type { Arrival } from '../helpers/upstream.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { exchange, openTunnel, readHead } from './client.ts';
import { get, givenIntercepted } from './intercepted.ts';

const LONG = 'timeouts: { lame_duck: 0ms, drain: 25s }';
/** More than it takes to see that nothing is under way, and less than `drain`. */
const SOON_MS = 6_000;

/** A way that no route names, through another proxy because the test's own addresses are not dialled without a route. */
async function givenBlind(t: ExecutionContext) {
  const proxy = await startEgressProxy(t);
  const held: Arrival[] = [];
  const upstream = await startUpstream(t, async (arrival) => {
    if (arrival.target === '/held') held.push(arrival);
    else await arrival.reply(200, { body: 'ok' });
  });
  const clock = fakeClock();
  const outrider = await startOutrider(t, `forward: { mode: plain, unmatched: tunnel }\nroutes: []\n${LONG}`, {
    clock,
    app: { env: { HTTPS_PROXY: `127.0.0.1:${proxy.port}` } },
  });
  const authority = `free.test:${upstream.port}`;
  return { clock, upstream, outrider, authority, held, open: () => openTunnel(t, outrider.port, authority) };
}

const closed = (socket: net.Socket): Promise<void> =>
  within(20_000, 'the end', new Promise((resolve) => socket.resume().once('close', () => resolve())));

test('a stop does not wait for blind tunnels in which nothing is under way', async (t) => {
  const { clock, outrider, authority, open } = await givenBlind(t);
  const [used, fresh] = [await open(), await open()];
  t.is((await exchange(used.socket, get(authority, '/x'))).status, 200);
  await clock.advance(SOON_MS);
  const stopped = outrider.app.stop({ signal: 'SIGINT' });
  const ends = Promise.all([closed(used.socket), closed(fresh.socket)]);
  await clock.advance(1_000);
  await within(20_000, 'the stop', stopped);
  await ends;
  t.pass();
});

test('a blind tunnel in which somebody waits for an answer is left to finish, and closed then', async (t) => {
  const { clock, outrider, authority, held, open } = await givenBlind(t);
  const { socket } = await open();
  const answer = readHead(socket);
  socket.write(get(authority, '/held'));
  await until('the request', () => held.length === 1);
  await clock.advance(SOON_MS);
  const stopped = outrider.app.stop({ signal: 'SIGINT' });
  await clock.advance(20_000);
  await held[0]?.reply(200, { body: 'late' });
  t.true((await answer).endsWith('late'));
  const end = closed(socket);
  await clock.advance(4_000);
  t.false(socket.destroyed, 'more of the answer may follow');
  await until('the stop', () => (void clock.advance(250), socket.destroyed));
  await within(20_000, 'the stop', stopped);
  await end;
});

test('what is left in a blind tunnel after the drain is cut', async (t) => {
  const { clock, outrider, authority, held, open } = await givenBlind(t);
  const { socket } = await open();
  socket.write(get(authority, '/held'));
  await until('the request', () => held.length === 1);
  const stopped = outrider.app.stop({ signal: 'SIGINT' });
  const end = closed(socket);
  await clock.advance(24_000);
  t.false(socket.destroyed);
  await clock.advance(1_500);
  await within(20_000, 'the stop', stopped);
  await end;
});

test('a stop waits for no tunnel out of which no request has come', async (t) => {
  const clock = fakeClock();
  const { outrider, authority } = await givenIntercepted(t, { clock, extra: LONG });
  const tunnels = [await openTunnel(t, outrider.port, authority), await openTunnel(t, outrider.port, authority)];
  tunnels[1]?.socket.write(Buffer.from('160301', 'hex'));
  const secure = await openTunnel(t, outrider.port, authority);
  await secure.secure({ rejectUnauthorized: false, servername: 'localhost' });
  const ends = Promise.all([...tunnels, secure].map(({ socket }) => closed(socket)));
  const stopped = outrider.app.stop({ signal: 'SIGINT' });
  await clock.advance(1_000);
  await within(20_000, 'the stop', stopped);
  await ends;
  t.pass();
});

test('a request in a tunnel that was ended here finishes within the drain', async (t) => {
  const clock = fakeClock();
  const held: Arrival[] = [];
  const handler = (arrival: Arrival): void => void held.push(arrival);
  const { outrider, authority } = await givenIntercepted(t, { clock, handler, extra: LONG });
  const plain = await openTunnel(t, outrider.port, authority);
  const tunnel = await openTunnel(t, outrider.port, authority);
  const secure = await tunnel.secure({ rejectUnauthorized: false, servername: 'localhost' });
  const answers = Promise.all([plain.socket, secure].map((socket) => exchange(socket, get(authority))));
  await until('the requests', () => held.length === 2);
  const stopped = outrider.app.stop({ signal: 'SIGINT' });
  await clock.advance(20_000);
  for (const arrival of held) await arrival.reply(200, { body: 'late' });
  for (const { status, text } of await answers) {
    t.is(status, 200);
    t.regex(text, /^Connection: close\r$/im);
  }
  await within(20_000, 'the stop', stopped);
});

test('a connection that breaks behind a blind tunnel breaks it too, and is no clean end', async (t) => {
  // An egress proxy that opens the way, and resets it in the middle of an answer.
  const server = net.createServer((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\n\r\nhalf', () => socket.resetAndDestroy()));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as net.AddressInfo;
  const outrider = await startOutrider(t, 'forward: { mode: plain, unmatched: tunnel }\nroutes: []', {
    app: { env: { HTTPS_PROXY: `127.0.0.1:${port}` } },
  });
  const { socket } = await openTunnel(t, outrider.port, 'free.test:443');
  const end = new Promise<string>((resolve) => {
    socket
      .once('end', () => resolve('clean'))
      .once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
      .resume();
  });
  socket.write('a question');
  t.is(await within(20_000, 'the end', end), 'ECONNRESET');
});

test('whoever still sends behind the last answer of a stopping proxy is heard out, and not reset', async (t) => {
  const clock = fakeClock();
  const held: Arrival[] = [];
  const handler = (arrival: Arrival): void => void held.push(arrival);
  const { outrider } = await givenIntercepted(t, { clock, handler, extra: LONG });
  const client = await rawClient(t, outrider.port);
  const errors: unknown[] = [];
  client.socket.on('error', (error) => errors.push(error));
  await client.send('GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await until('the request', () => held.length === 1);
  const stopped = outrider.app.stop({ signal: 'SIGINT' });
  await clock.advance(300);
  await held[0]?.reply(200, { body: 'late' });
  t.is((await client.answer()).header('connection'), 'close');
  await client.closed();
  await clock.advance(600);
  for (let i = 0; i < 3; i++) {
    await client.send('more');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  t.deepEqual(errors, []);
  await clock.advance(1_000);
  await within(20_000, 'the stop', stopped);
});
