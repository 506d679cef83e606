import { createHash, type KeyObject } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'ava';
import fc from 'fast-check';
import { readLine, writeLine } from '../../src/observe/audit/line.ts';
import type { Broken, Whole } from '../../src/observe/audit/verify.ts';
import { linesOf, makeTrail, newKey, openTrail, trailPath, verify } from './given.ts';

const COUNT = 12;
const RUNS = { numRuns: 300 };
const sha = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex');
const asBytes = (lines: readonly string[]): Buffer => Buffer.from(lines.map((line) => `${line}\n`).join(''));
/** The number of the first wrong line; 0 for none. */
const lineIn = (found: Whole | Broken): number => (found.isWhole ? 0 : found.line);

const KINDS: readonly (readonly [name: string, key: KeyObject | undefined])[] = [
  ['with a key', newKey()],
  ['without a key', undefined],
];

for (const [kind, key] of KINDS) {
  test(`${kind} a trail that nobody touched is whole, in whatever pieces it is read`, async (t) => {
    const path = trailPath(t);
    const bytes = await makeTrail(path, COUNT, key);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: bytes.length + 1 }), async (pieceBytes) => {
        const found = await verify(bytes, { key }, pieceBytes);
        t.like(found, { isWhole: true, lines: COUNT, firstSeq: 1, lastSeq: COUNT, endsTorn: false, torn: 0 });
        t.is(found.isWhole && found.head, sha(linesOf(path).at(-1) ?? ''));
        t.is(found.isWhole && found.hmac, key ? 'checked' : 'none');
      }),
      { numRuns: 30 },
    );
  });

  test(`${kind} a flipped bit is found by the number of its line`, async (t) => {
    const bytes = await makeTrail(trailPath(t), COUNT, key);
    const lastLine = bytes.lastIndexOf(0x0a, bytes.length - 2) + 1;
    // Without a key, only a head tells of the last line.
    const end = key ? bytes.length - 2 : lastLine - 1;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: end }), fc.integer({ min: 0, max: 7 }), async (at, bit) => {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] as number) ^ (1 << bit);
        const line = bytes.subarray(0, at).filter((byte) => byte === 0x0a).length + 1;
        t.is(lineIn(await verify(changed, { key })), line, `byte ${at}, bit ${bit}`);
      }),
      { numRuns: 1_000 },
    );
    const changed = Buffer.from(bytes);
    changed[lastLine + 60] = (changed[lastLine + 60] as number) ^ 1;
    const head = sha(bytes.subarray(lastLine, -1));
    t.not(lineIn(await verify(changed, { key, head })), 0);
  });

  test(`${kind} a dropped line is found by its number`, async (t) => {
    const path = trailPath(t);
    await makeTrail(path, COUNT, key);
    const lines = linesOf(path);
    for (let drop = 1; drop < COUNT; drop++) {
      const found = await verify(asBytes(lines.toSpliced(drop - 1, 1)), { key });
      t.is(lineIn(found), drop);
    }
  });

  test(`${kind} an inserted line is found by its number`, async (t) => {
    const path = trailPath(t);
    await makeTrail(path, COUNT, key);
    const lines = linesOf(path);
    const place = fc.integer({ min: 1, max: COUNT });
    await fc.assert(
      fc.asyncProperty(place, place, async (which, before) => {
        const found = await verify(asBytes(lines.toSpliced(before - 1, 0, lines[which - 1] as string)), { key });
        // Of two that are alike, the second one is too many.
        t.is(lineIn(found), which === before ? before + 1 : before);
      }),
      RUNS,
    );
  });

  test(`${kind} swapped lines are found by the number of the first`, async (t) => {
    const path = trailPath(t);
    await makeTrail(path, COUNT, key);
    const lines = linesOf(path);
    const two = fc.uniqueArray(fc.integer({ min: 1, max: COUNT }), { minLength: 2, maxLength: 2 });
    await fc.assert(
      fc.asyncProperty(two, async ([a = 0, b = 0]) => {
        const swapped = lines.with(a - 1, lines[b - 1] as string).with(b - 1, lines[a - 1] as string);
        t.is(lineIn(await verify(asBytes(swapped), { key })), Math.min(a, b));
      }),
      RUNS,
    );
  });

  test(`${kind} a cut end is found against the head, wherever it is cut`, async (t) => {
    const path = trailPath(t);
    const bytes = await makeTrail(path, COUNT, key);
    const head = sha(linesOf(path).at(-1) ?? '');
    t.is(lineIn(await verify(bytes, { key, head })), 0);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: bytes.length - 1 }), async (end) => {
        t.false((await verify(bytes.subarray(0, end), { key, head })).isWhole, `cut at ${end}`);
      }),
      RUNS,
    );
  });

  test(`${kind} an older head is that of a line in the middle`, async (t) => {
    const path = trailPath(t);
    const bytes = await makeTrail(path, COUNT, key);
    const found = await verify(bytes, { key, head: sha(linesOf(path)[4] ?? '') });
    t.is(found.isWhole && found.headLine, 5);
  });

  test(`${kind} a line that was torn anywhere is kept and told of, and the trail goes on`, async (t) => {
    const path = trailPath(t);
    const bytes = await makeTrail(path, 5, key);
    const beginning = bytes.indexOf(0x0a) + 1;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: beginning, max: bytes.length }), async (end) => {
        const cut = bytes.subarray(0, end);
        const isTorn = cut.at(-1) !== 0x0a;
        const whole = cut.filter((byte) => byte === 0x0a).length;
        writeFileSync(path, cut);
        t.like(await verify(cut, { key }), { isWhole: true, endsTorn: isTorn, lines: whole });
        const { trail, said } = openTrail(path, key);
        trail.append('start', {});
        await trail.close();
        t.deepEqual(said, isTorn ? ['torn'] : []);
        const after = readFileSync(path);
        const found = await verify(after, { key, head: trail.head });
        t.true(found.isWhole, JSON.stringify(found));
        t.like(found, { isWhole: true, endsTorn: false, torn: isTorn ? 1 : 0, lines: whole + (isTorn ? 3 : 1) });
        t.true(after.subarray(0, end).equals(cut), 'what is there is kept');
      }),
      { numRuns: 60 },
    );
  });

  test(`${kind} what was put in front of a torn line is found`, async (t) => {
    const path = trailPath(t);
    const bytes = await makeTrail(path, 5, key);
    writeFileSync(path, bytes.subarray(0, -20));
    const { trail } = openTrail(path, key);
    trail.append('start', {});
    await trail.close();
    const lines = linesOf(path);
    t.is(lineIn(await verify(asBytes(lines), { key })), 0);
    const more = lines[2] as string;
    t.is(lineIn(await verify(asBytes(lines.toSpliced(4, 0, more)), { key })), 5);
    t.is(lineIn(await verify(asBytes(lines.toSpliced(4, 1, more)), { key })), 5);
    t.is(lineIn(await verify(asBytes(lines.toSpliced(4, 1)), { key })), 5);
  });
}

