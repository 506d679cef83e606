import test from 'ava';
import { acceptOf } from '../helpers/frames.ts';
import { gate, until } from '../helpers/http1.ts';
import { assertProblem } from '../helpers/problem.ts';
import { ask } from '../helpers/raw.ts';
import { granted } from '../helpers/token-endpoint.ts';
import { handshake, KEY, openSession, shake } from '../helpers/websocket-client.ts';
import type { Guest } from '../helpers/websocket-upstream.ts';
import { givenSocket, givenSocketTokens } from './given.ts';

const SOCKET = handshake('/api/socket');
const reject =
  (status: number) =>
  ({ socket }: Guest): void => {
    socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 5\r\nX-Why: token\r\n\r\nstale`);
  };

test('rules 12 and 13: what a provider gets of a handshake, and in which order', async (t) => {
  const { outrider, upstream } = await givenSocket(t, {
    base: '/base',
    route: 'headers: { set: { X-Set: ours, X-New: new }, remove: [X-Removed] }',
  });
  const more =
    'X-First: 1\r\nx-set: theirs\r\n__proto__: p\r\nX-Removed: r\r\nCookie: a=1\r\nX-Twice: 1\r\ncookie: b=2\r\nx-twice: 2\r\n' +
    'X-Forwarded-For: 1.2.3.4\r\nForwarded: for=x\r\nProxy-Foo: x\r\nX-Original-URL: /x\r\nKeep-Alive: 5\r\nTE: trailers\r\n' +
    'X-Outrider-Token: t\r\nX-Hop: h\r\nExpect: 100-continue\r\nconstructor: c\r\n1: one\r\nX-Latin: \xe9\r\n';
  const bytes = handshake('/api/so//cket;x=%2F?a=//b&a=1&', more).replace(
    'Connection: Upgrade',
    'Connection: keep-alive, Upgrade, X-Hop',
  );
  const client = await shake(t, outrider.port, bytes);
  t.is(client.status, 101, client.head);
  const guest = await upstream.guest(1);
  t.is(guest.method, 'GET');
  t.is(guest.target, '/base/so//cket;x=%2F?a=//b&a=1&');
  const via = guest.header('via') ?? '';
  t.regex(via, /^1\.1 outrider-[0-9a-f]+$/);
  t.deepEqual(
    [...guest.headers],
    `Host|127.0.0.1:${upstream.port}|Connection|Upgrade|Upgrade|websocket|Sec-WebSocket-Key|${KEY}|Sec-WebSocket-Version|13|X-First|1|X-Set|ours|__proto__|p|Cookie|a=1|X-Twice|1|cookie|b=2|x-twice|2|constructor|c|1|one|X-Latin|\xe9|X-New|new|Via|${via}`.split(
      '|',
    ),
  );
});

test('rule 16: what the caller gets of a 101: the headers as they came, no length, and Via', async (t) => {
  const { outrider } = await givenSocket(t, {
    handler: (guest) =>
      guest.accept(
        'SET-Cookie|a=1|x-b|1|Set-Cookie|b=2|X-B|2|Content-Length|7|Keep-Alive|5|X-Odd|\xe9 \x80|Proxy-Authenticate|x'.split(
          '|',
        ),
      ),
  });
  const { head } = await shake(t, outrider.port);
  t.regex(
    head,
    /^HTTP\/1\.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: (\S+)\r\nSET-Cookie: a=1\r\nx-b: 1\r\nSet-Cookie: b=2\r\nX-B: 2\r\nX-Odd: \xe9 \x80\r\nVia: 1\.1 outrider-[0-9a-f]+\r\n\r\n$/,
  );
  t.true(head.includes(acceptOf(KEY)));
});

for (const [what, lines] of [
  ['no key', ''],
  ['another version', 'Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 8\r\n'],
] as const) {
  test(`rule 16: a handshake with ${what} is the provider's to judge`, async (t) => {
    const { outrider, upstream } = await givenSocket(t, {
      handler: ({ socket }) =>
        void socket.end('HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n'),
    });
    const answer = await ask(
      t,
      outrider.port,
      `GET /api/socket HTTP/1.1\r\nHost: localhost\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n${lines}\r\n`,
    );
    t.is(answer.status, 426);
    t.is(answer.header('sec-websocket-version'), '13');
    t.is(upstream.guests[0]?.header('sec-websocket-key'), lines === '' ? undefined : 'x');
  });
}

test('rule 16: of several protocols WebSocket alone is asked for', async (t) => {
  const { outrider, upstream } = await givenSocket(t);
  for (const [n, upgrade] of ['h2c, WEBSOCKET, foo/2', 'foo\r\nUpgrade: websocket'].entries()) {
    const client = await shake(t, outrider.port, SOCKET.replace('Upgrade: websocket', `Upgrade: ${upgrade}`));
    t.is(client.status, 101);
    t.deepEqual((await upstream.guest(n + 1)).headerAll('upgrade'), ['websocket']);
  }
});

test('rule 16: the credential is on the handshake, and takes the place of the caller’s', async (t) => {
  const { outrider, upstream, tokens } = await givenSocketTokens(t);
  for (const n of [1, 2]) {
    const client = await shake(t, outrider.port, handshake('/api/socket', 'authorization: Bearer mine\r\n'));
    t.is(client.status, 101);
    t.deepEqual((await upstream.guest(n)).headerAll('authorization'), ['Bearer token-1']);
  }
  t.is(tokens.calls.length, 1);
});

