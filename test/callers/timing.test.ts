import { randomBytes } from 'node:crypto';
import test from 'ava';
import type { CallerConfig } from '../../src/config/config.ts';
import { tokenDigest } from '../../src/config/schema/callers.ts';
import { createCallers } from '../../src/proxy/callers.ts';

const TRIES = 10_000;
const token = randomBytes(32).toString('base64url');
const others = Array.from({ length: 99 }, () => randomBytes(32).toString('base64url'));

const known = (name: string, text: string): CallerConfig => ({
  name,
  tokens: { current: { version: 1, values: new Map([['token', text]]) } },
  certificate: undefined,
  routes: '*',
  methods: [],
  paths: [],
  rate: undefined,
  concurrent: undefined,
  expiresAtMs: undefined,
});

const callers = createCallers([known('shop', token), ...others.map((text, i) => known(`other-${i}`, text))], []);

/** How long a look-up takes, in nanoseconds. */
function timeOf(text: string): number {
  const startedAt = process.hrtime.bigint();
  try {
    callers.identify({ digests: [tokenDigest(text)], certificate: undefined }, 0, {});
  } catch {
    // A stranger.
  }
  return Number(process.hrtime.bigint() - startedAt);
}

const median = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[times.length >> 1] as number;

test('a token that differs in its last character takes as long to refuse as a random one', (t) => {
  const near = Buffer.from(token);
  near[near.length - 1] = near.at(-1) === 0x41 ? 0x42 : 0x41;
  // One random token for each of two groups: the same text again and again takes less time than ever new ones.
  const random = (): Buffer => Buffer.from(randomBytes(32).toString('base64url'));
  const groups = [near, random(), random()];
  const times: number[][] = groups.map(() => []);
  for (let i = 0; i < TRIES; i++) {
    const texts = groups.map((bytes) => bytes.toString('latin1'));
    // In turn, and each group first as often as the others, so that whatever else the machine does falls on all.
    for (const n of [i, i + 1, i + 2].map((each) => each % 3)) times[n]?.push(timeOf(texts[n] as string));
  }
  const [nearNs, randomNs, againNs] = times.map(median) as [number, number, number];
  t.log(`median ns: near ${nearNs}, random ${randomNs}, random again ${againNs}`);
  // Two groups of random tokens differ by chance; the near one may not differ by much more.
  const byChance = Math.abs(againNs - randomNs);
  t.true(Math.abs(nearNs - randomNs) <= Math.max(3 * byChance, randomNs * 0.1), `${nearNs}, ${randomNs}, ${againNs}`);
});

test('the look-up of a caller costs a few microseconds, with its hash', (t) => {
  for (let i = 0; i < TRIES; i++) callers.identify({ digests: [tokenDigest(token)], certificate: undefined }, 0, {});
  const times = Array.from({ length: TRIES }, () => timeOf(token));
  t.log(`median ${median(times)} ns`);
  t.true(median(times) < 50_000);
});
