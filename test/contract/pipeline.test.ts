import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { startOutrider } from '../helpers/outrider.ts';
import { gate } from '../helpers/http1.ts';
import { rawClient } from '../helpers/raw.ts';
import { startUpstream } from '../helpers/upstream.ts';
import { givenPlain, plainYaml } from './given.ts';

const post = (n: number): string => `POST /api/${n} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab`;

test('rule 32: requests that came in one pipeline are all answered before a drain closes their connection', async (t) => {
  const held = gate();
  const { outrider, upstream } = await givenPlain(t, {
    extra: 'timeouts: { lame_duck: 0s, drain: 5s }',
    handler: async (arrival) => {
      await held.opened;
      await arrival.reply(200, { body: arrival.target });
    },
  });
  const client = await rawClient(t, outrider.port);
  await client.send(post(1) + post(2));
  await upstream.request(1);
  const stopped = outrider.app.stop({ signal: 'SIGTERM' });
  held.open();
  t.is((await client.answer()).text, '/1');
  const last = await client.answer();
  t.is(last.text, '/2');
  t.is(last.header('connection')?.toLowerCase(), 'close');
  t.is(await client.closed(), 'end');
  await stopped;
});

test('requests of one pipeline reach the provider one by one, in their order (RFC 9112 §9.3.2)', async (t) => {
  const held = gate();
  const { outrider, upstream } = await givenPlain(t, {
    handler: async (arrival) => {
      if (arrival.target === '/1') await held.opened;
      await arrival.reply(200, { body: arrival.target });
    },
  });
  const client = await rawClient(t, outrider.port);
  await client.send(post(1) + post(2) + post(3));
  await upstream.request(1);
  // A whole exchange of somebody else's, and still nothing of the second.
  t.is((await outrider.call('/api/other')).status, 200);
  t.deepEqual(
    upstream.requests.map(({ target }) => target),
    ['/1', '/other'],
  );
  held.open();
  for (const n of [1, 2, 3]) t.is((await client.answer()).text, `/${n}`);
});

test('rule 18: a request that waits behind one whose answer breaks is not sent', async (t) => {
  const { outrider, upstream } = await givenPlain(t, {
    handler: async (arrival) => {
      await arrival.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello');
      arrival.reset();
    },
  });
  const client = await rawClient(t, outrider.port);
  await client.send(post(1) + post(2));
  await t.throwsAsync(client.answer());
  t.is((await outrider.call('/nowhere')).status, 404);
  t.is(upstream.requests.length, 1);
});

test('rule 18: an answer whose end only the connection tells is cut when the connection is reset', async (t) => {
  const { outrider, upstream } = await givenPlain(t, {
    handler: async (arrival) => {
      await arrival.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"paid":tr');
      if (arrival.target === '/reset') arrival.reset();
      else arrival.end();
    },
  });
  for (const [target, isWhole] of [
    ['/reset', false],
    ['/end', true],
  ] as const) {
    const client = await rawClient(t, outrider.port);
    await client.send(`GET /api${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    if (isWhole) t.is((await client.answer()).text, '{"paid":tr');
    else await t.throwsAsync(client.answer());
  }
  t.is(upstream.requests.length, 2);
});

test('a CONNECT behind an unanswered request is not answered in its place', async (t) => {
  const held = gate();
  const big = 'x'.repeat(3_000_000);
  const { outrider, upstream } = await givenPlain(t, {
    handler: async (arrival) => {
      await held.opened;
      await arrival.reply(200, { body: big });
    },
  });
  const client = await rawClient(t, outrider.port);
  await client.send(post(1));
  await upstream.request(1);
  await client.send('CONNECT provider.test:443 HTTP/1.1\r\nHost: provider.test:443\r\n\r\n');
  held.open();
  const answer = await client.answer();
  t.is(answer.status, 200);
  t.is(answer.text.length, big.length);
  t.is(await client.closed(), 'end');
});

test('rule 18: a broken answer is cut on a Unix socket too, and for a caller of HTTP/1.0', async (t) => {
  const path = join(mkdtempSync(join(tmpdir(), 'outrider-')), 'proxy.sock');
  const upstream = await startUpstream(t, async (arrival) => {
    await arrival.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello');
    arrival.reset();
  });
  await startOutrider(t, plainYaml(upstream.origin, '', `listen: { address: 'unix:${path}' }`));
  for (const version of ['1.0', '1.1']) {
    const client = await rawClient(t, path);
    await client.send(`GET /api/x HTTP/${version}\r\nHost: localhost\r\n\r\n`);
    await t.throwsAsync(client.answer());
  }
});
