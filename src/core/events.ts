import { EventEmitter } from 'node:events';

/** What became of the credential of one request. */
export const AUTH_OUTCOMES = {
  injected: 'the credential was put on',
  signed: 'it was signed, and what else the profile puts on is on it',
  renewed: 'its token was rejected; it was sent again with one that was got for it',
  replayed: 'its token was rejected; it was sent again with a newer one that was there already',
  skipped: 'nothing was to be put on',
  failed: 'the credential could not be had, and nothing was sent',
  placeholder: 'a program asked for a token of its own, and got a placeholder',
} as const;
export type AuthOutcome = keyof typeof AUTH_OUTCOMES;

/** Why a rejected request was not sent again. */
export const REPLAY_SKIP_REASONS = {
  body_too_large: 'the body is larger than `replay.spool`',
  spool_full: '`replay.spool_total` is used up',
  spool_failed: 'no file can be written in `replay.dir`',
  replay_off: 'the route says `replay: false`',
  websocket: 'it opens a WebSocket: whoever does tries again with the new token',
  cooldown: 'the rejected token was younger than `renew.cooldown`: its age is not the cause',
  renewal_failed: 'no other token could be had',
  caller_gone: 'the caller had gone',
} as const;
export type ReplaySkipReason = keyof typeof REPLAY_SKIP_REASONS;

/** Why a token was got. */
export const RENEWAL_REASONS = {
  cold: 'there was none',
  background: 'the one in use was in the last part of its life',
  rejected: 'the provider rejected the one in use',
  manual: 'a person asked for it',
} as const;
export type RenewalReason = keyof typeof RENEWAL_REASONS;

/** What came of a token call. */
export const RENEWAL_OUTCOMES = { ok: 'there is a new token', failed: 'there is none' } as const;

/** What came of a request that was sent again. */
export const REPLAY_OUTCOMES = {
  ok: 'the second answer was no rejection',
  rejected: 'the second token was rejected too',
  failed: 'the second attempt got no answer',
} as const;

/** One request from head to end, emitted once, when its last byte has gone (or it was cut). */
export interface ExchangeRecord {
  readonly requestId: string;
  readonly route: string | undefined;
  readonly provider: string | undefined;
  readonly method: string;
  /** The path as the caller sent it, without query. */
  readonly path: string;
  /** The status that the caller got; 0 when it got none. */
  readonly status: number;
  /** The code of our own error, or of the reason for which an answer was cut. */
  readonly code: string | undefined;
  readonly outcome: 'not_sent' | 'unknown' | undefined;
  readonly auth: AuthOutcome | undefined;
  /** Origin of the upstream. */
  readonly upstream: string | undefined;
  readonly attempts: number;
  readonly durationMs: number;
  /** From the first attempt's start to the final answer's head; 0 when nothing was sent. */
  readonly upstreamMs: number;
  /** Time spent waiting for a token. */
  readonly tokenWaitMs: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** One attempt at the upstream. `status` is 0 when no answer came. */
export interface AttemptRecord {
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly durationMs: number;
  /** An {@link ErrorCode} when no answer came. */
  readonly error: string | undefined;
}

export interface RenewalRecord {
  readonly provider: string;
  readonly reason: RenewalReason;
  readonly outcome: keyof typeof RENEWAL_OUTCOMES;
  readonly durationMs: number;
  /** When the new token expires, epoch milliseconds. */
  readonly expiresAtMs?: number;
  /** Why it failed, without secrets. */
  readonly detail?: string;
}

export interface ReplayRecord {
  readonly route: string;
  /** The status that was rejected. */
  readonly status: number;
  readonly outcome: keyof typeof REPLAY_OUTCOMES;
}

export interface ReplaySkippedRecord {
  readonly route: string;
  readonly reason: ReplaySkipReason;
  readonly requestId?: string;
  /** The reason in a sentence, with its numbers. */
  readonly detail?: string;
}

/** A token store that several processes share has begun to work, or stopped. */
export interface StoreHealthRecord {
  readonly kind: 'file' | 'redis';
  readonly isUp: boolean;
}

/** Something an operator should read. Whoever hears it hears no secrets. */
export interface NoticeRecord {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

export interface EventMap {
  started: [];
  exchange: [ExchangeRecord];
  attempt: [AttemptRecord];
  renewal: [RenewalRecord];
  replay: [ReplayRecord];
  replaySkipped: [ReplaySkippedRecord];
  store: [StoreHealthRecord];
  notice: [NoticeRecord];
}

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
