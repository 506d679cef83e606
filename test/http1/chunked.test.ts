import test from 'ava';
import fc from 'fast-check';
import { ChunkedDecoder } from '../../src/http1/chunked.ts';
import { Http1Error } from '../../src/http1/error.ts';
import { everyCut } from './pieces.ts';

const LIMITS = { trailerBytes: 200, refusesCoding: true };

/** What is decoded of a body in pieces, and what is left behind it; or the error's code. */
function decodeIn(pieces: readonly Buffer[], limits: ConstructorParameters<typeof ChunkedDecoder>[0] = LIMITS): string {
  const decoder = new ChunkedDecoder(limits);
  let text = '';
  try {
    for (const [index, shared] of pieces.entries()) {
      // Data is moved together in place.
      const piece = Buffer.from(shared);
      const end = decoder.read(piece, 0);
      text += decoder.piece?.toString('latin1') ?? '';
      if (!decoder.isDone) continue;
      return JSON.stringify([
        text,
        Buffer.concat([piece.subarray(end), ...pieces.slice(index + 1)]).toString('latin1'),
      ]);
    }
    return 'more';
  } catch (error) {
    if (!(error instanceof Http1Error)) throw error;
    return error.code;
  }
}

const eachCut = (bytes: string, limits = LIMITS): string =>
  [...new Set([...everyCut(bytes)].map((pieces) => decodeIn(pieces, limits)))].join(' | ');

for (const [bytes, expected] of [
  ['0\r\n\r\n', ['', '']],
  ['2\r\nab\r\n0\r\n\r\nrest', ['ab', 'rest']],
  ['1\r\na\r\n2\r\nbc\r\n00\r\n\r\n', ['abc', '']],
  ['A\r\nabcdefghij\r\n0\r\n\r\n', ['abcdefghij', '']],
  ['00000000000000000000000002\r\nab\r\n0\r\n\r\n', ['ab', '']],
  ['2;a=b;c="d e"\r\nab\r\n0;f\r\n\r\n', ['ab', '']],
  ['2\r\nab\r\n0\r\nX: y\r\nZ:\r\n\r\n!', ['ab', '!']],
  ['4\r\n\r\n\r\n\r\n0\r\n\r\n', ['\r\n\r\n', '']],
  ['2\r\nab\r\n0\r\n', 'more'],
  ['2\r\nab', 'more'],
  ['', 'more'],
  ['+2\r\nab\r\n0\r\n\r\n', 'bad_chunk'],
  ['0x2\r\nab\r\n0\r\n\r\n', 'bad_chunk'],
  [' 2\r\nab\r\n0\r\n\r\n', 'bad_chunk'],
  ['2 \r\nab\r\n0\r\n\r\n', 'bad_chunk'],
  ['\r\nab\r\n0\r\n\r\n', 'bad_chunk'],
  [';a\r\nab\r\n0\r\n\r\n', 'bad_chunk'],
  ['2\nab\r\n0\r\n\r\n', 'bad_chunk'],
  ['2;a\nb\r\nab\r\n0\r\n\r\n', 'bad_chunk'],
  ['2;a\0\r\nab\r\n0\r\n\r\n', 'bad_chunk'],
  ['2\r\nab\n0\r\n\r\n', 'bad_chunk'],
  ['2\r\nabc\r\n0\r\n\r\n', 'bad_chunk'],
  ['2\r\nab\r\n0\r\n\n', 'bad_field'],
  ['2\r\nab\r\n0\r\nX: a\r\n b\r\n\r\n', 'bad_field'],
  ['2\r\nab\r\n0\r\nContent-Length: 5\r\n\r\n', 'bad_trailer'],
  ['2\r\nab\r\n0\r\ntransfer-Encoding: chunked\r\n\r\n', 'bad_trailer'],
  ['10000000000000002\r\nab\r\n0\r\n\r\n', 'bad_chunk'],
] as const) {
  test(`a chunked body, in whatever pieces: ${JSON.stringify(bytes)}`, (t) => {
    t.is(eachCut(bytes), typeof expected === 'string' ? expected : JSON.stringify(expected));
  });
}

test('extensions and trailers are bounded', (t) => {
  t.is(decodeIn([Buffer.from(`2;${'x'.repeat(4_093)}\r\nab\r\n0\r\n\r\n`)]), JSON.stringify(['ab', '']));
  t.is(decodeIn([Buffer.from(`2;${'x'.repeat(4_100)}\r\nab\r\n0\r\n\r\n`)]), 'chunk_overhead');
  t.is(decodeIn([Buffer.from(`0\r\nX: ${'y'.repeat(300)}\r\n\r\n`)]), 'trailers_too_large');
  const wordy = Buffer.from(`1;${'x'.repeat(100)}\r\na\r\n`.repeat(20));
  t.is(decodeIn([wordy], { ...LIMITS, overheadBytes: 1_000 }), 'chunk_overhead');
  t.is(decodeIn([wordy]), 'more');
});

test('what one read brings of a body is one piece, and what came before a fault is not lost', (t) => {
  const decoder = new ChunkedDecoder(LIMITS);
  const bytes = Buffer.from(`${'1\r\nx\r\n'.repeat(1_000)}14\r\n${'y'.repeat(20)}\r\n3\r\nab`);
  t.is(decoder.read(bytes, 0), bytes.length);
  t.is(decoder.piece?.toString(), `${'x'.repeat(1_000)}${'y'.repeat(20)}ab`);
  t.throws(() => decoder.read(Buffer.from('c\r\n1\r\nd\r\nnonsense'), 0), { message: /chunked coding is broken/ });
  t.is(decoder.piece?.toString(), 'cd');
});

test('a small part of what was read does not keep all of it, and one that is nearly all is not copied', (t) => {
  const decoder = new ChunkedDecoder(LIMITS);
  const crumbs = Buffer.from('1\r\nx\r\n'.repeat(10_000));
  decoder.read(crumbs, 0);
  t.is(decoder.piece?.toString(), 'x'.repeat(10_000));
  t.not(decoder.piece?.buffer, crumbs.buffer);
  const whole = Buffer.from(`10000\r\n${'y'.repeat(0x10000)}\r\n`);
  decoder.read(whole, 0);
  t.is(decoder.piece?.length, 0x10000);
  t.is(decoder.piece?.buffer, whole.buffer);
});

test('what is behind a body of crumbs is still there', (t) => {
  const decoder = new ChunkedDecoder(LIMITS);
  const bytes = Buffer.from(`${'1\r\nx\r\n'.repeat(10_000)}0\r\n\r\nGET / HTTP/1.1\r\n`);
  const end = decoder.read(bytes, 0);
  t.is(bytes.toString('latin1', end), 'GET / HTTP/1.1\r\n');
  t.is(decoder.piece?.length, 10_000);
});

test('any body in any chunks comes out whole, in whatever pieces', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 8 }),
      fc.array(fc.nat(200), { maxLength: 6 }),
      (chunks, cuts) => {
        const coded = chunks.map((chunk) =>
          Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]),
        );
        const whole = Buffer.concat([...coded, Buffer.from('0\r\n\r\n')]);
        const places = [...new Set(cuts.map((cut) => Math.min(cut, whole.length)))].toSorted((a, b) => a - b);
        const pieces = [0, ...places].map((start, i) => whole.subarray(start, places[i]));
        t.is(decodeIn(pieces), JSON.stringify([Buffer.concat(chunks).toString('latin1'), '']));
      },
    ),
    { numRuns: 1_000 },
  );
});
