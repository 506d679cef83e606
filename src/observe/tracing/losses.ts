import type { Clock } from '../../core/clock.ts';
import type { Events } from '../../core/events.ts';
import { oncePerInterval } from '../../core/once-per-interval.ts';

const QUIET_MS = 60_000;
const HELP =
  'Check `tracing.endpoint`, or OTEL_EXPORTER_OTLP_ENDPOINT: a collector takes OTLP over HTTP, which usually has port 4318.';

/** Counts the spans that were lost, and tells of them at most once a minute. */
export class Losses {
  readonly #events: Events;
  readonly #isNews: (key: string) => boolean;
  #untold = 0;
  #total = 0;
  #why = '';

  constructor(events: Events, clock: Clock) {
    this.#events = events;
    this.#isNews = oncePerInterval(clock, QUIET_MS);
  }

  /** Counts spans that were lost. `why` is for people to read. */
  readonly add = (count: number, why: string): void => {
    this.#untold += count;
    this.#total += count;
    this.#why = why;
    if (this.#isNews('lost')) this.tell();
  };

  /** Tells of the spans that were lost since it was told last. */
  tell(): void {
    if (this.#untold === 0) return;
    const fields = { lost: this.#untold, lost_since_start: this.#total, why: this.#why, remedy: HELP };
    this.#untold = 0;
    this.#events.emit('notice', { level: 'warn', message: 'Spans of traces were lost', fields });
  }
}
