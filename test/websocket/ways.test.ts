import fs from 'node:fs';
import path from 'node:path';
import test from 'ava';
import type { ExecutionContext } from 'ava';
import { startEgressProxy } from '../clients/egress-proxy.ts';
import { CERTIFICATE, CERTIFICATE_KEY } from '../contract/certificate.ts';
import { startCli } from '../contract/cli.ts';
import { plainYaml, tokenYaml } from '../contract/given.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { frame, OPCODE } from '../helpers/frames.ts';
import { until } from '../helpers/http1.ts';
import { assertProblem } from '../helpers/problem.ts';
import { ask, rawClient } from '../helpers/raw.ts';
import { startTokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { handshake, openSession, shake } from '../helpers/websocket-client.ts';
import { startWebSocketUpstream } from '../helpers/websocket-upstream.ts';
import { openTunnel } from '../tunnel/client.ts';
import { stateDir } from '../tunnel/intercepted.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

const TLS = { key: CERTIFICATE_KEY, cert: CERTIFICATE };
const SOCKET = handshake('/api/socket');

/** The environment in which {@link CERTIFICATE} is trusted. */
function trusting(t: ExecutionContext): Readonly<Record<string, string>> {
  const dir = temporaryDirectory(t);
  fs.writeFileSync(path.join(dir, 'root.pem'), CERTIFICATE);
  return { NODE_EXTRA_CA_CERTS: path.join(dir, 'root.pem') };
}

test('rule 17: a provider of wss:// is verified, and nothing else is written on stderr', async (t) => {
  const upstream = await startWebSocketUpstream(t, undefined, { tls: TLS });
  const yaml = `
log: { format: json, level: warn }
routes:
  - { name: api, match: { path: /api }, upstream: "https://localhost:${upstream.port}", websocket: true }
  - { name: ip, match: { path: /api/ip }, upstream: "https://127.0.0.1:${upstream.port}", websocket: true }
  - { name: other, match: { path: /api/other }, upstream: "https://other.localhost:${upstream.port}", websocket: true }`;
  const { port, output } = await startCli(t, yaml, trusting(t));
  const before = output();
  for (const way of ['/api/socket', '/api/ip/socket']) {
    const { socket, message } = await openSession(t, `ws://127.0.0.1:${port}${way}`);
    socket.send('secret');
    t.is(await message(1), 'secret');
  }
  t.is(output(), before, 'no warning of a library');
  const misnamed = await ask(t, port, handshake('/api/other/socket'));
  assertProblem(t, misnamed, { status: 502, code: 'upstream_unreachable', outcome: 'not_sent', route: 'other' });
  t.is(upstream.guests.length, 2);
});

test('what carries WebSocket is brought in by the first config with a route that lets it pass', async (t) => {
  const yaml = plainYaml('http://127.0.0.1:1');
  const { child, output, write } = await startCli(t, yaml, { NODE_DEBUG: 'module' });
  t.true(output().includes('/node_modules/node-cache/'));
  t.false(output().includes('/node_modules/http-proxy/'));
  write(plainYaml('http://127.0.0.1:1', 'websocket: true'));
  child.kill('SIGHUP');
  await until('a new library', () => output().includes('/node_modules/http-proxy/'));
});

test('rule 17: a provider of wss:// that nobody vouches for gets no credential', async (t) => {
  const upstream = await startWebSocketUpstream(t, undefined, { tls: TLS });
  const outrider = await startOutrider(t, plainYaml(`https://localhost:${upstream.port}`, 'websocket: true'));
  const answer = await ask(t, outrider.port, SOCKET);
  assertProblem(t, answer, { status: 502, code: 'upstream_unreachable', outcome: 'not_sent' });
  t.regex(answer.header('proxy-status') ?? '', /error=tls_certificate_error/);
  t.is(upstream.guests.length, 0);
});

test('error upstream_timeout: TLS that never comes about is given up, not_sent', async (t) => {
  const silent = await startUpstream(t, () => undefined);
  silent.onConnection = (socket) => void socket.pause();
  const yaml = plainYaml(`https://127.0.0.1:${silent.port}`, 'websocket: true', 'timeouts: { connect: 300ms }');
  const outrider = await startOutrider(t, yaml);
  const answer = await ask(t, outrider.port, SOCKET);
  assertProblem(t, answer, { status: 504, code: 'upstream_timeout', outcome: 'not_sent' });
});

test('rule 18: a caller who goes while the provider is dialled takes the connection along', async (t) => {
  const silent = await startUpstream(t, () => undefined);
  let isClosed = false;
  silent.onConnection = (socket) => void socket.on('close', () => (isClosed = true)).resume();
  const yaml = plainYaml(`https://127.0.0.1:${silent.port}`, 'websocket: true', 'timeouts: { connect: 1h }');
  const outrider = await startOutrider(t, yaml);
  const client = await rawClient(t, outrider.port);
  await client.send(SOCKET);
  await until('a connection', () => silent.connections === 1);
  client.reset();
  await until('its end', () => isClosed);
  t.like((await outrider.logged(1))[0], { status: 0, code: 'caller_gone', outcome: 'not_sent' });
});

test('rule 17: the egress proxy opens a tunnel for ws:// and for wss://, and gets nothing of the handshake', async (t) => {
  const egress = await startEgressProxy(t);
  const secure = await startWebSocketUpstream(t, undefined, { tls: TLS });
  const plain = await startWebSocketUpstream(t);
  const proxy = `http://user:canary@127.0.0.1:${egress.port}`;
  const yaml = `
routes:
  - { name: api, match: { path: /api }, upstream: "https://api.provider.test:${secure.port}", websocket: true }
  - { name: plain, match: { path: /api/plain }, upstream: "http://api.provider.test:${plain.port}", websocket: true }`;
  const env = { ...trusting(t), HTTPS_PROXY: proxy, HTTP_PROXY: proxy };
  const { port } = await startCli(t, yaml, env);
  for (const [way, upstream] of [
    ['/api/socket', secure],
    ['/api/plain/socket', plain],
  ] as const) {
    const { socket, message } = await openSession(t, `ws://127.0.0.1:${port}${way}`);
    socket.send('through');
    t.is(await message(1), 'through');
    t.like(egress.asked.at(-1), {
      line: `CONNECT api.provider.test:${upstream.port}`,
      authorization: `Basic ${btoa('user:canary')}`,
    });
    t.is(upstream.guests[0]?.header('host'), `api.provider.test:${upstream.port}`);
    t.is(upstream.guests[0]?.header('proxy-authorization'), undefined);
  }
});

test('rule 17: an egress proxy that refuses or is down is 502 not_sent, and never gone around', async (t) => {
  const egress = await startEgressProxy(t, { refuse: 407 });
  const upstream = await startWebSocketUpstream(t);
  for (const [HTTP_PROXY, detail] of [
    [`http://127.0.0.1:${egress.port}`, /credentials \(407\)/],
    ['http://127.0.0.1:1', /egress proxy can't be reached/],
  ] as const) {
    const yaml = plainYaml(`http://api.provider.test:${upstream.port}`, 'websocket: true');
    const outrider = await startOutrider(t, yaml, { app: { env: { HTTP_PROXY } } });
    const answer = await ask(t, outrider.port, SOCKET);
    assertProblem(t, answer, { status: 502, code: 'upstream_unreachable', outcome: 'not_sent', detail });
  }
  t.is(upstream.connections, 0);
});

/** A proxy at whose forward doors WebSocket passes, with a token, to what lies below `/v1`. */
async function givenForward(t: ExecutionContext, mode: 'plain' | 'intercept') {
  const upstream = await startWebSocketUpstream(t);
  const tokens = await startTokenEndpoint(t);
  const state = stateDir(t);
  const yaml = tokenYaml(`http://localhost:${upstream.port}/v1`, tokens.url, {
    route: 'websocket: true',
    extra: `
  - { name: shut, match: { path: /shut }, upstream: "http://localhost:${upstream.port}/v1/shut" }
state_dir: ${state}
forward: { mode: ${mode} }`,
  });
  const outrider = await startOutrider(t, yaml);
  return {
    upstream,
    outrider,
    authority: `localhost:${upstream.port}`,
    ca: () => fs.readFileSync(path.join(state, 'ca.pem')),
  };
}

test('forward doors: a handshake in absolute form goes the way of its route', async (t) => {
  const { upstream, outrider, authority } = await givenForward(t, 'plain');
  const client = await shake(t, outrider.port, handshake(`http://${authority}/v1/socket?x`, '', authority));
  t.is(client.status, 101);
  const guest = await upstream.guest(1);
  t.is(guest.target, '/v1/socket?x');
  t.is(guest.header('authorization'), 'Bearer token-1');
  client.socket.write(frame(OPCODE.text, 'hello', { mask: true }));
  await until('the echo', () => client.received().equals(frame(OPCODE.text, 'hello')));
  const stripped = await ask(t, outrider.port, handshake(`http://${authority}/v1/shut/x`, '', authority));
  t.is(stripped.text, 'ordinary');
  const foreign = await ask(t, outrider.port, handshake('http://elsewhere.test/v1', '', 'elsewhere.test'));
  assertProblem(t, foreign, { status: 403, code: 'destination_denied' });
});

for (const scheme of ['ws', 'wss'] as const) {
  test(`forward doors: ${scheme}:// in an intercepted tunnel goes the way of its route`, async (t) => {
    const { upstream, outrider, authority, ca } = await givenForward(t, 'intercept');
    const tunnel = await openTunnel(t, outrider.port, authority);
    t.is(tunnel.status, 200);
    const inner = scheme === 'ws' ? tunnel.socket : await tunnel.secure({ ca: ca(), servername: 'localhost' });
    const client = await shake(t, outrider.port, handshake('/v1/socket', '', authority), inner);
    t.is(client.status, 101);
    t.is((await upstream.guest(1)).header('authorization'), 'Bearer token-1');
    client.socket.write(frame(OPCODE.binary, 'hello', { mask: true }));
    await until('the echo', () => client.received().equals(frame(OPCODE.binary, 'hello')));
    client.socket.write(frame(OPCODE.close, Buffer.from([3, 232]), { mask: true }));
    await until('the end', () => client.ended.has('end'));
    client.socket.end();
    t.like((await outrider.logged(1))[0], { route: 'api', path: '/v1/socket', status: 101, code: null as never });
    await until('nothing open at the provider', () => upstream.openConnections === 0);
  });
}

test('forward doors: from another site no handshake in a tunnel is let in', async (t) => {
  const { upstream, outrider, authority, ca } = await givenForward(t, 'intercept');
  const tunnel = await openTunnel(t, outrider.port, authority);
  const inner = await tunnel.secure({ ca: ca(), servername: 'localhost' });
  const bytes = handshake('/v1/socket', 'Origin: https://evil.test\r\n', authority);
  t.is((await shake(t, outrider.port, bytes, inner)).status, 403);
  t.is(upstream.connections, 0);
});
