import { EventEmitter } from 'node:events';
import type { EventMap, NoticeRecord } from './event-map.ts';

export type * from './event-map.ts';

/** What happened, told once; logs, metrics and traces listen. `started` is a request's head having been read. */
export type Events = EventEmitter<EventMap>;

/** @param clean Goes over each notice before anybody hears it: an error within may hold what others sent. */
export function createEvents(clean: (notice: NoticeRecord) => NoticeRecord = (notice) => notice): Events {
  const events: Events = new EventEmitter<EventMap>();
  const emit = events.emit.bind(events) as (name: string, record: unknown) => boolean;
  // Each event has one record at most; for any number of them a list would be made each time.
  const cleanly = (name: string, record?: unknown): boolean =>
    emit(name, name === 'notice' ? clean(record as NoticeRecord) : record);
  return Object.assign(events, { emit: cleanly as Events['emit'] });
}
