import test from 'ava';
import { detailOf } from '../../src/proxy/attempt-phases.ts';

function at(connectedMs: number, sentMs: number, headMs: number, endedMs: number) {
  const attempt = { status: 200, errorCode: undefined, startedMs: 10, connectedMs, sentMs, headMs, endedMs };
  const { status, error, credential, generation, startMs, ...parts } = detailOf(attempt, 'acme', 3, 4);
  if (status !== 200 || error !== undefined || credential !== 'acme' || generation !== 3 || startMs !== 6)
    throw new Error('what is not a time');
  return parts;
}
const none = Number.NaN;

test('each part of an attempt lasts until the next one begins', (t) => {
  t.deepEqual(at(12, 15, 20, 26), { connectMs: 2, sendMs: 3, waitMs: 5, receiveMs: 6 });
});

test('the part in which an attempt failed lasted until then, and those behind it never began', (t) => {
  t.deepEqual(at(none, none, none, 17), { connectMs: 7, sendMs: undefined, waitMs: undefined, receiveMs: undefined });
  t.deepEqual(at(12, none, none, 17), { connectMs: 2, sendMs: 5, waitMs: undefined, receiveMs: undefined });
  t.deepEqual(at(12, 13, none, 17), { connectMs: 2, sendMs: 1, waitMs: 4, receiveMs: undefined });
});

test('an answer that comes before all is sent ends the sending; one that is not whole yet has no end', (t) => {
  t.deepEqual(at(12, none, 15, 17), { connectMs: 2, sendMs: 3, waitMs: 0, receiveMs: 2 });
  t.deepEqual(at(12, 13, 15, none), { connectMs: 2, sendMs: 1, waitMs: 2, receiveMs: undefined });
});
