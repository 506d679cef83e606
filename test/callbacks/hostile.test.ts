import net from 'node:net';
import test from 'ava';
import { until } from '../helpers/http1.ts';
import { ask, rawClient } from '../helpers/raw.ts';
import { freePort } from '../helpers/free-port.ts';
import { httpCall, startOutrider } from '../helpers/outrider.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { CHUNKS, HEADS, LENGTHS_AND_CODINGS } from '../contract/smuggling-cases.ts';
import { PAYMENT, payuForm, PROVIDERS, startCallbacks } from './given.ts';

const CASES = { ...LENGTHS_AND_CODINGS, ...CHUNKS, ...HEADS };

test('what can be framed in two ways calls no application, and the next callback is served', async (t) => {
  const { origin, shop, send } = await startCallbacks(t);
  const port = Number(new URL(origin).port);
  for (const [what, [text]] of Object.entries(CASES)) {
    const client = await rawClient(t, port);
    await client.send(text.replaceAll(/\/api\/\w*/g, '/callbacks/payu').replaceAll('GET ', 'POST '));
    client.socket.end();
    await client.closed();
    t.notRegex(client.received().toString('latin1'), /^HTTP\/1\.1 2/m, what);
    t.is(shop.connections, 0, what);
  }
  t.is((await send('/callbacks/payu', payuForm())).status, 200);
});

test('a callback whose framing hides a second one is none', async (t) => {
  const { origin, shop } = await startCallbacks(t);
  const { body } = payuForm();
  const type = 'Content-Type: application/x-www-form-urlencoded\r\n';
  const head = `POST /callbacks/payu HTTP/1.1\r\nHost: shop.example\r\n${type}`;
  for (const framing of [
    `Content-Length: ${body.length}\r\nTransfer-Encoding: chunked\r\n`,
    `Content-Length: ${body.length}\r\nContent-Length: 0\r\n`,
    `Content_Length: 3\r\nContent-Length: ${body.length}\r\n`,
  ]) {
    const answer = await ask(t, Number(new URL(origin).port), `${head}${framing}\r\n${body}`);
    t.is(answer.status, 400, framing);
  }
  t.is(shop.connections, 0);
});

test('no route is reached through the listener of callbacks, by whatever form of a request', async (t) => {
  const upstream = await startUpstream(t);
  const { origin, shop } = await startCallbacks(t, {
    rest: `
forward: { mode: plain, unmatched: tunnel }
routes: [{ match: { path: /pay }, upstream: "${upstream.origin}", provider: payu }]`,
  });
  const { port, host } = new URL(origin);
  const host1 = 'Host: localhost\r\n';
  const tries: readonly (readonly [string, number])[] = [
    [`POST /pay/_payment HTTP/1.1\r\n${host1}Content-Length: 0\r\n\r\n`, 404],
    [`GET /pay HTTP/1.1\r\n${host1}\r\n`, 404],
    [`POST ${upstream.origin}/pay HTTP/1.1\r\nHost: ${upstream.authority}\r\nContent-Length: 0\r\n\r\n`, 404],
    [`CONNECT ${upstream.authority} HTTP/1.1\r\nHost: ${upstream.authority}\r\n\r\n`, 405],
    [`GET /pay HTTP/1.1\r\n${host1}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`, 404],
    [`POST http://${host}/callbacks/payu HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 0\r\n\r\n`, 401],
    [`POST /callbacks/../callbacks/payu HTTP/1.1\r\n${host1}Content-Length: 0\r\n\r\n`, 400],
    [`POST /callbacks/%70ayu HTTP/1.1\r\n${host1}Content-Length: 0\r\n\r\n`, 404],
    [`POST //callbacks/payu HTTP/1.1\r\n${host1}Content-Length: 0\r\n\r\n`, 400],
    ['POST /callbacks/payu HTTP/1.1\r\nContent-Length: 0\r\n\r\n', 400],
  ];
  for (const [text, status] of tries) t.is((await ask(t, Number(port), text)).status, status, text);
  t.is(upstream.connections, 0);
  t.is(shop.connections, 0);
});

test('a callback that would be forwarded to our own listener goes round no circle', async (t) => {
  const port = await freePort();
  const outrider = await startOutrider(
    t,
    `${PROVIDERS}
callbacks_listen: { address: "127.0.0.1:${port}" }
callbacks: [{ match: { path: /callbacks/payu }, verify: payu, forward: "http://127.0.0.1:${port}/callbacks/payu" }]`,
  );
  const { headers, body } = payuForm();
  const answer = await httpCall(outrider.callbacksOrigin ?? '', '/callbacks/payu', { method: 'POST', headers, body });
  t.is(answer.status, 503);
  const lines = await outrider.logged(2);
  const codes = lines.map(({ code = '' }) => code);
  t.deepEqual(
    codes.toSorted((a, b) => (a < b ? -1 : 1)),
    ['callback_undeliverable', 'loop_detected'],
  );
});

test('strangers with large bodies and slow heads keep nobody else from being served', async (t) => {
  const upstream = await startUpstream(t);
  const { origin, outrider, shop, send } = await startCallbacks(t, {
    rest: `
limits: { body_memory: 4MiB }
routes: [{ match: { path: /pay }, upstream: "${upstream.origin}", provider: payu }]`,
  });
  const port = Number(new URL(origin).port);
  const sockets = Array.from({ length: 200 }, () => net.connect({ port, host: '127.0.0.1' }).on('error', () => {}));
  t.teardown(() => sockets.forEach((socket) => socket.destroy()));
  let open = 0;
  for (const [i, socket] of sockets.entries()) {
    socket.on('connect', () => {
      open += 1;
      if (i % 2 === 0) socket.write('POST /callbacks/payu HTTP/1.1\r\nHost: x\r\nX-Slow: ');
      else
        socket.write(
          `POST /callbacks/payu HTTP/1.1\r\nHost: x\r\nContent-Length: ${1024 * 1024}\r\n\r\n${'a'.repeat(512 * 1024)}`,
        );
    });
  }
  await until('all are connected', () => open === sockets.length, 20_000);
  const signed = await outrider.call('/pay/_payment', {
    headers: ['Content-Type', 'application/x-www-form-urlencoded'],
    body: 'txnid=t1&amount=10.00&productinfo=a&firstname=b&email=c',
  });
  t.is(signed.status, 200, signed.text);
  t.is(shop.connections, 0);
  sockets.forEach((socket) => socket.destroy());
  await until('what they held is free', () => sockets.every(({ destroyed }) => destroyed));
  let status = 503;
  for (let i = 0; i < 50 && status === 503; i++) {
    // oxlint-disable-next-line no-await-in-loop
    ({ status } = await send('/callbacks/payu', payuForm({ ...PAYMENT, txnid: `txn-${i}` })));
  }
  t.is(status, 200);
});
