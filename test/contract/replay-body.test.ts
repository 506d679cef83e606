import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import test from 'ava';
import { gate, until } from '../helpers/http1.ts';
import { rawClient } from '../helpers/raw.ts';
import { granted } from '../helpers/token-endpoint.ts';
import type { Handler } from '../helpers/upstream.ts';
import { accepting, givenTokens } from './given.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

const KiB = 1024;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Reads the whole body, then rejects all tokens but the second. */
const second: Handler = accepting(new Set(['token-2']));

for (const [where, size] of [
  ['memory', 60 * KiB],
  ['exactly memory', 64 * KiB],
  ['a temporary file', 300 * KiB],
  ['exactly the spool', 512 * KiB],
] as const) {
  for (const isChunked of [false, true]) {
    test(`rule 24: a ${isChunked ? 'chunked ' : ''}body that fits ${where} is replayed byte for byte`, async (t) => {
      const { outrider, upstream, tokens, warm } = await givenTokens(t, {
        extra: 'replay: { memory: 64KiB, spool: 512KiB }',
      });
      await warm();
      upstream.handler = second;
      const body = randomBytes(size);
      const headers = isChunked ? ['Transfer-Encoding', 'chunked'] : [];
      const answer = await outrider.call('/api/x', { method: 'POST', body, headers });
      t.is(answer.status, 200);
      t.is(tokens.calls.length, 2);
      t.is(upstream.requests.length, 3);
      for (const request of upstream.requests.slice(1)) {
        t.is((await request.body()).sha256, sha256(body));
        t.is((await request.body()).length, size);
      }
      t.deepEqual(upstream.violations, []);
    });
  }
}

for (const isChunked of [false, true]) {
  test(`rule 24: a ${isChunked ? 'chunked ' : ''}body beyond the spool still streams; its rejection passes, and the token is renewed behind it`, async (t) => {
    const { outrider, upstream, tokens, warm } = await givenTokens(t, {
      extra: 'replay: { memory: 64KiB, spool: 512KiB }',
    });
    await warm();
    upstream.handler = second;
    const body = randomBytes(2048 * KiB);
    const headers = isChunked ? ['Transfer-Encoding', 'chunked'] : [];
    const answer = await outrider.call('/api/x', { method: 'POST', body, headers });
    t.is(answer.status, 401);
    t.is(answer.text, '{"code":"UNAUTHORIZED"}');
    t.regex(answer.header('proxy-status') ?? '', /^outrider; ?details="/);
    t.is(upstream.requests.length, 2);
    t.is((await upstream.requests[1]?.body())?.sha256, sha256(body));
    await tokens.call(2);
    const next = await outrider.call('/api/x', { body: 'small' });
    t.is(next.status, 200);
    t.is(tokens.calls.length, 2);
  });
}

test('rule 24: the temporary file lies in `replay.dir`, cannot be listed, and is gone afterwards', async (t) => {
  const dir = temporaryDirectory(t);
  const { outrider, upstream, warm } = await givenTokens(t, {
    extra: `replay: { memory: 64KiB, spool: 4MiB, dir: "${dir}" }`,
  });
  await warm();
  let listed: string[] = [];
  upstream.handler = async (arrival, n) => {
    await arrival.body();
    listed = fs.readdirSync(dir);
    return second(arrival, n);
  };
  t.is((await outrider.call('/api/x', { method: 'POST', body: randomBytes(1024 * KiB) })).status, 200);
  t.deepEqual(listed, [], 'unlinked while in use');
  t.deepEqual(fs.readdirSync(dir), []);
});

const onLinux = fs.existsSync('/proc/self/fd') ? test : test.skip;
onLinux('rule 18, 24: a spooled body whose caller leaves keeps no file open (needs /proc)', async (t) => {
  const dir = temporaryDirectory(t);
  const spooled = (): number =>
    fs.readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith(dir);
      } catch {
        return false;
      }
    }).length;
  const { outrider, upstream } = await givenTokens(t, {
    extra: `replay: { memory: 16KiB, spool: 4MiB, dir: "${dir}" }`,
  });
  const leavers = await Promise.all(Array.from({ length: 5 }, () => rawClient(t, outrider.port)));
  for (const client of leavers) {
    await client.send('POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n');
    await client.send(Buffer.alloc(1_000_000, 'x'));
  }
  await until('the bodies in files', () => spooled() === 5);
  for (const client of leavers) client.reset();
  await until('the files closed', () => spooled() === 0);
  await until('nothing open at the upstream', () => upstream.openConnections === 0);
  t.deepEqual(fs.readdirSync(dir), []);
});

