import net from 'node:net';
import test from 'ava';
import { startEgressProxy } from '../clients/egress-proxy.ts';
import { accepting, givenTokens, tokenYaml } from '../contract/given.ts';
import { within } from '../helpers/http1.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { ask } from '../helpers/raw.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { exchange, openTunnel } from './client.ts';
import { DENIED_HOSTS, resolver } from './given.ts';
import { get, givenIntercepted, stateDir } from './intercepted.ts';

test('TLS is ended for a routed host, and several requests on one tunnel go through the pipeline', async (t) => {
  const { upstream, outrider, ca, authority } = await givenIntercepted(t);
  const tunnel = await openTunnel(t, outrider.port, authority);
  t.is(tunnel.status, 200);
  const inner = await tunnel.secure({ ca: ca(), servername: 'localhost' });
  t.is(inner.alpnProtocol, 'http/1.1');
  t.is(inner.getPeerCertificate().subjectaltname, 'DNS:localhost');
  for (const target of ['/v1/a?b=1', '/v1/c%2Fd', '/v1'])
    t.is((await exchange(inner, get(authority, target))).status, 200);
  const post = `POST /v1/p HTTP/1.1\r\nHost: ${authority}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`;
  t.is((await exchange(inner, post)).status, 200);
  t.deepEqual(
    upstream.requests.map(({ target }) => target),
    ['/v1/a?b=1', '/v1/c%2Fd', '/v1', '/v1/p'],
  );
  t.true(upstream.requests.every((arrival) => arrival.header('authorization') === 'Bearer token-1'));
  t.is((await upstream.requests[3]?.body())?.bytes.toString(), 'hello');
  t.like((await outrider.logged(4))[0], { route: 'api', method: 'GET', path: '/v1/a', status: 200 });
});

test('pipelined requests are answered in order', async (t) => {
  const { outrider, ca, authority } = await givenIntercepted(t, {
    handler: (arrival) => arrival.reply(200, { body: arrival.target.slice(-1) }),
  });
  const tunnel = await openTunnel(t, outrider.port, authority);
  const inner = await tunnel.secure({ ca: ca(), servername: 'localhost' });
  let text = '';
  inner.on('data', (chunk: Buffer) => (text += chunk.toString()));
  inner.write([1, 2, 3].map((n) => get(authority, `/v1/${n}`)).join(''));
  await within(
    5_000,
    'three answers',
    (async () => {
      while ((text.match(/HTTP\/1\.1 200/g)?.length ?? 0) < 3 || !text.endsWith('3'))
        await new Promise((resolve) => inner.once('data', resolve));
    })(),
  );
  t.deepEqual(text.match(/(?<=\r\n\r\n)\d/g), ['1', '2', '3']);
});

test('a 401 in the middle is renewed and replayed', async (t) => {
  const valid = new Set(['token-1']);
  const state = stateDir(t);
  const { upstream, outrider, tokens, warm } = await givenTokens(t, {
    handler: accepting(valid),
    extra: `forward: { mode: intercept }\nstate_dir: ${state}`,
  });
  await warm();
  valid.clear();
  valid.add('token-2');
  const tunnel = await openTunnel(t, outrider.port, upstream.authority);
  // The test's clock stands in another year than the machine's.
  const inner = await tunnel.secure({ rejectUnauthorized: false });
  const bytes = `POST /x HTTP/1.1\r\nHost: ${upstream.authority}\r\nContent-Length: 5\r\n\r\nhello`;
  const answer = await exchange(inner, bytes);
  t.is(answer.status, 200);
  t.true(answer.text.endsWith('hello'));
  t.is(tokens.calls.length, 2);
});

