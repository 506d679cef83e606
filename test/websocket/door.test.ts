import test from 'ava';
import { assertProblem } from '../helpers/problem.ts';
import { ask, rawClient } from '../helpers/raw.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { handshake, shake } from '../helpers/websocket-client.ts';
import { startWebSocketUpstream } from '../helpers/websocket-upstream.ts';
import { givenBare, givenSocket } from './given.ts';

const SOCKET = handshake('/api/socket');
const with_ = (more: string, host?: string): string => handshake('/api/socket', more, host);
const listen = (more: string): string => `listen: { address: 127.0.0.1:0, ${more} }`;

interface Refusal {
  readonly bytes: string;
  readonly status: number;
  readonly code: string;
  readonly extra?: string;
  /** What the answer says about the connection. */
  readonly isClosed?: true;
}

const REFUSED: Readonly<Record<string, Refusal>> = {
  'from another site': { bytes: with_('Origin: https://evil.test\r\n'), status: 403, code: 'origin_denied' },
  'from a sandboxed page': { bytes: with_('Origin: null\r\n'), status: 403, code: 'origin_denied' },
  'from two origins, one of them listed': {
    bytes: with_('Origin: https://app.test\r\nOrigin: https://evil.test\r\n'),
    status: 403,
    code: 'origin_denied',
    extra: listen('allowed_origins: ["https://app.test"]'),
  },
  'that Sec-Fetch-Site calls cross-site': {
    bytes: with_('Sec-Fetch-Site: cross-site\r\n'),
    status: 403,
    code: 'origin_denied',
  },
  'to a rebound name': { bytes: with_('', 'localhost.evil.test'), status: 403, code: 'host_denied' },
  'without an access token': {
    bytes: SOCKET,
    status: 401,
    code: 'client_unauthenticated',
    extra: listen('access_tokens: [an-access-token-of-some-length]'),
  },
  'with a wrong access token': {
    bytes: with_('X-Outrider-Token: wrong\r\n'),
    status: 401,
    code: 'client_unauthenticated',
    extra: listen('access_tokens: [an-access-token-of-some-length]'),
  },
  'without Host': {
    bytes: SOCKET.replace('Host: localhost\r\n', ''),
    status: 400,
    code: 'bad_request',
    isClosed: true,
  },
  'with two Hosts': { bytes: with_('Host: localhost\r\n'), status: 400, code: 'bad_request', isClosed: true },
  'with an imitated Host': { bytes: with_('ho_st: x\r\n'), status: 400, code: 'bad_request', isClosed: true },
  'to a path with dots': { bytes: handshake('/api/%2e%2e/x'), status: 400, code: 'bad_request' },
  'to nowhere': { bytes: handshake('/nowhere'), status: 404, code: 'route_not_found' },
  'elsewhere, as to a proxy': {
    bytes: handshake('http://elsewhere.test/socket'),
    status: 403,
    code: 'destination_denied',
  },
  'with a body': { bytes: `${with_('Content-Length: 3\r\n')}abc`, status: 400, code: 'bad_request', isClosed: true },
  'with a body in chunks': {
    bytes: `${with_('Transfer-Encoding: chunked\r\n')}3\r\nabc\r\n0\r\n\r\n`,
    status: 400,
    code: 'bad_request',
    isClosed: true,
  },
  'with another expectation': { bytes: with_('Expect: more\r\n'), status: 417, code: 'unsupported_expectation' },
};

for (const [what, { bytes, status, code, extra, isClosed }] of Object.entries(REFUSED)) {
  test(`the guard refuses a handshake ${what}: ${code}, U=0`, async (t) => {
    const { outrider, upstream } = await givenSocket(t, { ...(extra && { extra }) });
    const { client, ...answer } = await ask(t, outrider.port, bytes);
    assertProblem(t, answer, { status, code });
    t.is(answer.header('access-control-allow-origin'), undefined);
    if (isClosed) t.is(await client.closed(), 'end');
    t.is(upstream.connections, 0);
    t.is((await outrider.logged(1)).length, 1);
    t.is(outrider.logs()[0]?.code, code);
  });
}

test('rules 2 and 4: a listed origin and an access token let a handshake in, and the token goes no further', async (t) => {
  const { outrider, upstream } = await givenSocket(t, {
    extra: listen('access_tokens: [an-access-token-of-some-length], allowed_origins: ["https://app.test"]'),
  });
  const more = 'X-Outrider-Token: an-access-token-of-some-length\r\nOrigin: https://app.test\r\n';
  const client = await shake(t, outrider.port, with_(more));
  t.is(client.status, 101);
  t.is(client.header('access-control-allow-origin'), 'https://app.test');
  const guest = await upstream.guest(1);
  t.is(guest.header('origin'), 'https://app.test');
  t.is(guest.header('x-outrider-token'), undefined);
});

const NO_HANDSHAKE: Readonly<Record<string, string>> = {
  'to another protocol': SOCKET.replace('websocket', 'h2c'),
  'to a version of it': SOCKET.replace('websocket', 'websocket/13'),
  'without Connection': SOCKET.replace('Connection: Upgrade', 'Connection: keep-alive'),
  'of HTTP/1.0': SOCKET.replace('HTTP/1.1', 'HTTP/1.0'),
  'of a POST': SOCKET.replace('GET', 'POST'),
  'of a POST with a body': `${with_('Content-Length: 0\r\n').replace('GET', 'POST')}`,
};

for (const [what, bytes] of Object.entries(NO_HANDSHAKE)) {
  test(`rule 16: an upgrade ${what} is stripped where WebSocket may pass, too`, async (t) => {
    const { outrider, upstream } = await givenBare(t, (arrival) => arrival.reply(200, { body: 'ordinary' }));
    t.is((await ask(t, outrider.port, bytes)).text, 'ordinary');
    t.is(upstream.requests[0]?.header('upgrade'), undefined);
    t.notRegex(upstream.requests[0]?.header('connection') ?? '', /upgrade/i);
    t.deepEqual(upstream.violations, []);
  });
}

test('rule 16: a handshake is stripped on a route that lets none pass, beside one that does', async (t) => {
  const upstream = await startWebSocketUpstream(t);
  const outrider = await startOutrider(
    t,
    `
routes:
  - { name: open, match: { path: /api }, upstream: "${upstream.origin}", websocket: true }
  - { name: shut, match: { path: /api/shut }, upstream: "${upstream.origin}" }
  - { name: by-header, match: { path: /api, headers: { x-shut: yes } }, upstream: "${upstream.origin}" }`,
  );
  for (const bytes of [handshake('/api/shut/x'), with_('X-Shut: yes\r\n')])
    t.is((await ask(t, outrider.port, bytes)).text, 'ordinary');
  t.is((await shake(t, outrider.port)).status, 101);
  t.is(upstream.requests.length, 2);
  for (const { headers } of upstream.requests) t.is(headers.upgrade, undefined);
});

test('a handshake behind an unanswered request is none, and the answers keep their order', async (t) => {
  const { outrider, upstream } = await givenBare(t, async (arrival, n) => {
    if (n === 1) await new Promise((resolve) => setTimeout(resolve, 100));
    await arrival.reply(200, { body: `answer ${n}` });
  });
  const client = await rawClient(t, outrider.port);
  await client.send(`GET /api/first HTTP/1.1\r\nHost: localhost\r\n\r\n${SOCKET}`);
  t.is((await client.answer()).text, 'answer 1');
  t.is((await client.answer()).text, 'answer 2');
  t.is(upstream.requests[1]?.header('upgrade'), undefined);
});
