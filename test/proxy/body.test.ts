import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { openBody, type BodySource } from '../../src/proxy/body/streaming-body.ts';
import { Budget } from '../../src/proxy/body/budget.ts';
import type { RequestBody } from '../../src/proxy/body/request-body.ts';
import { until } from '../helpers/http1.ts';

const KIB = 1024;

/** A caller of whom there is nothing but a body that comes in pieces. */
function sender(source: Iterable<Uint8Array>): BodySource {
  async function* pieces(): AsyncGenerator<Uint8Array, undefined> {
    yield* source;
    return undefined;
  }
  return { takeWhole: () => undefined, sendContinue: () => undefined, pieces };
}

function* pieces(count: number, bytes: number): Generator<Uint8Array> {
  for (let i = 0; i < count; i++) yield Buffer.alloc(bytes, i);
}

const all = async (body: RequestBody): Promise<Buffer> => buffer(body.read());
const spoolDir = (): string => mkdtempSync(join(tmpdir(), 'outrider-test-'));

const open = (
  t: ExecutionContext,
  source: Iterable<Uint8Array>,
  {
    memory = 4 * KIB,
    spool = 64 * KIB,
    budget = new Budget(64 * KIB),
    room = new Budget(64 * KIB),
    dir = spoolDir(),
    diskFailed = (_cause: unknown): void => undefined,
  } = {},
): RequestBody => {
  const body = openBody(sender(source), {
    limits: { memoryBytes: memory, spoolBytes: spool, dir },
    budgets: { memory: room, disk: budget, diskFailed },
    declaredBytes: -1,
  });
  t.teardown(() => body.release());
  return body;
};

for (const [where, count] of Object.entries({ 'in memory': 3, 'partly in a file': 20 })) {
  test(`a body that is kept ${where} can be read twice, byte for byte`, async (t) => {
    const body = open(t, pieces(count, KIB));
    const expected = Buffer.concat([...pieces(count, KIB)]);
    t.deepEqual(await all(body), expected);
    t.true(body.isRepeatable);
    t.deepEqual(await all(body), expected);
    t.is(body.bytesIn, expected.length);
    body.release();
    t.false(body.isRepeatable);
  });
}

test('a second reader takes over in the middle: what was kept, then what still comes', async (t) => {
  const body = open(t, pieces(10, KIB));
  const first = body.read()[Symbol.asyncIterator]();
  for (let i = 0; i < 6; i++) await first.next();
  t.deepEqual(await all(body), Buffer.concat([...pieces(10, KIB)]));
});

test('a body beyond the spool streams on and can be read once', async (t) => {
  const body = open(t, pieces(100, KIB));
  t.is((await all(body)).length, 100 * KIB);
  t.false(body.isRepeatable);
});

test('the spool of all bodies together is bounded, and given back', async (t) => {
  const budget = new Budget(10 * KIB);
  const first = open(t, pieces(10, KIB), { memory: 0, budget });
  await all(first);
  t.true(first.isRepeatable);
  const second = open(t, pieces(1, KIB), { memory: 0, budget });
  t.is((await all(second)).length, KIB);
  t.false(second.isRepeatable);
  first.release();
  const third = open(t, pieces(10, KIB), { memory: 0, budget });
  await all(third);
  t.true(third.isRepeatable);
});

test('with no memory left for all bodies together, a body is kept in a file from its first byte', async (t) => {
  const room = new Budget(3 * KIB);
  const dir = spoolDir();
  const first = open(t, pieces(3, KIB), { room, dir: '/nonexistent/spool' });
  await all(first);
  t.true(first.isRepeatable, 'in memory');
  const second = open(t, pieces(3, KIB), { room, dir });
  t.deepEqual(await all(second), Buffer.concat([...pieces(3, KIB)]));
  t.true(second.isRepeatable);
  t.deepEqual(await all(second), Buffer.concat([...pieces(3, KIB)]));
  t.false(room.take(1), 'none of it was given back yet');
  first.release();
  second.release();
  t.true(room.take(3 * KIB));
});

