/** What became of the credential of one request. */
export type AuthOutcome = 'injected' | 'signed' | 'renewed' | 'replayed' | 'skipped' | 'failed' | 'placeholder';
export type ReplaySkipReason =
  | 'body_too_large'
  | 'spool_full'
  | 'spool_failed'
  | 'replay_off'
  | 'websocket'
  | 'cooldown'
  | 'renewal_failed'
  | 'caller_gone';
export type RenewalReason = 'cold' | 'background' | 'rejected' | 'manual';

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
  readonly outcome: 'ok' | 'failed';
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
  /** ok: the second answer was not a rejection. */
  readonly outcome: 'ok' | 'rejected' | 'failed';
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