test('rule 16: a handshake is signed', async (t) => {
  const { outrider, upstream } = await givenSocket(t, {
    route: 'provider: signer',
    extra: `
profiles:
  signer:
    title: Signer
    credentials: { key: { secret: true } }
    sign:
      - text: "{{request.method}}{{request.target}}"
        algorithm: hmac-sha256
        key: "{{credentials.key}}"
        set: { header: x-signature, value: "{{signature}}" }
providers: { signer: { profile: signer, credentials: { key: the-key-of-the-signer } } }`,
  });
  t.is((await shake(t, outrider.port, handshake('/api/socket?q=1'))).status, 101);
  t.is(
    (await upstream.guest(1)).header('x-signature'),
    // printf 'GET/socket?q=1' | openssl dgst -sha256 -hmac the-key-of-the-signer
    'fd2d5ab07ca6b904c51ed155d54995deed56e0152458146b634172e901361a32',
  );
});

test('rule 26: handshakes wait for the first token, together', async (t) => {
  const held = gate();
  const { outrider, upstream, tokens } = await givenSocketTokens(t, {
    script: async () => {
      await held.opened;
      return granted('token-1');
    },
  });
  const shaken = [shake(t, outrider.port), shake(t, outrider.port), shake(t, outrider.port)];
  await tokens.call(1);
  t.is(upstream.connections, 0);
  held.open();
  for (const { status } of await Promise.all(shaken)) t.is(status, 101);
  t.is(tokens.calls.length, 1);
});

test('error token_unavailable: a handshake for which there is no token, U=0', async (t) => {
  const { outrider, upstream } = await givenSocketTokens(t, { script: () => ({ status: 500, body: 'down' }) });
  const { client, ...answer } = await ask(t, outrider.port, SOCKET);
  assertProblem(t, answer, { status: 503, code: 'token_unavailable', route: 'api' });
  t.truthy(answer.header('retry-after'));
  t.is(await client.closed(), 'end');
  t.is(upstream.connections, 0);
});

for (const status of [401, 412]) {
  test(`rule 19: a ${status} to a handshake is passed on, and the next one has a new token`, async (t) => {
    const { outrider, upstream, tokens, clock } = await givenSocketTokens(t);
    t.is((await shake(t, outrider.port)).status, 101);
    await clock.advance(10_000);
    upstream.handler = reject(status);
    const { client, ...answer } = await ask(t, outrider.port, SOCKET);
    t.is(answer.status, status);
    t.is(answer.text, 'stale');
    t.is(answer.header('x-why'), 'token');
    t.regex(answer.header('proxy-status') ?? '', /^outrider; details="the token was rejected, .*websocket"$/);
    t.is(await client.closed(), 'end');
    t.is(upstream.guests.length, 2, 'once');
    t.is(tokens.calls.length, 2);
    upstream.handler = (guest) => guest.accept();
    t.is((await shake(t, outrider.port)).status, 101);
    t.is((await upstream.guest(3)).header('authorization'), 'Bearer token-2');
  });
}

test('rule 19: the rejection is passed on when the new token is there, also where nothing is replayed', async (t) => {
  const held = gate();
  const { outrider, upstream, tokens, clock } = await givenSocketTokens(t, { route: 'replay: false' });
  t.is((await shake(t, outrider.port)).status, 101);
  await clock.advance(10_000);
  upstream.handler = reject(401);
  tokens.script = async () => {
    await held.opened;
    return granted('token-2');
  };
  let isAnswered = false;
  const answer = ask(t, outrider.port, SOCKET).finally(() => (isAnswered = true));
  await tokens.call(2);
  await clock.advance(1_000);
  t.false(isAnswered);
  held.open();
  t.is((await answer).status, 401);
  upstream.handler = (guest) => guest.accept();
  t.is((await shake(t, outrider.port)).status, 101);
  t.is((await upstream.guest(3)).header('authorization'), 'Bearer token-2');
});

test('rule 23: a 401 to a handshake is passed on when there is no other token to be had', async (t) => {
  const { outrider, upstream, tokens, clock } = await givenSocketTokens(t);
  t.is((await shake(t, outrider.port)).status, 101);
  await clock.advance(10_000);
  upstream.handler = reject(401);
  tokens.script = () => ({ status: 503, body: 'down' });
  t.is((await ask(t, outrider.port, SOCKET)).status, 401);
  await until('a line of each', () => outrider.logs().some(({ status }) => status === 401));
});

test('rule 20: many rejected handshakes cost one token call', async (t) => {
  const { outrider, upstream, tokens, clock } = await givenSocketTokens(t);
  const { socket } = await openSession(t, `ws://127.0.0.1:${outrider.port}/api/socket`);
  await clock.advance(10_000);
  upstream.handler = reject(401);
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(t, outrider.port, SOCKET)));
  for (const { status } of answers) t.is(status, 401);
  t.is(tokens.calls.length, 2);
  t.is(socket.readyState, WebSocket.OPEN, 'what is open stays so');
});