test('plain HTTP in a tunnel is recognised by its first bytes, also when they come with the CONNECT', async (t) => {
  const { upstream, outrider, authority } = await givenIntercepted(t);
  const tunnel = await openTunnel(t, outrider.port, authority);
  for (let i = 0; i < 2; i++) t.is((await exchange(tunnel.socket, get(authority))).status, 200);
  const eager = net.connect({ port: outrider.port, host: '127.0.0.1' });
  t.teardown(() => eager.destroy());
  let text = '';
  eager.on('data', (chunk: Buffer) => (text += chunk.toString()));
  eager.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n${get(authority)}`);
  await within(
    5_000,
    'both answers',
    (async () => {
      while (!text.endsWith('ok')) await new Promise((resolve) => eager.once('data', resolve));
    })(),
  );
  t.regex(text, /^HTTP\/1\.1 200 Connection established\r\n\r\nHTTP\/1\.1 200/);
  t.is(upstream.requests.length, 3);
});

test('bytes that are neither TLS nor HTTP close the tunnel, and reach nobody', async (t) => {
  const { upstream, outrider, authority } = await givenIntercepted(t);
  for (const bytes of ['\x00\x01', '\x80hello', '\x15\x03\x01\x00\x02\x02\x28']) {
    const tunnel = await openTunnel(t, outrider.port, authority);
    tunnel.socket.write(Buffer.from(bytes, 'latin1'));
    tunnel.socket.resume();
    await within(20_000, 'the end', new Promise((resolve) => tunnel.socket.once('close', resolve)));
  }
  t.is(upstream.connections, 0);
});

test('Host inside, or an absolute URL, must agree with what the tunnel was opened for', async (t) => {
  const { upstream, outrider, ca, authority } = await givenIntercepted(t);
  const wrong = [
    get('evil.test'),
    get(`127.0.0.1:${upstream.port}`),
    get('localhost:1'),
    get(authority, `https://evil.test/v1/x`),
    get(authority, `https://localhost:1/v1/x`),
    get(authority, `http://${authority}/v1/x`),
    `GET /v1/x HTTP/1.1\r\nHost: ${authority}\r\nHost: ${authority}\r\n\r\n`,
  ];
  for (const bytes of wrong) {
    const inner = await (await openTunnel(t, outrider.port, authority)).secure({ ca: ca(), servername: 'localhost' });
    const answer = await exchange(inner, bytes);
    t.is(answer.status, 400, bytes);
    t.regex(answer.text, /"code":"bad_request"/);
  }
  t.is(upstream.connections, 0);
  const inner = await (await openTunnel(t, outrider.port, authority)).secure({ ca: ca(), servername: 'localhost' });
  t.is((await exchange(inner, get(authority.toUpperCase(), `https://${authority}/v1/x`))).status, 200);
});

test('what no route leads to is refused, in the tunnel as before it', async (t) => {
  const { upstream, outrider, ca, authority } = await givenIntercepted(t);
  const inner = await (await openTunnel(t, outrider.port, authority)).secure({ ca: ca(), servername: 'localhost' });
  const answer = await exchange(inner, get(authority, '/v2/elsewhere'));
  t.is(answer.status, 403);
  t.regex(answer.text, /"code":"destination_denied"/);
  const other = await openTunnel(t, outrider.port, 'other.test:443');
  t.is(other.status, 403);
  t.regex(other.head, /"code":"destination_denied"/);
  t.is(upstream.connections, 0);
  t.like((await outrider.logged(2))[1], { method: 'CONNECT', path: 'other.test:443', status: 403 });
});

test('in mode plain a CONNECT to a routed host is refused with a hint; with forwarding off, every one with 405', async (t) => {
  const plain = await givenIntercepted(t, { forward: '{ mode: plain, unmatched: tunnel }' });
  const refused = await openTunnel(t, plain.outrider.port, plain.authority);
  t.is(refused.status, 403);
  t.regex(refused.head, /forward\.mode: intercept/);
  // A program that asks for a tunnel shows its user no more than the status.
  t.regex(plain.outrider.logText(), /"level":"warn","message":"a route leads there[^"]*forward\.mode: intercept/);
  const off = await givenIntercepted(t, { forward: '{ mode: none, unmatched: tunnel }' });
  const shut = await openTunnel(t, off.outrider.port, off.authority);
  t.is(shut.status, 405);
  t.regex(shut.head, /^Allow: /im);
  t.is(plain.upstream.connections + off.upstream.connections, 0);
});

test('an access token is asked for at the CONNECT with 407, and not again inside', async (t) => {
  const { upstream, outrider, ca, authority } = await givenIntercepted(t, {
    extra: 'listen: { address: 127.0.0.1:0, access_tokens: [sesame-sesame] }',
  });
  const refused = await openTunnel(t, outrider.port, authority);
  t.is(refused.status, 407);
  t.regex(refused.head, /^Proxy-Authenticate: Basic/im);
  const basic = Buffer.from('x:sesame-sesame').toString('base64');
  const tunnel = await openTunnel(t, outrider.port, authority, `Proxy-Authorization: Basic ${basic}\r\n`);
  const inner = await tunnel.secure({ ca: ca(), servername: 'localhost' });
  t.is((await exchange(inner, get(authority))).status, 200);
  t.notRegex(upstream.requests[0]?.head ?? '', /sesame|proxy-auth/i);
});

