import { createHash } from 'node:crypto';
import fc from 'fast-check';
import test from 'ava';
import { rawClient } from '../helpers/raw.ts';
import { givenTokens } from './given.ts';

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

interface Told {
  readonly status: number;
  readonly body: Buffer;
  readonly framing: 'length' | 'chunked' | 'close';
  readonly chunk: number;
  /** Where the answer's bytes are cut. */
  readonly cuts: readonly number[];
  readonly closes: boolean;
  readonly informational: boolean;
  readonly version: '1.0' | '1.1';
}

const told: fc.Arbitrary<Told> = fc.record({
  status: fc.constantFrom(200, 201, 206, 301, 304, 204, 400, 401, 404, 412, 500, 503),
  body: fc
    .tuple(fc.oneof(fc.nat(300), fc.constantFrom(65_535, 65_536, 65_537, 200_000)), fc.nat(255))
    .map(([length, seed]) => Buffer.from(Array.from({ length }, (_, i) => (i * 29 + seed) & 255))),
  framing: fc.constantFrom('length', 'chunked', 'close'),
  chunk: fc.integer({ min: 1, max: 100_000 }),
  cuts: fc.array(fc.nat(300_000), { maxLength: 5 }),
  closes: fc.boolean(),
  informational: fc.boolean(),
  version: fc.constantFrom('1.0', '1.1', '1.1', '1.1'),
});

const isBodiless = (status: number): boolean => status === 204 || status === 304;

function wireOf({ status, body, framing, chunk, closes, informational }: Told): Buffer {
  const early = informational ? 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n' : '';
  const head = `${early}HTTP/1.1 ${status} Told\r\nX-Told: 1\r\n${closes || framing === 'close' ? 'Connection: close\r\n' : ''}`;
  if (isBodiless(status)) return Buffer.from(`${head}\r\n`);
  if (framing === 'close') return Buffer.concat([Buffer.from(`${head}\r\n`), body]);
  if (framing === 'length') return Buffer.concat([Buffer.from(`${head}Content-Length: ${body.length}\r\n\r\n`), body]);
  const parts: Buffer[] = [Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n`)];
  for (let at = 0; at < body.length; at += chunk) {
    const piece = body.subarray(at, at + chunk);
    parts.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

test('rule 14: whatever the answer, its framing and its segments, the caller gets it whole', async (t) => {
  t.timeout(120_000);
  // A 200 may be a rejection by its body, so that some answers are looked into first.
  const { outrider, upstream } = await givenTokens(t, {
    renew:
      '{ on_status: [401, 412], on_body: [{ status: 200, pointer: /subCode, equals: ["403"] }, { status: 404, pointer: /x, equals: ["1"] }] }',
  });
  await fc.assert(
    fc.asyncProperty(fc.array(told, { minLength: 1, maxLength: 4 }), async (answers) => {
      upstream.handler = async (arrival) => {
        await arrival.body();
        const one = answers[Number(arrival.target.slice(1))] as Told;
        const bytes = wireOf(one);
        const places = [...new Set([...one.cuts.map((cut) => cut % bytes.length), bytes.length])].toSorted(
          (a, b) => a - b,
        );
        let at = 0;
        for (const place of places) {
          if (place > at) await arrival.write(bytes.subarray(at, place));
          at = place;
          await new Promise((resolve) => setImmediate(resolve));
        }
        if (one.closes || one.framing === 'close') arrival.end();
      };
      let client = await rawClient(t, outrider.port);
      for (const [i, one] of answers.entries()) {
        await client.send(`POST /api/${i} HTTP/${one.version}\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc`);
        const answer = await client.answer({ ms: 20_000 });
        const expected = isBodiless(one.status) ? Buffer.alloc(0) : one.body;
        if (answer.status !== one.status)
          throw new Error(`${one.status} became ${answer.status} ${answer.text.slice(0, 200)}`);
        if (sha256(answer.body) !== sha256(expected))
          throw new Error(`${expected.length} bytes became ${answer.body.length}`);
        if (answer.header('x-told') !== '1' || answer.informational.length > 0) throw new Error(answer.head);
        if (one.version === '1.0') {
          await client.closed();
          client = await rawClient(t, outrider.port);
        }
      }
      client.socket.destroy();
    }),
    { numRuns: 80, endOnFailure: true, includeErrorInReport: true },
  );
  t.deepEqual(upstream.violations, []);
});
