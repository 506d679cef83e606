/** What was looked at, at one moment. */
export interface Sample {
  /** Since the load began. */
  readonly atMs: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
  /** p99 of the event loop's delay since the sample before. */
  readonly loopP99Ms: number;
}

const HOUR_MS = 3_600_000;
const MB = 1e6;
/** So much of the run is warm-up. */
const WARM_UP = 1 / 3;

/** The slope of the straight line that is nearest to the points (least squares); 0 for fewer than three. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  if (points.length < 3) return 0;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const variance = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return variance === 0 ? 0 : covariance / variance;
}

/** What lies behind the warm-up. */
export const warm = (samples: readonly Sample[]): readonly Sample[] => {
  const end = samples.at(-1)?.atMs ?? 0;
  return samples.filter(({ atMs }) => atMs >= end * WARM_UP);
};

/** Growth in MB an hour, behind the warm-up. */
export const growth = (samples: readonly Sample[], of: 'rssBytes' | 'heapBytes'): number =>
  slopeOf(warm(samples).map((sample) => [sample.atMs / HOUR_MS, sample[of] / MB] as const));

/** The value below which that share of the values lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

/** What a run showed. */
export interface Figures {
  readonly minutes: number;
  /** A second, as it was asked for and as it was. */
  readonly rate: number;
  readonly requests: number;
  /** `unknown 502 upstream_failed` → how often, and how often no fault explains it. */
  readonly failures: ReadonlyMap<string, { readonly count: number; readonly unexplained: number }>;
  /** What the ledger and the provider found wrong. */
  readonly wrong: readonly string[];
  readonly samples: readonly Sample[];
  readonly descriptors: { readonly atStart: number; readonly atEnd: number };
  readonly exitCode: number | null;
}

/** For so long a run its memory says something, and may grow by so many MB an hour. */
export const MEMORY = { leastMinutes: 15, most: 60 };
/** Of the rate that was asked for, at least so much must have been sent: else nothing was shown. */
const LEAST_LOAD = 0.8;

/** What is not as it should be, in words; nothing, when all is well. */
export function judge(figures: Figures): string[] {
  const { minutes, rate, requests, failures, wrong, samples, descriptors, exitCode } = figures;
  const problems = [...wrong];
  for (const [what, { unexplained }] of failures)
    if (unexplained > 0) problems.push(`${unexplained} times without a cause: ${what}`);
  const { atStart, atEnd } = descriptors;
  if (atEnd > atStart) problems.push(`${atStart} descriptors at the start, ${atEnd} at the end`);
  const rss = growth(samples, 'rssBytes');
  if (minutes >= MEMORY.leastMinutes && rss > MEMORY.most)
    problems.push(`memory grows by ${rss.toFixed(0)} MB an hour`);
  if (requests < minutes * 60 * rate * LEAST_LOAD) problems.push(`only ${requests} requests were sent`);
  if (exitCode !== 0) problems.push(`the proxy ended with ${exitCode}`);
  return problems;
}