test('rule 24: a spool that can’t be written costs the replay, not the request', async (t) => {
  const { outrider, upstream, warm } = await givenTokens(t, {
    extra: 'replay: { memory: 64KiB, spool: 4MiB, dir: /nonexistent/outrider }',
  });
  await warm();
  t.is((await outrider.call('/api/x', { method: 'POST', body: randomBytes(1024 * KiB) })).status, 200);
  upstream.handler = second;
  t.is((await outrider.call('/api/x', { method: 'POST', body: randomBytes(1024 * KiB) })).status, 401);
});

test('rule 24: all bodies together stay within spool_total', async (t) => {
  const { outrider, upstream, warm, clock } = await givenTokens(t, {
    extra: 'replay: { memory: 16KiB, spool: 1MiB, spool_total: 1MiB }',
  });
  await warm();
  const held = gate();
  upstream.handler = async (arrival, n) => {
    await arrival.body();
    await held.opened;
    return second(arrival, n);
  };
  const bodies = Array.from({ length: 4 }, () => randomBytes(700 * KiB));
  const calls = bodies.map((body) => outrider.call('/api/x', { method: 'POST', body }));
  await until('all four upstream', () => upstream.requests.filter(({ isComplete }) => isComplete).length === 5);
  held.open();
  const statuses = (await Promise.all(calls)).map(({ status }) => status);
  t.true(statuses.filter((status) => status === 200).length <= 1, statuses.join());
  t.true(
    statuses.every((status) => status === 200 || status === 401),
    statuses.join(),
  );
  for (const request of upstream.requests.slice(1, 5)) t.is((await request.body()).length, 700 * KiB);

  upstream.handler = accepting(new Set(['token-3']));
  await clock.advance(10_000);
  const [body] = bodies;
  t.is((await outrider.call('/api/x', { method: 'POST', body: body as Buffer })).status, 200, 'the room is given back');
});

test('rule 24: with `replay: false` a rejection passes', async (t) => {
  const { outrider, upstream, warm } = await givenTokens(t, { route: 'replay: false' });
  await warm();
  upstream.handler = second;
  const answer = await outrider.call('/api/x', { body: 'abc' });
  t.is(answer.status, 401);
  t.regex(answer.header('proxy-status') ?? '', /^outrider; ?details="/);
  t.is(upstream.requests.length, 2);
});

test('rule 24: a rejection that comes before the body is all sent is handled at once, and the replay has the whole body', async (t) => {
  const { outrider, upstream, tokens, warm } = await givenTokens(t);
  await warm();
  const valid = accepting(new Set(['token-2']));
  upstream.handler = (arrival, n) => (n === 2 ? arrival.reply(401, { body: 'early' }) : valid(arrival, n));
  const client = await rawClient(t, outrider.port);
  await client.send('POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\n\r\nfirst ');
  await upstream.request(2);
  await tokens.call(2);
  await client.send('second');
  const answer = await client.answer();
  t.is(answer.status, 200);
  t.is(answer.text, 'first second');
  t.is((await upstream.requests[2]?.body())?.bytes.toString(), 'first second');
  t.is(upstream.requests.length, 3);
});

test('rule 24: another answer that comes before the body is all sent reaches the caller at once', async (t) => {
  const { outrider, upstream, warm } = await givenTokens(t);
  await warm();
  upstream.handler = (arrival) => arrival.reply(413, { headers: ['Connection', 'close'], body: 'too much' });
  const client = await rawClient(t, outrider.port);
  await client.send('POST /api/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nfirst');
  const answer = await client.answer();
  t.is(answer.status, 413);
  t.is(answer.text, 'too much');
});

test('rule 24: the answer of a rejected attempt that never ends does not hold up the replay', async (t) => {
  const { outrider, upstream, warm } = await givenTokens(t);
  await warm();
  const valid = accepting(new Set(['token-2']));
  upstream.handler = (arrival, n) =>
    n === 2 ? arrival.write('HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n') : valid(arrival, n);
  t.is((await outrider.call('/api/x', { body: 'abc' })).status, 200);
});

test('rule 24: a rejection with a huge body is thrown away, not kept', async (t) => {
  const { outrider, upstream, tokens, warm } = await givenTokens(t);
  await warm();
  const valid = accepting(new Set(['token-2']));
  upstream.handler = (arrival, n) =>
    n === 2 ? arrival.reply(401, { body: Buffer.alloc(8 * KiB * KiB, 'r') }) : valid(arrival, n);
  t.is((await outrider.call('/api/x', { body: 'abc' })).status, 200);
  tokens.script = () => granted('unused');
  t.is((await outrider.call('/api/x', { body: 'abc' })).status, 200);
  t.is(tokens.calls.length, 2);
});
