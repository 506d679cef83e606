import type { ExchangeRecord, NoticeRecord, ReloadRecord, RenewalRecord } from './events.ts';

/** A request that is over. */
export interface RecordedRequest extends Omit<ExchangeRecord, 'requestId'> {
  readonly kind: 'request';
  readonly id: number;
  /** When it was over, epoch milliseconds. */
  readonly atMs: number;
  readonly requestId: string;
}

interface Rare<Kind extends string, Told> {
  readonly kind: Kind;
  readonly id: number;
  readonly atMs: number;
  readonly record: Told;
}

/** What happened, numbered in one row. */
export type RecordedEvent =
  | RecordedRequest
  | Rare<'renewal', RenewalRecord>
  | Rare<'notice', NoticeRecord>
  | Rare<'reload', ReloadRecord>;

/** The last requests, and the last of what is rarer. */
export interface Journal {
  /** Of the newest; grows by 1 with each event, and never starts below that of a process before this one. */
  readonly lastId: number;
  /** The newest first. */
  requests(): Iterable<RecordedRequest>;
  /**
   * What came after the event of that id, the oldest first, and how many of it are not kept any more. An id that no event can have
   * had here counts as older than all.
   */
  after(id: number): { readonly events: readonly RecordedEvent[]; readonly lost: number };
  /** Calls `listener` with what happens from now on, several at a time; the returned function stops that. */
  listen(listener: (events: readonly RecordedEvent[]) => void): () => void;
  /** Tells listeners at once what has gathered. */
  flush(): void;
  /** Stops listening itself. */
  close(): void;
}
