import test from 'ava';
import { until } from '../helpers/http1.ts';
import { rawClient } from '../helpers/raw.ts';
import { givenPlain } from './given.ts';

const CRUMBS = 100_000;

test('rule 14: chunks of one byte that come together go on together', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  let wire = '';
  upstream.onConnection = (socket) => void socket.on('data', (bytes) => (wire += bytes.toString('latin1')));
  const client = await rawClient(t, outrider.port);
  await client.send('POST /api/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n');
  await client.send(`${'1\r\nx\r\n'.repeat(CRUMBS)}0\r\n\r\n`);
  t.is((await client.answer()).status, 200);
  t.is((await (await upstream.request(1)).body()).length, CRUMBS);
  const chunks = wire.match(/\r\n[0-9a-f]+\r\nx/g)?.length ?? 0;
  t.true(chunks > 0 && chunks < CRUMBS / 10, `${chunks} chunks`);
});

test('rule 14: a chunk of one byte goes on although no other comes', async (t) => {
  const { outrider, upstream } = await givenPlain(t);
  const client = await rawClient(t, outrider.port);
  await client.send('POST /api/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (const n of [1, 2, 3]) {
    await client.send('1\r\nx\r\n');
    await until(`byte ${n}`, () => upstream.requests[0]?.bodyLength === n);
  }
  await client.send('0\r\n\r\n');
  t.is((await client.answer()).status, 200);
});
