import type { Sample } from './proxy.ts';

export const print = (line = ''): void => void process.stdout.write(`${line}\n`);

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** A proxy under full load has its core to itself when it is busy for more than this share of the time. */
const QUIET = 0.9;

/** All rounds of one proxy in one scenario. */
export interface Row {
  readonly scenario: string;
  readonly peer: string;
  readonly samples: readonly Sample[];
}

const medianOf = (row: Row, key: keyof Sample): number => median(row.samples.map((sample) => sample[key]));

/** Median over the rounds of what `row` cost against `base` in the same round: a machine that slows down slows both. */
export function ratio(row: Row, base: Row): number {
  return median(row.samples.map((sample, round) => sample.cpuUs / (base.samples[round] as Sample).cpuUs));
}

/** Lines up columns; the first is text, the others are numbers. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
    )
    .join('\n');
}

/** One table per scenario: every proxy, and what the first one costs against each of the others. */
export function printSpeed(rows: readonly Row[]): void {
  for (const scenario of new Set(rows.map((row) => row.scenario))) {
    const group = rows.filter((row) => row.scenario === scenario);
    const subject = group[0] as Row;
    print(
      table([
        [scenario, 'CPU µs/request', 'min…max', 'requests/s', 'p50 µs', 'p99 µs', 'core busy', `${subject.peer} is`],
        ...group.map((row) => {
          const cpu = row.samples.map((sample) => sample.cpuUs);
          return [
            row.peer,
            medianOf(row, 'cpuUs').toFixed(1),
            `${Math.min(...cpu).toFixed(1)}…${Math.max(...cpu).toFixed(1)}`,
            medianOf(row, 'perSecond').toFixed(0),
            medianOf(row, 'p50Us').toFixed(0),
            medianOf(row, 'p99Us').toFixed(0),
            `${(medianOf(row, 'busy') * 100).toFixed(0)} %`,
            row === subject ? '' : `${ratio(subject, row).toFixed(2)} × this`,
          ];
        }),
      ]),
    );
    const busy = medianOf(subject, 'busy');
    if (busy < QUIET)
      print(`Something else took ${((1 - busy) * 100).toFixed(0)} % of the core: take the figures as provisional.`);
    print();
  }
}