test('a directory that takes no file costs the replay, not the request, and is told', async (t) => {
  const told: unknown[] = [];
  const body = open(t, pieces(20, KIB), { dir: '/nonexistent/spool', diskFailed: (cause) => told.push(cause) });
  t.is((await all(body)).length, 20 * KIB);
  t.false(body.isRepeatable);
  t.is(told.length, 1);
  t.is((told[0] as NodeJS.ErrnoException).code, 'ENOENT');
});

for (const [why, limits] of Object.entries({
  'the directory takes no file': { dir: '/nonexistent/spool' },
  'the spool of all bodies together is used up': { budget: new Budget(0) },
  'it is larger than the spool': { spool: 1.5 * KIB },
})) {
  test(`what was read ahead is sent when it can't be kept after all: ${why}`, async (t) => {
    const room = new Budget(64 * KIB);
    const body = open(t, pieces(20, KIB), { memory: 1.5 * KIB, room, ...limits });
    body.readAhead();
    await until('it not to be kept', () => !body.isRepeatable);
    t.deepEqual(await all(body), Buffer.concat([...pieces(20, KIB)]));
    t.true(room.take(64 * KIB), 'all of it was given back');
  });
}

test('a spooled body leaves no name behind', async (t) => {
  const dir = spoolDir();
  const body = open(t, pieces(20, KIB), { dir });
  await all(body);
  t.deepEqual(readdirSync(dir), []);
  body.release();
});

test('a reader that takes over gets every byte, also beyond the spool, and the one before it gets no more', async (t) => {
  const body = open(t, pieces(100, KIB), { memory: 0, spool: 8 * KIB, budget: new Budget(1024 * KIB) });
  const first = body.read()[Symbol.asyncIterator]();
  for (let i = 0; i < 6; i++) await first.next();
  const second = body.read()[Symbol.asyncIterator]();
  const parts = [(await second.next()).value as Uint8Array];
  await t.throwsAsync(async () => first.next(), { message: /read anew/ });
  for (let next = await second.next(); !next.done; next = await second.next()) parts.push(next.value);
  t.deepEqual(Buffer.concat(parts), Buffer.concat([...pieces(100, KIB)]));
});

test('a body that outgrew the spool is never read as a shorter one', async (t) => {
  const body = open(t, pieces(20, KIB), { memory: 0, spool: 8 * KIB });
  t.is((await buffer(body.read())).length, 20 * KIB);
  await t.throwsAsync(buffer(body.read()), { message: /outgrew/ });
});

test('tiny chunks take about as much memory as they are long', async (t) => {
  const body = open(t, pieces(4 * KIB, 1), { memory: 4 * KIB });
  t.is((await all(body)).length, 4 * KIB);
  const again: Uint8Array[] = [];
  for await (const piece of body.read()) again.push(piece);
  t.true(again.length < 8, `${again.length} pieces`);
  t.deepEqual(Buffer.concat(again), Buffer.concat([...pieces(4 * KIB, 1)]));
});

test('a release while more of the body is awaited lets go of the file at once', async (t) => {
  const budget = new Budget(4 * KIB);
  const pending = Promise.withResolvers<never>();
  async function* stalling(): AsyncGenerator<Uint8Array, undefined> {
    yield Buffer.alloc(4 * KIB);
    return pending.promise;
  }
  const caller = { takeWhole: () => undefined, sendContinue: () => undefined, pieces: stalling };
  const limits = { memoryBytes: 0, spoolBytes: 4 * KIB, dir: spoolDir() };
  const budgets = { memory: new Budget(0), disk: budget, diskFailed: () => undefined };
  const body = openBody(caller, { limits, budgets, declaredBytes: -1 });
  const reader = body.read()[Symbol.asyncIterator]();
  await reader.next();
  const waiting = reader.next();
  body.release();
  t.true(budget.take(4 * KIB));
  pending.reject(new Error('gone'));
  await t.throwsAsync(waiting);
});