/** Writes a trail anew from a line on, as somebody does who knows the format. */
function forge(lines: readonly string[], from: number, key?: KeyObject): Buffer {
  const forged: string[] = [];
  for (const [i, line] of lines.entries()) {
    const { seq, time, event, told } = readLine(Buffer.from(line)) ?? {};
    const {
      seq: _seq,
      time: _time,
      event: _event,
      prev: _prev,
      hmac: _hmac,
      ...rest
    } = told as Record<string, unknown>;
    const prev = i === 0 ? '0'.repeat(64) : sha(forged[i - 1] as string);
    const text = writeLine(
      { seq: seq as number, prev },
      time as string,
      event as string,
      { ...rest, status: 201 },
      key,
    );
    forged.push(i + 1 < from ? line : text);
  }
  return asBytes(forged);
}

test('with a key, a chain that somebody without it wrote anew is found from its first line on', async (t) => {
  const key = newKey();
  const path = trailPath(t);
  await makeTrail(path, COUNT, key);
  for (let from = 1; from <= COUNT; from++) {
    t.is(lineIn(await verify(forge(linesOf(path), from), { key })), from, 'without HMACs');
    t.is(lineIn(await verify(forge(linesOf(path), from, newKey()), { key })), from, 'with those of another key');
  }
});

test('with a key, a torn line that somebody without it made up excuses no changed line', async (t) => {
  const key = newKey();
  const path = trailPath(t);
  await makeTrail(path, COUNT, key);
  const lines = linesOf(path);
  const changed = 'anything';
  const link = { seq: 5, prev: sha(changed) };
  const told = { bytes: changed.length, after: sha(lines[3] as string) };
  const forged = (other?: KeyObject): Buffer =>
    asBytes([...lines.slice(0, 4), changed, writeLine(link, '2026-01-01T00:00:00.000Z', 'torn', told, other)]);
  t.is(lineIn(await verify(forged(key), { key })), 0, 'positive control');
  t.is(lineIn(await verify(forged(newKey()), { key })), 5);
  t.is(lineIn(await verify(forged(), { key })), 5);
});

test('without a key, only a head that was kept tells of a chain that was written anew', async (t) => {
  const path = trailPath(t);
  const bytes = await makeTrail(path, COUNT);
  const found = await verify(bytes);
  const forged = forge(linesOf(path), 2);
  t.true((await verify(forged)).isWhole);
  t.false((await verify(forged, { head: found.isWhole ? found.head : '' })).isWhole);
});

test('a file that is no trail is told by its first line', async (t) => {
  for (const text of ['', 'hello\n', '{}\n', '[]\n', 'null\n', '{"seq":1}\n', `${'x'.repeat(2 * 1024 * 1024)}\n`])
    t.like(await verify(Buffer.from(text), {}, 64 * 1024), { isWhole: false, line: 1 }, text.slice(0, 20));
});
