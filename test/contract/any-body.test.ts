import { createHash } from 'node:crypto';
import fc from 'fast-check';
import test from 'ava';
import { rawClient } from '../helpers/raw.ts';
import type { RawClient } from '../helpers/raw.ts';
import { givenTokens } from './given.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

interface Sent {
  readonly body: Buffer;
  /** Sizes of the chunks on the wire; undefined: Content-Length. */
  readonly chunks: readonly number[] | undefined;
  /** Where the bytes of the request are cut into segments. */
  readonly cuts: readonly number[];
  readonly isRejectedFirst: boolean;
}

const size = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 300 }) },
  { weight: 1, arbitrary: fc.constantFrom(16_384, 65_535, 65_536, 65_537, 131_072, 1_048_576, 1_048_577, 1_500_000) },
);
const request: fc.Arbitrary<Sent> = fc.record({
  body: fc
    .tuple(size, fc.nat(255))
    .map(([length, seed]) => Buffer.from(Array.from({ length }, (_, i) => (i * 31 + seed) & 255))),
  chunks: fc.option(fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 6 }), { nil: undefined }),
  cuts: fc.array(fc.nat(200_000), { maxLength: 6 }),
  isRejectedFirst: fc.boolean(),
});

function wireOf(sent: Sent, n: number): Buffer {
  const head = `POST /api/${n} HTTP/1.1\r\nHost: localhost\r\nX-Reject: ${sent.isRejectedFirst}\r\n`;
  const { body, chunks } = sent;
  if (!chunks) return Buffer.concat([Buffer.from(`${head}Content-Length: ${body.length}\r\n\r\n`), body]);
  const parts: Buffer[] = [Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n`)];
  for (let at = 0, i = 0; at < body.length; i++) {
    const chunk = body.subarray(at, at + Math.max(chunks[i % chunks.length] ?? 1, body.length >> 11));
    parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
    at += chunk.length;
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

/** Sends `bytes` in segments, each in a turn of its own. */
async function sendCut(client: RawClient, bytes: Buffer, cuts: readonly number[]): Promise<void> {
  const places = [...new Set([...cuts.map((cut) => cut % bytes.length), bytes.length])].toSorted((a, b) => a - b);
  let at = 0;
  for (const place of places) {
    if (place > at) await client.send(bytes.subarray(at, place));
    at = place;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('rules 13, 14, 20: whatever the body, its chunks and its segments, each attempt gets it whole and in its framing', async (t) => {
  t.timeout(120_000);
  const { outrider, upstream, tokens, warm, clock } = await givenTokens(t);
  await warm();
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 4 }), fc.boolean(), async (requests, isPipelined) => {
      await clock.advance(10_000);
      const before = upstream.requests.length;
      const current = `Bearer token-${tokens.calls.length}`;
      upstream.handler = async (arrival) => {
        const { sha256: digest } = await arrival.body();
        const isRejected = arrival.header('x-reject') === 'true' && arrival.header('authorization') === current;
        await arrival.reply(isRejected ? 401 : 200, { body: `${arrival.target} ${digest}` });
      };
      const client = await rawClient(t, outrider.port);
      const wires = requests.map(wireOf);
      if (isPipelined)
        await sendCut(
          client,
          Buffer.concat(wires),
          requests.flatMap(({ cuts }) => cuts),
        );
      for (const [i, sent] of requests.entries()) {
        if (!isPipelined) await sendCut(client, wires[i] as Buffer, sent.cuts);
        const answer = await client.answer({ ms: 20_000 });
        if (answer.status !== 200 || answer.text !== `/${i} ${sha256(sent.body)}`)
          throw new Error(`${answer.status} ${answer.text} for a body of ${sent.body.length}`);
      }
      client.socket.destroy();
      for (const arrival of upstream.requests.slice(before)) {
        const sent = requests[Number(arrival.target.slice(1))] as Sent;
        const { sha256: digest } = await arrival.body();
        if (digest !== sha256(sent.body)) throw new Error('an attempt got another body');
        const framing = sent.chunks ? 'chunked' : String(sent.body.length);
        const arrived = arrival.header('transfer-encoding') ?? arrival.header('content-length');
        // A stream that turns out empty may say so by its length: the same message.
        const isEmpty = sent.body.length === 0 && arrived === '0';
        if (arrived !== framing && !isEmpty) throw new Error(`framing ${framing} became ${arrived}`);
      }
      if (upstream.violations.length > 0) throw new Error(upstream.violations.join());
    }),
    { numRuns: 60, endOnFailure: true, includeErrorInReport: true },
  );
  t.pass();
});

test('rules 13, 14, 20: a body of a hundred thousand tiny chunks arrives whole, twice', async (t) => {
  const { outrider, upstream, warm } = await givenTokens(t);
  await warm();
  upstream.handler = async (arrival, n) => {
    const { sha256: digest } = await arrival.body();
    await arrival.reply(n === 2 ? 401 : 200, { body: digest });
  };
  const client = await rawClient(t, outrider.port);
  await client.send(
    `POST /api/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n${'2\r\nab\r\n'.repeat(100_000)}0\r\n\r\n`,
  );
  t.is((await client.answer({ ms: 30_000 })).text, sha256(Buffer.from('ab'.repeat(100_000))));
});
