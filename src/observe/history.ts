import type { Clock } from '../core/clock.ts';
import type { Events } from '../core/events.ts';
import { hasFailed } from './failed.ts';

/** The counts of ten seconds. */
export interface Bucket {
  /** When it began, in milliseconds since the epoch. */
  readonly atMs: number;
  readonly requests: number;
  readonly errors: number;
  /** The 99th percentile of the durations, within a tenth. Undefined when there was no request. */
  readonly p99Ms: number | undefined;
}

/** The counts of the last 15 minutes. */
export interface History {
  /** The last 15 minutes in steps of ten seconds, the oldest first. The last step is not over yet. */
  buckets(): readonly Bucket[];
  close(): void;
}

export const BUCKET_MS = 10_000;
const BUCKETS = 90;
/** Durations are counted in classes. Each is a tenth wider than the one before, from 0.05 ms to five minutes. */
const STEP = Math.log(1.1);
const SHORTEST_MS = 0.05;
const STEPS = 165;

/** The counters of one step. */
class Tally {
  /** The number of the step, counted from the epoch. */
  number = -1;
  requests = 0;
  errors = 0;
  readonly durations = new Uint32Array(STEPS);

  reset(number: number): void {
    this.number = number;
    this.requests = 0;
    this.errors = 0;
    this.durations.fill(0);
  }

  add(durationMs: number, isError: boolean): void {
    this.requests++;
    if (isError) this.errors++;
    const step = Math.ceil(Math.log(Math.max(durationMs, SHORTEST_MS) / SHORTEST_MS) / STEP);
    const i = Math.min(step, STEPS - 1);
    this.durations[i] = (this.durations[i] as number) + 1;
  }

  get p99Ms(): number | undefined {
    if (this.requests === 0) return undefined;
    const rank = Math.ceil(this.requests * 0.99);
    let below = 0;
    const step = this.durations.findIndex((count) => (below += count) >= rank);
    return SHORTEST_MS * Math.exp(step * STEP);
  }
}

/** Counts requests and errors, and the 99th percentile of the durations, over the last 15 minutes. */
export function createHistory(events: Events, clock: Clock): History {
  const tallies = Array.from({ length: BUCKETS }, () => new Tally());
  const current = (): number => Math.floor(clock.now() / BUCKET_MS);
  const at = (number: number): Tally => tallies[number % BUCKETS] as Tally;
  const count = (record: {
    readonly durationMs: number;
    readonly status: number;
    readonly code: string | undefined;
  }) => {
    const number = current();
    const tally = at(number);
    if (tally.number !== number) tally.reset(number);
    tally.add(record.durationMs, hasFailed(record.status, record.code));
  };
  events.on('exchange', count);
  return {
    buckets() {
      const last = current();
      return Array.from({ length: BUCKETS }, (_, i) => {
        const number = last - BUCKETS + 1 + i;
        const tally = at(number);
        const isKept = tally.number === number;
        return {
          atMs: number * BUCKET_MS,
          requests: isKept ? tally.requests : 0,
          errors: isKept ? tally.errors : 0,
          p99Ms: isKept ? tally.p99Ms : undefined,
        };
      });
    },
    close: () => void events.off('exchange', count),
  };
}
