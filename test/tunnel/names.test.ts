import { Duplex } from 'node:stream';
import type net from 'node:net';
import test from 'ava';
import { startEgressProxy } from '../clients/egress-proxy.ts';
import { startOutrider } from '../helpers/outrider.ts';
import { assertProblem } from '../helpers/problem.ts';
import { ask } from '../helpers/raw.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { exchange, openTunnel } from './client.ts';
import { get, givenIntercepted, stateDir } from './intercepted.ts';

test('an upstream that is written with a final dot is the same host without', async (t) => {
  const proxy = await startEgressProxy(t);
  const upstream = await startUpstream(t);
  const yaml = `forward: { mode: intercept }
state_dir: ${stateDir(t)}
routes: [{ name: a, upstream: "http://Dotted.test.:${upstream.port}" }]`;
  const outrider = await startOutrider(t, yaml, { app: { env: { HTTP_PROXY: `127.0.0.1:${proxy.port}` } } });
  for (const host of ['dotted.test', 'dotted.test.', 'DOTTED.test.']) {
    const authority = `${host}:${upstream.port}`;
    const url = `GET http://${authority}/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
    t.is((await ask(t, outrider.port, url)).status, 200);
    const tunnel = await openTunnel(t, outrider.port, authority);
    const inner = await tunnel.secure({ rejectUnauthorized: false, servername: 'dotted.test' });
    t.is(inner.getPeerCertificate().subjectaltname, 'DNS:dotted.test');
    t.is((await exchange(inner, get(authority, '/x'))).status, 200);
  }
});

test('what SNI says decides on the certificate alone, and only among the routed hosts', async (t) => {
  const routes = '  - { name: other, upstream: "https://other.test" }';
  const { upstream, outrider, ca, authority } = await givenIntercepted(t, { routes });
  const shown = async (servername: string, target = authority) => {
    const tunnel = await openTunnel(t, outrider.port, authority);
    const inner = await tunnel.secure({ ca: ca(), servername, checkServerIdentity: () => undefined });
    const { subjectaltname, fingerprint256 } = inner.getPeerCertificate();
    return { subjectaltname, fingerprint256, status: (await exchange(inner, get(target))).status };
  };
  const own = await shown('localhost');
  t.like(own, { subjectaltname: 'DNS:localhost', status: 200 });
  for (const servername of ['', 'LOCALHOST', 'localHost', 'evil.test', 'a.localhost']) {
    t.deepEqual(await shown(servername), own, servername);
  }
  const other = await shown('other.test');
  t.like(other, { subjectaltname: 'DNS:other.test', status: 200 });
  t.deepEqual(await shown('OTHER.test'), other);
  t.like(await shown('other.test', 'other.test'), { subjectaltname: 'DNS:other.test', status: 400 });
  t.true(upstream.requests.every((arrival) => arrival.header('host') === authority));
});

test('in a tunnel, a URL without a port names the port of its scheme', async (t) => {
  const { upstream, outrider, ca, authority } = await givenIntercepted(t);
  const plain = await openTunnel(t, outrider.port, authority);
  t.is((await exchange(plain.socket, get(authority, 'http://localhost/v1/x'))).status, 400);
  const inner = await (await openTunnel(t, outrider.port, authority)).secure({ ca: ca(), servername: 'localhost' });
  t.is((await exchange(inner, get(authority, 'https://localhost/v1/x'))).status, 400);
  t.is(upstream.connections, 0);
});

test('nobody listens on port 0', async (t) => {
  const { outrider } = await givenIntercepted(t, { forward: '{ mode: intercept, unmatched: tunnel }' });
  for (const url of ['http://localhost:0/v1/x', 'https://free.test:00/', 'http://[::1]:0/']) {
    const answer = await ask(t, outrider.port, `GET ${url} HTTP/1.1\r\nHost: x\r\n\r\n`);
    assertProblem(t, answer, { status: 400, code: 'bad_request', detail: /no valid host/ });
  }
});

/** Everything that is written, one byte at a time. */
function byteByByte(socket: net.Socket): Duplex {
  socket.setNoDelay(true);
  const slow = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      const next = (at: number): void => {
        if (at === chunk.length) done();
        else socket.write(chunk.subarray(at, at + 1), () => setImmediate(next, at + 1));
      };
      next(0);
    },
  });
  socket.on('data', (chunk: Buffer) => slow.push(chunk)).on('end', () => slow.push(null));
  return slow;
}

test('a handshake, and a request behind it, may come one byte at a time', async (t) => {
  const { outrider, ca, authority } = await givenIntercepted(t);
  const tunnel = await openTunnel(t, outrider.port, authority);
  const inner = await tunnel.secure({ socket: byteByByte(tunnel.socket), ca: ca(), servername: 'localhost' });
  t.is((await exchange(inner, get(authority))).status, 200);
  const plain = await openTunnel(t, outrider.port, authority);
  t.is((await exchange(byteByByte(plain.socket) as net.Socket, get(authority))).status, 200);
});
