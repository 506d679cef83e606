import { growth, MEMORY, percentile } from './figures.ts';
import type { Figures } from './figures.ts';

export interface Told extends Figures {
  readonly seed: number;
  /** Payments a second, where it was measured. */
  readonly capacity: number | undefined;
  readonly faults: readonly string[];
  readonly problems: readonly string[];
}

const mb = (bytes: number | undefined): string => `${((bytes ?? 0) / 1e6).toFixed(0)} MB`;

function memory(name: string, of: 'rssBytes' | 'heapBytes', { samples, minutes }: Figures): string {
  const caution = minutes < MEMORY.leastMinutes ? ', which means nothing in so short a time' : '';
  const slope = `slope ${growth(samples, of).toFixed(1)} MB/h after the first third${caution}`;
  return `${name.padEnd(18)}${mb(samples[0]?.[of])} at the start, ${mb(samples.at(-1)?.[of])} at the end, ${slope}`;
}

/** The figures for people. */
export function report(told: Told): string {
  const { minutes, rate, requests, seed, capacity, faults, failures, samples, descriptors, exitCode, problems } = told;
  const { atStart, atEnd } = descriptors;
  const failed = [...failures.values()].reduce((sum, { count }) => sum + count, 0);
  const counts = new Map<string, number>();
  for (const name of faults) counts.set(name, (counts.get(name) ?? 0) + 1);
  const p99s = samples.map(({ loopP99Ms }) => loopP99Ms).filter(Number.isFinite);
  const lines = [
    `${minutes} minutes at ${rate} requests a second${capacity === undefined ? '' : `, half of ${capacity.toFixed(0)}`} (seed ${seed})`,
    '',
    `requests          ${requests}, ${failed} of them failed`,
    ...[...failures]
      .toSorted(([, a], [, b]) => b.count - a.count)
      .map(
        ([what, { count, unexplained }]) =>
          `  ${String(count).padStart(8)}  ${what}${unexplained > 0 ? `, ${unexplained} UNEXPLAINED` : ''}`,
      ),
    `faults            ${faults.length}`,
    ...[...counts].map(([name, count]) => `  ${String(count).padStart(8)}  ${name}`),
    memory('RSS', 'rssBytes', told),
    memory('heap', 'heapBytes', told),
    `descriptors       ${atStart} at the start, ${atEnd} at the end`,
    `event loop p99    ${percentile(p99s, 0.5).toFixed(1)} ms in the median sample, ${percentile(p99s, 1).toFixed(1)} ms in the worst of ${p99s.length} (a timer of 10 ms: 10 is at once)`,
    `exit code         ${exitCode}`,
    '',
    ...(problems.length === 0 ? ['nothing leaked, every failure has its cause'] : ['WRONG:', ...problems.slice(0, 30)]),
    '',
  ];
  return lines.join('\n');
}
