import test from 'ava';
import { createEvents } from '../../src/core/events.ts';
import type { RecordedEvent } from '../../src/core/journal.ts';
import { createHistory } from '../../src/observe/history.ts';
import { createJournal } from '../../src/observe/journal.ts';
import { createRedactor } from '../../src/observe/redact.ts';
import { Ring } from '../../src/observe/ring.ts';
import { fakeClock } from '../helpers/clock.ts';
import { exchange } from './capture.ts';

test('a ring keeps the newest, by their number and by their bytes', (t) => {
  const ring = new Ring<number>(3, 100);
  for (const i of [1, 2, 3, 4]) ring.push(i, 10);
  t.deepEqual([...ring.newest()], [4, 3, 2]);
  ring.push(5, 85);
  t.deepEqual([...ring.newest()], [5, 4]);
  t.is(ring.bytes, 95);
  ring.push(6, 101);
  t.deepEqual([...ring.newest()], []);
  t.is(ring.bytes, 0);
  ring.push(7, 1);
  t.deepEqual([...ring.newest()], [7]);
});

function given(secrets: string[] = []) {
  const clock = fakeClock();
  const events = createEvents();
  const redactor = createRedactor(() => secrets);
  return { clock, events, secrets, journal: createJournal(events, { clock, redactor }) };
}

test('the last thousand requests are kept, and fewer of long ones', (t) => {
  const { events, journal } = given();
  for (let i = 0; i < 1_005; i++) events.emit('exchange', exchange({ path: `/p/${i}` }));
  const paths = [...journal.requests()].map(({ path }) => path);
  t.is(paths.length, 1_000);
  t.is(paths[0], '/p/1004');
  for (let i = 0; i < 1_000; i++) events.emit('exchange', exchange({ path: `/${'x'.repeat(8_000)}` }));
  const long = [...journal.requests()];
  t.true(long.length < 600 && long.length > 300, String(long.length));
  t.true(long.every(({ path }) => path.length <= 2_049));
});

test('a secret in a path is hidden, also one that was learnt later, or is none any more', (t) => {
  const { events, secrets, journal } = given(['first-secret-value']);
  const paths = (): string[] => [...journal.requests()].map(({ path }) => path);
  events.emit('exchange', exchange({ path: '/a/first-secret-value?q=1', requestId: 'first-secret-value' }));
  events.emit('exchange', exchange({ path: '/b/second-secret-value' }));
  events.emit('exchange', exchange({ path: 'http://user:word@host/c' }));
  events.emit('exchange', exchange({ path: `/${'x'.repeat(2_040)}first-secret-value${'y'.repeat(9_000)}` }));
  secrets[0] = 'second-secret-value';
  events.emit('renewal', { provider: 'p', reason: 'cold', outcome: 'ok', durationMs: 1 });
  secrets[0] = 'third-secret-value';
  const [long, odd, second, first] = paths();
  t.is(first, '/a/[redacted]');
  t.is(second, '/b/[redacted]');
  t.is(odd, 'http://[redacted]@host/c');
  t.false(long?.includes('first-secret'));
  t.is([...journal.requests()].at(-1)?.requestId, '[redacted]');
});

test('listeners hear what happens in order, soon, and several at once', async (t) => {
  const { clock, events, journal } = given();
  const told: (readonly RecordedEvent[])[] = [];
  const stop = journal.listen((some) => told.push(some));
  events.emit('exchange', exchange());
  events.emit('notice', { level: 'warn', message: 'odd' });
  events.emit('notice', { level: 'debug', message: 'not for everybody' });
  events.emit('reload', { outcome: 'failed', detail: 'bad' });
  t.is(told.length, 0);
  await clock.advance(50);
  t.deepEqual(
    told.map((some) => some.map(({ kind }) => kind)),
    [['request', 'notice', 'reload']],
  );
  stop();
  events.emit('exchange', exchange());
  await clock.advance(50);
  t.is(told.length, 1);
  journal.close();
  events.emit('exchange', exchange());
  t.is([...journal.requests()].length, 2);
});

test('of requests that come too fast some are told, and how many are not; nothing else is left out', async (t) => {
  const { clock, events, journal } = given();
  const told: { readonly kinds: readonly string[]; readonly lost: number }[] = [];
  journal.listen((some, lost) => told.push({ kinds: some.map(({ kind }) => kind), lost }));
  const requests = (length: number): readonly string[] => Array.from({ length }, () => 'request');
  for (let i = 0; i < 1_200; i++) events.emit('exchange', exchange());
  t.deepEqual(
    told.splice(0),
    Array.from({ length: 5 }, () => ({ kinds: requests(200), lost: 0 })),
  );
  events.emit('notice', { level: 'warn', message: 'odd' });
  events.emit('exchange', exchange({ status: 502, code: 'upstream_failed' }));
  await clock.advance(50);
  t.deepEqual(told.splice(0), [{ kinds: ['notice', 'request'], lost: 200 }]);
  for (let i = 0; i < 60; i++) events.emit('exchange', exchange());
  await clock.advance(50);
  t.deepEqual(told.splice(0), [{ kinds: requests(50), lost: 10 }]);
  for (let i = 0; i < 50; i++) events.emit('exchange', exchange());
  journal.flush();
  t.deepEqual(told.splice(0), [{ kinds: requests(50), lost: 0 }]);
  events.emit('exchange', exchange());
  journal.flush();
  t.deepEqual(told.splice(0), [{ kinds: [], lost: 1 }], 'those too many are told at once as well');
});

test('ids grow across restarts', async (t) => {
  const { clock, events, journal } = given();
  for (let i = 0; i < 100; i++) events.emit('exchange', exchange());
  await clock.advance(1_000);
  const next = createJournal(createEvents(), { clock, redactor: createRedactor(() => []) });
  t.true(next.lastId > journal.lastId);
  t.true(Number.isSafeInteger(next.lastId));
});

test('the history forgets what is older than 15 minutes, and counts errors and the slowest hundredth', async (t) => {
  const clock = fakeClock();
  const events = createEvents();
  const history = createHistory(events, clock);
  for (let i = 0; i < 98; i++) events.emit('exchange', exchange({ durationMs: 1 }));
  for (let i = 0; i < 2; i++) events.emit('exchange', exchange({ durationMs: 500, status: 503, code: 'overloaded' }));
  const last = history.buckets().at(-1);
  t.like(last, { requests: 100, errors: 2 });
  t.true((last?.p99Ms ?? 0) >= 500 && (last?.p99Ms ?? 0) < 560, String(last?.p99Ms));
  await clock.advance(20_000);
  const odd = [{ status: 0, code: 'caller_gone' }, { status: 404 }, { status: 200, code: 'upstream_failed' }];
  for (const record of odd) events.emit('exchange', exchange({ code: undefined, ...record }));
  const [two, one, now] = history.buckets().slice(-3);
  t.like(two, { requests: 100 });
  t.like(one, { requests: 0, errors: 0, p99Ms: undefined });
  t.like(now, { requests: 3, errors: 1 });
  await clock.advance(15 * 60_000);
  t.true(history.buckets().every(({ requests }) => requests === 0));
});
