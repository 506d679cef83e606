import type { Clock } from '../../core/clock.ts';
import type { Events, NoticeRecord } from '../../core/events.ts';
import { oncePerInterval } from '../../core/once-per-interval.ts';
import type { TrailReports } from './trail.ts';

const QUIET_MS = 60_000;
const HELP = 'Make room on the disk of `audit.path`, and let this user write there.';

/** Tells the operator what happens to an audit trail, what goes wrong at most once a minute, and counts its gaps. */
export class AuditReports implements TrailReports {
  readonly #path: string;
  readonly #events: Events;
  readonly #isNews: (key: string) => boolean;

  constructor(path: string, { clock, events }: { readonly clock: Clock; readonly events: Events }) {
    this.#path = path;
    this.#events = events;
    this.#isNews = oncePerInterval(clock, QUIET_MS);
  }

  lost(why: string): void {
    this.#events.emit('auditGap');
    if (this.#isNews('lost'))
      this.#notice('warn', 'The audit trail has a gap: lines can not be written', { why, remedy: HELP });
  }

  mended(lines: number): void {
    this.#notice('warn', 'The audit trail goes on after a gap', { lines });
  }

  torn(): void {
    this.#notice('warn', 'The last line of the audit trail is torn: it is kept, and the trail goes on behind it');
  }

  begun(): void {
    this.#notice('info', 'The audit trail goes on in a new file');
  }

  notBegun(cause: unknown): void {
    if (this.#isNews('notBegun'))
      this.#notice('warn', 'The audit trail was moved away, and goes on there: no new file can be begun', { cause });
  }

  notSynced(cause: unknown): void {
    if (this.#isNews('notSynced')) this.#notice('warn', 'The audit trail could not be forced onto the disk', { cause });
  }

  /** Another process writes the trail. */
  takenOver(): void {
    this.#notice('error', 'Another process has taken over the audit trail: this one writes none until a restart');
  }

  #notice(level: NoticeRecord['level'], message: string, fields: NoticeRecord['fields'] = {}): void {
    this.#events.emit('notice', { level, message, fields: { path: this.#path, ...fields } });
  }
}
