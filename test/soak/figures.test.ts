import test from 'ava';
import { growth, judge, percentile, slopeOf } from './figures.ts';
import type { Figures, Sample } from './figures.ts';

const MB = 1e6;
const MINUTE_MS = 60_000;

/** One sample a minute, resident memory as `mb` says. */
const samplesOf = (minutes: number, mb: (minute: number) => number): Sample[] =>
  Array.from({ length: minutes + 1 }, (_, minute) => ({
    atMs: minute * MINUTE_MS,
    rssBytes: mb(minute) * MB,
    heapBytes: 50 * MB,
    loopP99Ms: 11,
  }));

const GOOD: Figures = {
  minutes: 60,
  rate: 100,
  requests: 360_000,
  failures: new Map([['unknown 502 upstream_failed', { count: 40, unexplained: 0 }]]),
  wrong: [],
  samples: samplesOf(60, (minute) => 200 + Math.min(minute, 15) + (minute % 3)),
  descriptors: { atStart: 24, atEnd: 24 },
  exitCode: 0,
};

const BAD: Readonly<Record<string, readonly [change: Partial<Figures>, problem: RegExp]>> = {
  'a descriptor that stays open': [{ descriptors: { atStart: 24, atEnd: 25 } }, /^24 descriptors at the start, 25/],
  'a failure without a cause': [
    { failures: new Map([['refused 401', { count: 9, unexplained: 2 }]]) },
    /^2 times without a cause: refused 401$/,
  ],
  'memory that grows and grows': [
    { samples: samplesOf(60, (minute) => 200 + 2 * minute) },
    /^memory grows by 120 MB an hour$/,
  ],
  'a payment that was made twice': [{ wrong: ['pay-7: paid 200, and 2 rows'] }, /^pay-7: paid 200, and 2 rows$/],
  'a load that was never there': [{ requests: 1_000 }, /^only 1000 requests/],
  'a proxy that ended badly': [{ exitCode: 1 }, /^the proxy ended with 1$/],
};

test('a soak in which nothing leaked and every failure has its cause is good', (t) => {
  t.deepEqual(judge(GOOD), []);
});

for (const [what, [change, problem]] of Object.entries(BAD)) {
  test(`a soak finds ${what}`, (t) => {
    const problems = judge({ ...GOOD, ...change });
    t.is(problems.length, 1);
    t.regex(problems[0] ?? '', problem);
  });
}

test('of a short soak nothing is said about memory', (t) => {
  t.deepEqual(judge({ ...GOOD, minutes: 1, samples: samplesOf(60, (minute) => 200 + 50 * minute) }), []);
});

test('the slope is that of the nearest straight line', (t) => {
  t.is(slopeOf([]), 0);
  t.is(
    slopeOf([
      [0, 1],
      [1, 3],
      [2, 5],
    ]),
    2,
  );
  t.is(
    growth(
      GOOD.samples.map((sample) => ({ ...sample, rssBytes: sample.atMs })),
      'rssBytes',
    ).toFixed(3),
    '3.600',
  );
});

test('a percentile is one of the values', (t) => {
  t.is(percentile([5, 1, 9], 0.5), 5);
  t.is(percentile([5, 1, 9], 1), 9);
  t.is(percentile([], 0.5), 0);
});