test('a CONNECT that names no host and port is refused', async (t) => {
  const { outrider } = await givenIntercepted(t);
  for (const target of ['localhost', '/x', 'localhost:0', 'a b:1', 'u@localhost:1', 'localhost:99999', '*']) {
    const answer = await ask(t, outrider.port, `CONNECT ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    t.true(answer.status === 400, `${target}: ${answer.status}`);
  }
});

test('HTTP/1.0 may leave Host out', async (t) => {
  const { outrider, authority } = await givenIntercepted(t);
  const client = net.connect({ port: outrider.port, host: '127.0.0.1' });
  t.teardown(() => client.destroy());
  t.is((await exchange(client, `CONNECT ${authority} HTTP/1.0\r\n\r\n`)).status, 200);
});

for (const host of DENIED_HOSTS) {
  test(`a blind tunnel to ${host} is refused`, async (t) => {
    const other = await startUpstream(t);
    const { outrider } = await givenIntercepted(t, { forward: '{ mode: intercept, unmatched: tunnel }' });
    const tunnel = await openTunnel(t, outrider.port, `${host}:${other.port}`);
    t.is(tunnel.status, 403);
    t.is(other.connections, 0);
  });
}

test('a blind tunnel goes to the address that was judged, whatever the name is later', async (t) => {
  const upstream = await startUpstream(t);
  const names = resolver({ 'inside.test': [['127.0.0.1']], 'mixed.test': [['10.0.0.1', '::1']] });
  const outrider = await startOutrider(t, 'forward: { mode: plain, unmatched: tunnel }\nroutes: []', {
    app: { env: {}, lookup: names.lookup },
  });
  for (const host of ['inside.test', 'mixed.test']) {
    const tunnel = await openTunnel(t, outrider.port, `${host}:${upstream.port}`);
    t.is(tunnel.status, 403);
  }
  t.is((await openTunnel(t, outrider.port, 'nowhere.test:1')).status, 502);
  t.is(upstream.connections, 0);
  t.is(names.asked.length, 3);
});

test('a blind tunnel passes bytes both ways, unseen, to the last one', async (t) => {
  const proxy = await startEgressProxy(t);
  const answer = Buffer.alloc(300_000, 'x');
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    let received = 0;
    socket.on('data', (chunk: Buffer) => (received += chunk.length));
    socket.on('end', () => socket.end(Buffer.concat([Buffer.from(`${received}\n`), answer])));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as net.AddressInfo;
  const outrider = await startOutrider(t, 'forward: { mode: plain, unmatched: tunnel }\nroutes: []', {
    app: { env: { HTTPS_PROXY: `127.0.0.1:${proxy.port}` } },
  });
  const client = net.connect({ port: outrider.port, host: '127.0.0.1', allowHalfOpen: true });
  t.teardown(() => client.destroy());
  const received: Buffer[] = [];
  client.on('data', (chunk: Buffer) => received.push(chunk));
  client.write(`CONNECT free.test:${port} HTTP/1.1\r\nHost: free.test\r\n\r\n\x16\x03not TLS`);
  client.end(Buffer.alloc(200_000, 'y'));
  await within(20_000, 'the end', new Promise((resolve) => client.once('end', resolve)));
  const text = Buffer.concat(received).toString('latin1');
  t.is(text.length, 'HTTP/1.1 200 Connection established\r\n\r\n200009\n'.length + answer.length);
  t.true(text.includes('\r\n\r\n200009\nxxx'));
  t.is(proxy.asked[0]?.line, `CONNECT free.test:${port}`);
  t.like((await outrider.logged(1))[0], { method: 'CONNECT', path: `free.test:${port}`, status: 200 });
});

test('the end of the proxy ends idle tunnels at once, and what is left after the drain', async (t) => {
  const { outrider, ca, authority } = await givenIntercepted(t, {
    extra: 'timeouts: { lame_duck: 0ms, drain: 300ms }',
  });
  const inner = await (await openTunnel(t, outrider.port, authority)).secure({ ca: ca(), servername: 'localhost' });
  t.is((await exchange(inner, get(authority))).status, 200);
  const silent = await openTunnel(t, outrider.port, authority);
  const ends = [inner, silent.socket].map(async (socket) => {
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
  });
  await within(20_000, 'the stop', outrider.app.stop({ signal: 'SIGINT' }));
  await within(20_000, 'both ends', Promise.all(ends));
  t.pass();
});

test('a reload shuts the door behind an open tunnel', async (t) => {
  const { upstream, outrider, ca, authority, tokens, state } = await givenIntercepted(t);
  const inner = await (await openTunnel(t, outrider.port, authority)).secure({ ca: ca(), servername: 'localhost' });
  t.is((await exchange(inner, get(authority))).status, 200);
  await outrider.reload(`${tokenYaml(`http://localhost:${upstream.port}/v1`, tokens.url)}\nstate_dir: ${state}`);
  t.is((await exchange(inner, get(authority))).status, 403);
  t.is((await openTunnel(t, outrider.port, authority)).status, 405);
});
