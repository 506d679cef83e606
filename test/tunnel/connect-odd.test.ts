import test from 'ava';
import { fakeClock } from '../helpers/clock.ts';
import { assertProblem } from '../helpers/problem.ts';
import type { AnswerLike } from '../helpers/problem.ts';
import { ask, rawClient } from '../helpers/raw.ts';
import { exchange, openTunnel, readHead } from './client.ts';
import { get, givenIntercepted } from './intercepted.ts';

const INTERCEPT = '{ mode: intercept, unmatched: tunnel }';
const connect = (authority: string, more = '', behind = '', version = '1.1'): string =>
  `CONNECT ${authority} HTTP/${version}\r\n${more}\r\n${behind}`;

/** What was read off a socket as an answer. */
function answerOf(text: string): AnswerLike {
  const header = (name: string): string | undefined => new RegExp(`^${name}: (.*)\r$`, 'im').exec(text)?.[1];
  return { status: Number(text.split(' ')[1]), text: text.slice(text.indexOf('\r\n\r\n') + 4), header };
}

test('a CONNECT that brings a body is refused, whoever its bytes are for', async (t) => {
  const { upstream, outrider, authority } = await givenIntercepted(t);
  for (const [more, behind] of [
    ['Content-Length: 5\r\n', 'hello'],
    ['Transfer-Encoding: chunked\r\n', '0\r\n\r\n'],
    [`Content-Length: ${get(authority).length}\r\n`, ''],
  ] as const) {
    const answer = await ask(t, outrider.port, connect(authority, `Host: x\r\n${more}`, behind + get(authority)));
    assertProblem(t, answer, { status: 400, code: 'bad_request', detail: /CONNECT has no body/ });
    t.is(await answer.client.closed(), 'end');
  }
  t.is(upstream.connections, 0);
  const empty = await openTunnel(t, outrider.port, authority, 'Content-Length: 0\r\n');
  t.is(empty.status, 200, 'a length of 0 says that there is none');
});

test('rules 6, 7 and 9 hold for a CONNECT', async (t) => {
  const { upstream, outrider, authority } = await givenIntercepted(t);
  for (const [more, status, code] of [
    ['', 400, 'bad_request'],
    ['Host: a\r\nHost: a\r\n', 400, 'bad_request'],
    ['Host: u@a\r\n', 400, 'bad_request'],
    ['Host: a\r\nContent-Length: +0\r\n', 400, 'bad_request'],
    ['Host: a\r\nTransfer_Encoding: chunked\r\n', 400, 'bad_request'],
    ['Host: a\r\nExpect: nonsense\r\n', 417, 'unsupported_expectation'],
    [`Host: a\r\n${'X: 1\r\n'.repeat(250)}`, 431, 'headers_too_large'],
  ] as const) {
    const answer = await ask(t, outrider.port, connect(authority, more, get(authority)));
    assertProblem(t, answer, { status, code });
  }
  assertProblem(t, await ask(t, outrider.port, connect(`${'a'.repeat(9_000)}:443`, 'Host: a\r\n')), {
    status: 414,
    code: 'uri_too_long',
  });
  t.is(upstream.connections, 0);
});

test('userinfo in the target of a CONNECT is refused, and not logged', async (t) => {
  const { outrider, authority } = await givenIntercepted(t);
  const answer = await ask(t, outrider.port, connect(`me:hunter-two@${authority}`, 'Host: x\r\n'));
  assertProblem(t, answer, { status: 400, code: 'bad_request' });
  t.like((await outrider.logged(1))[0], { method: 'CONNECT', path: authority, status: 400 });
  t.notRegex(outrider.logText(), /hunter/);
});

test('a CONNECT that came from ourselves is a loop', async (t) => {
  const { upstream, outrider, authority } = await givenIntercepted(t, { forward: INTERCEPT });
  await ask(t, outrider.port, `GET http://${authority}/v1 HTTP/1.1\r\nHost: x\r\n\r\n`);
  const via = upstream.requests[0]?.header('via') ?? '';
  for (const target of [authority, 'free.test:443']) {
    const answer = await ask(t, outrider.port, connect(target, `Host: x\r\nVia: 1.1 other, ${via}\r\n`));
    assertProblem(t, answer, { status: 508, code: 'loop_detected' });
  }
});

test('within a tunnel no other is opened', async (t) => {
  const { outrider, ca, authority } = await givenIntercepted(t, { forward: INTERCEPT });
  for (const target of [authority, 'free.test:443', `localhost:${outrider.port}`]) {
    const bytes = connect(target, 'Host: x\r\n');
    const tunnel = await openTunnel(t, outrider.port, authority);
    const inner = await tunnel.secure({ ca: ca(), servername: 'localhost' });
    const plain = await openTunnel(t, outrider.port, authority);
    for (const socket of [inner, plain.socket]) {
      const { text } = await exchange(socket, bytes);
      assertProblem(t, answerOf(text), { status: 405, code: 'method_not_allowed', detail: /within a tunnel/ });
    }
  }
});

test('a CONNECT beyond limits.connections gets one answer and is closed', async (t) => {
  const { outrider, authority } = await givenIntercepted(t, { extra: 'limits: { connections: 2 }' });
  const open = [await openTunnel(t, outrider.port, authority), await openTunnel(t, outrider.port, authority)];
  const third = await ask(t, outrider.port, connect(authority, 'Host: x\r\n', get(authority)));
  assertProblem(t, third, { status: 503, code: 'overloaded' });
  t.is(third.header('retry-after'), '1');
  t.is(await third.client.closed(), 'end');
  for (const { socket } of open) t.is((await exchange(socket, get(authority))).status, 200);
});

test('bytes that come behind a CONNECT we refuse do not cost the caller the answer, nor us a connection', async (t) => {
  const clock = fakeClock();
  const { outrider } = await givenIntercepted(t, { clock, extra: 'limits: { connections: 1 }' });
  const client = await rawClient(t, outrider.port);
  const answer = client.answer();
  await client.send(connect('other.test:443', 'Host: x\r\n', `\x16\x03\x01${'x'.repeat(300_000)}`));
  assertProblem(t, await answer, { status: 403, code: 'destination_denied' });
  t.is(await client.closed(), 'end');
  client.socket.end();
  let status = 503;
  // No time passes for the proxy: it lets go because the caller has.
  for (let i = 0; i < 100 && status === 503; i++) {
    const probe = await ask(t, outrider.port, 'GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    probe.client.socket.destroy();
    // It is no other connection any more when the next one comes.
    await new Promise((resolve) => setTimeout(resolve, 10));
    ({ status } = probe);
  }
  t.is(status, 404);
});

test('an answer that is on its way goes out before a CONNECT behind it closes the connection', async (t) => {
  const { upstream, outrider, authority } = await givenIntercepted(t);
  const client = await rawClient(t, outrider.port);
  await client.send(
    `GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n${connect(authority, 'Host: x\r\n', get(authority))}`,
  );
  t.is((await client.answer()).status, 200);
  t.is(await client.closed(), 'end');
  t.is(upstream.requests.length, 1);
});

test('a CONNECT on a connection that was used before opens a tunnel', async (t) => {
  const { upstream, outrider, authority } = await givenIntercepted(t);
  const client = await rawClient(t, outrider.port);
  await client.send('GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
  t.is((await client.answer()).status, 200);
  const head = readHead(client.socket);
  await client.send(connect(authority, 'Host: x\r\n'));
  t.regex(await head, /^HTTP\/1\.1 200 Connection established/);
  t.is((await exchange(client.socket, get(authority))).status, 200);
  t.is(upstream.requests.length, 2);
});
