import type { ExchangeRecord, NoticeRecord, ReloadRecord, RenewalRecord } from './events.ts';

/** A request that has ended. */
export interface RecordedRequest extends Omit<ExchangeRecord, 'requestId'> {
  readonly kind: 'request';
  readonly id: number;
  /** When it ended, in milliseconds since the epoch. */
  readonly atMs: number;
  readonly requestId: string;
}

interface Rare<Kind extends string, Told> {
  readonly kind: Kind;
  readonly id: number;
  readonly atMs: number;
  readonly record: Told;
}

/** An event that is kept. Ids count all kinds together. */
export type RecordedEvent =
  | RecordedRequest
  | Rare<'renewal', RenewalRecord>
  | Rare<'notice', NoticeRecord>
  | Rare<'reload', ReloadRecord>;

/** Hears of new events, several at a time. `lost`: so many requests came too fast to be told. */
export type Listener = (events: readonly RecordedEvent[], lost: number) => void;

/** The last requests, and the last of the rarer events. */
export interface Journal {
  /** The id of the newest event. It grows by 1 with each event, and starts above the ids of earlier processes. */
  readonly lastId: number;
  /** The requests, the newest first. */
  requests(): Iterable<RecordedRequest>;
  /**
   * Finds the events after the one with `id`, the oldest first, and how many of them are not kept any more. An id that this process
   * has not given counts as older than all.
   */
  after(id: number): { readonly events: readonly RecordedEvent[]; readonly lost: number };
  /** Calls `listener` from now on. Returns a function that stops that. */
  listen(listener: Listener): () => void;
  /** Calls the listeners at once with the events that wait. */
  flush(): void;
  /** Stops keeping events. */
  close(): void;
}
