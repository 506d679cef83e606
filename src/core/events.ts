import { EventEmitter } from 'node:events';
import type { OutriderError } from './errors.ts';
import type { EventMap, NoticeRecord } from './event-map.ts';

export * from './event-map.ts';

/** An error with which Outrider itself answers a request. It comes before the answer goes out. Unlike a notice it may hold secrets. */
export interface ProblemRecord {
  readonly method: string;
  /** As the caller sent it: at a forward door the whole URL, for CONNECT host and port. */
  readonly target: string;
  readonly error: Pick<OutriderError, 'status' | 'code' | 'detail' | 'remedy' | 'outcome'>;
}

/** All events: those of the library, and what stays within this program. */
export interface AllEvents extends EventMap {
  problem: [ProblemRecord];
  /** A line of the audit trail could not be written. */
  auditGap: [];
}

/** Where everything that happens is emitted, once. The log, the metrics and the last requests listen. */
export type Events = EventEmitter<AllEvents>;

/**
 * Makes an emitter of events.
 * @param clean Removes secrets from a notice before listeners get it: an error in it may hold what a provider or caller sent.
 */
export function createEvents(clean: (notice: NoticeRecord) => NoticeRecord = (notice) => notice): Events {
  const events: Events = new EventEmitter<AllEvents>();
  const emit = events.emit.bind(events) as (name: string, record: unknown) => boolean;
  // Every event has at most one record, so a rest parameter, which makes an array for each call, isn't needed.
  const cleanly = (name: string, record?: unknown): boolean =>
    emit(name, name === 'notice' ? clean(record as NoticeRecord) : record);
  return Object.assign(events, { emit: cleanly as Events['emit'] });
}
