import test from 'ava';
import fc from 'fast-check';
import { ByteQueue } from '../../src/http1/byte-queue.ts';

test('bytes come out in the order in which they went in, however they are added, taken and put back', (t) => {
  const step = fc.oneof(
    fc.record({ add: fc.uint8Array({ maxLength: 3_000 }) }),
    fc.record({ take: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.constant({ all: true }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const queue = new ByteQueue();
      let expected = Buffer.alloc(0);
      for (const one of steps) {
        if ('add' in one) {
          queue.add(Buffer.from(one.add));
          expected = Buffer.concat([expected, one.add]);
        } else if ('take' in one) {
          const piece = queue.take();
          if (!piece) continue;
          const used = Math.floor(piece.length * one.take);
          t.true(piece.equals(expected.subarray(0, piece.length)));
          queue.putBack(piece.subarray(used));
          expected = expected.subarray(used);
        } else {
          t.true((queue.takeAll() ?? Buffer.alloc(0)).equals(expected));
          expected = Buffer.alloc(0);
        }
        t.is(queue.bytes, expected.length);
        t.is(queue.isEmpty, expected.length === 0);
      }
    }),
    { numRuns: 300 },
  );
});

test('a piece by itself is not copied, and small ones share a block', (t) => {
  const queue = new ByteQueue();
  const one = Buffer.from('one');
  queue.add(one);
  t.is(queue.take(), one);
  for (let n = 0; n < 64 * 1024; n++) queue.add(Buffer.from([n & 0xff]));
  let pieces = 0;
  for (let piece = queue.take(); piece; piece = queue.take()) pieces++;
  t.is(pieces, 16);
});

test('line ends between requests are nothing that came behind one', (t) => {
  const queue = new ByteQueue();
  t.false(queue.hasMore);
  queue.add(Buffer.from('\r\n\r\n'));
  t.false(queue.hasMore);
  queue.add(Buffer.from('G'));
  t.true(queue.hasMore);
});
