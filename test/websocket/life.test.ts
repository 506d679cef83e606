import test from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import { plainYaml } from '../contract/given.ts';
import { frame, OPCODE } from '../helpers/frames.ts';
import { until, within } from '../helpers/http1.ts';
import { httpCall, startOutrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { ask, rawClient } from '../helpers/raw.ts';
import { openSession, shake } from '../helpers/websocket-client.ts';
import { startWebSocketUpstream } from '../helpers/websocket-upstream.ts';
import { givenSocket } from './given.ts';

const GET = 'GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n';
const ADMIN = 'admin: { address: 127.0.0.1:0 }';
const url = (port: number): string => `ws://127.0.0.1:${port}/api/socket`;

test('a WebSocket is one line of the access log and one request of the metrics, when it is over', async (t) => {
  const { outrider, upstream } = await givenSocket(t, { extra: ADMIN });
  const metrics = async (): Promise<string> => (await httpCall(outrider.adminOrigin ?? '', '/metrics')).text;
  const { socket, message, closed } = await openSession(t, `${url(outrider.port)}?secret=1`);
  socket.send('twelve bytes');
  await message(1);
  t.deepEqual(outrider.logs(), []);
  t.regex(await metrics(), /^http_server_active_requests 1$/m);
  t.regex(await metrics(), /^http_client_request_duration_seconds_count\{.*status_code="101"\} 1$/m);
  socket.close(1000);
  await within(5_000, 'close', closed);
  const [line] = await outrider.logged(1);
  t.like(line, {
    route: 'api',
    method: 'GET',
    path: '/api/socket',
    status: 101,
    code: null as never,
    outcome: null as never,
    upstream: upstream.origin,
    attempts: 1,
    bytes_in: 6 + 12 + 6 + 2,
    bytes_out: 2 + 12 + 2 + 2,
  });
  t.regex(await metrics(), /^http_server_active_requests 0$/m);
  t.regex(await metrics(), /^http_server_request_duration_seconds_count\{.*status_code="101"\} 1$/m);
});

test('a quiet WebSocket is cut by no timeout, and its pings are its own', async (t) => {
  const clock = fakeClock();
  const { outrider, upstream } = await givenSocket(t, {
    clock,
    extra: 'timeouts: { idle: 1s, response: 1s, connect: 1s }',
  });
  const { socket, message } = await openSession(t, url(outrider.port));
  await clock.advance(24 * 3_600_000);
  t.is(upstream.guests[0]?.received().length, 0);
  socket.send('still there');
  t.is(await message(1), 'still there');
});

test('rule 17: an open WebSocket outlives a reload, and a later one takes the new way', async (t) => {
  const { outrider, upstream } = await givenSocket(t);
  const other = await startWebSocketUpstream(t);
  const { socket, message } = await openSession(t, url(outrider.port));
  await outrider.reload(plainYaml(other.origin, 'websocket: true'));
  socket.send('before');
  t.is(await message(1), 'before');
  const later = await openSession(t, url(outrider.port));
  later.socket.send('after');
  t.is(await later.message(1), 'after');
  t.is(other.guests.length, 1);
  await outrider.reload(plainYaml(upstream.origin));
  t.is((await ask(t, outrider.port, GET)).text, 'ordinary');
  await t.throwsAsync(openSession(t, url(outrider.port)));
  later.socket.send('and again');
  t.is(await later.message(2), 'and again');
});

test('a reload brings WebSocket in where there was none', async (t) => {
  const upstream = await startWebSocketUpstream(t);
  const outrider = await startOutrider(t, plainYaml(upstream.origin));
  await t.throwsAsync(openSession(t, url(outrider.port)));
  await outrider.reload(plainYaml(upstream.origin, 'websocket: true'));
  const { socket, message } = await openSession(t, url(outrider.port));
  socket.send('now');
  t.is(await message(1), 'now');
});

test('limits.connections counts open WebSockets', async (t) => {
  const { outrider, upstream } = await givenSocket(t, { extra: 'limits: { connections: 2 }' });
  const first = await shake(t, outrider.port);
  await shake(t, outrider.port);
  const upgrade = GET.replace('\r\n\r\n', '\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
  for (const bytes of [GET, upgrade]) {
    const { client, ...refused } = await ask(t, outrider.port, bytes);
    assertProblem(t, refused, { status: 503, code: 'overloaded' });
    client.socket.destroy();
  }
  t.is(upstream.guests.length, 2);
  first.socket.resetAndDestroy();
  await outrider.logged(3);
  const { client, ...third } = await ask(t, outrider.port, GET);
  t.is(third.text, 'ordinary');
  client.socket.destroy();
});

test('rule 32: an open WebSocket goes on while others drain, and is aborted when `drain` is over', async (t) => {
  const { outrider, upstream } = await givenSocket(t, { extra: 'timeouts: { lame_duck: 50ms, drain: 1s }' });
  const session = await openSession(t, url(outrider.port));
  const idle = await rawClient(t, outrider.port);
  const stopped = outrider.app.stop({ signal: 'SIGTERM' });
  t.is(await idle.closed(), 'end');
  session.socket.send('still here');
  t.is(await session.message(1), 'still here');
  t.like(await within(5_000, 'the end', session.closed), { code: 1006, wasClean: false });
  await stopped;
  await until('nothing open at the provider', () => upstream.openConnections === 0);
  t.is(outrider.logs()[0]?.status, 101);
});

test('rule 32: the last WebSocket to close ends the drain', async (t) => {
  const { outrider, upstream } = await givenSocket(t, { extra: 'timeouts: { lame_duck: 0ms, drain: 1h }' });
  const session = await openSession(t, url(outrider.port));
  const stopped = outrider.app.stop({ signal: 'SIGTERM' });
  const { socket } = await upstream.guest(1);
  socket.write(frame(OPCODE.close, Buffer.from([3, 233])));
  t.like(await within(5_000, 'the end', session.closed), { code: 1001, wasClean: true });
  await within(5_000, 'the stop', stopped);
  t.pass();
});
