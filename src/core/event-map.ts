import type { Destination } from './authority.ts';

export type { Destination } from './authority.ts';

/** What was done about the credential of one request. */
export const AUTH_OUTCOMES = {
  injected: 'the credential was put on',
  signed: 'it was signed, and what else the profile puts on is on it; with `answer: signed` it went back to the caller',
  certificate: 'nothing was to be put on: the client certificate alone is the credential',
  renewed: 'its token was rejected; it was sent again with one that was got for it',
  replayed: 'its token was rejected; it was sent again with a newer one that was there already',
  skipped: 'nothing was to be put on',
  failed: 'the credential could not be had, and nothing was sent',
  placeholder: 'a program asked for a token of its own, and got a placeholder',
} as const;
export type AuthOutcome = keyof typeof AUTH_OUTCOMES;

/** The doors by which a request comes in. */
export const DOORS = {
  base_url: "at the proxy's own URL",
  forward: 'for another URL, which the caller sent through the proxy',
  intercepted: 'within a CONNECT whose TLS was ended here',
  connect: 'a CONNECT that was refused, or passed on unseen',
} as const;
export type Door = keyof typeof DOORS;

/** Why a request whose token was rejected was not sent again. */
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

/** Why a token was renewed. */
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

/** What became of a callback. */
export const CALLBACK_OUTCOMES = {
  verified: 'it was verified, and the application took it for the first time',
  duplicate: 'it was verified, and had been delivered before',
  rejected: 'it was not verified',
  stale: 'its signature is right, and too old, or of a time to come',
  undeliverable: 'it was verified, and the application did not take it',
} as const;
export type CallbackOutcome = keyof typeof CALLBACK_OUTCOMES;

/** One attempt at the upstream, as a part of its request. Times are in milliseconds; undefined when it never came to that. */
export interface AttemptDetail {
  /** 0 when no answer came. */
  readonly status: number;
  /** The {@link ErrorCode} of an attempt that failed, or whose answer broke. */
  readonly error: string | undefined;
  /** The provider whose credential it carried; undefined when it carried none. */
  readonly credential: string | undefined;
  /** The generation of the token that was put on; 0 when none was. */
  readonly generation: number;
  /** When the attempt began, counted from the request's arrival. */
  readonly startMs: number;
  /** The time until there was a connection; 0 on one that was kept. */
  readonly connectMs: number | undefined;
  /** The time until the request's last byte was written. */
  readonly sendMs: number | undefined;
  /** The time until the answer's head came. */
  readonly waitMs: number | undefined;
  /** The time until the answer's last byte came. */
  readonly receiveMs: number | undefined;
}

/** A time in which a request waited for a token. */
export interface TokenWait {
  /** When it began, in milliseconds from the request's arrival. */
  readonly startMs: number;
  readonly durationMs: number;
}

/** One request, from its head to its end. It is emitted once: when the answer's last byte has gone, or the exchange was cut. */
export interface ExchangeRecord {
  readonly requestId: string;
  /** Undefined when the request was refused before that was known. */
  readonly door: Door | undefined;
  /** The URL that the caller named, without its path. Undefined at the base URL, and for a CONNECT. */
  readonly destination: Destination | undefined;
  readonly route: string | undefined;
  readonly provider: string | undefined;
  /** The name of the caller in the config. Undefined where there are none, and for a stranger. */
  readonly caller: string | undefined;
  readonly method: string;
  /** The path as the caller sent it, without the query. */
  readonly path: string;
  /** The status that the caller got; 0 when it got none. */
  readonly status: number;
  /** The code of our own error, or the reason why an answer was cut; undefined when neither happened. */
  readonly code: string | undefined;
  /** Whether the provider may have seen the request, when `code` is set. */
  readonly outcome: 'not_sent' | 'unknown' | undefined;
  readonly auth: AuthOutcome | undefined;
  /** The origin of the upstream. Of a CONNECT that is passed on unseen, host and port. */
  readonly upstream: string | undefined;
  /** How often the request was sent, or tried to be. */
  readonly attempts: number;
  readonly durationMs: number;
  /** The time from the start of the first attempt to the head of the final answer; 0 when there was no attempt. */
  readonly upstreamMs: number;
  /** The time spent waiting for a token. */
  readonly tokenWaitMs: number;
  /** The parts of that time: at most one before each attempt. */
  readonly tokenWaits: readonly TokenWait[];
  /** The bytes of the request's body that came. Of a tunnel, all bytes from the caller. */
  readonly bytesIn: number;
  /** The bytes of the answer's body that were written. Of a tunnel, all bytes to the caller. */
  readonly bytesOut: number;
  /** How many secrets of the request were overwritten in its answer. */
  readonly scrubbed: number;
  /** The trace that the request belongs to: 32 hex digits. Undefined while tracing is off. */
  readonly traceId?: string | undefined;
  /** The attempts in turn. They are worked out when a listener reads them, which it does while it is called. */
  readonly attemptDetails: readonly AttemptDetail[];
  /** Why the request was not sent again after its token was rejected. */
  readonly replaySkipped: Pick<ReplaySkippedRecord, 'reason' | 'detail'> | undefined;
  /** The names of the headers that the credential added. They are worked out as `attemptDetails` are. */
  readonly addedHeaders: readonly string[];
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

/** One renewal of a provider's token. */
export interface RenewalRecord {
  readonly provider: string;
  readonly reason: RenewalReason;
  readonly outcome: keyof typeof RENEWAL_OUTCOMES;
  readonly durationMs: number;
  /** When the new token expires, in milliseconds since the epoch. */
  readonly expiresAtMs?: number;
  /** Why the renewal failed. It holds no secrets. */
  readonly detail?: string;
}

/** One request that was sent again after its token had been rejected. */
export interface ReplayRecord {
  readonly route: string;
  /** The status of the answer that rejected the token. */
  readonly status: number;
  readonly outcome: keyof typeof REPLAY_OUTCOMES;
}

/** One request that was not sent again after its token had been rejected. */
export interface ReplaySkippedRecord {
  readonly route: string;
  readonly reason: ReplaySkipReason;
  readonly requestId?: string;
  /** The reason in a sentence, with its numbers. */
  readonly detail?: string;
}

/** One callback, by its name in the config. */
export interface CallbackRecord {
  readonly name: string;
  readonly outcome: CallbackOutcome;
}

/** A change of state of a token store that several processes share: it began to work, or stopped. */
export interface StoreHealthRecord {
  readonly kind: 'file' | 'redis';
  readonly isUp: boolean;
}

/** A reload of the config that was asked for. After one that failed, the config before it stays in use. */
export interface ReloadRecord {
  readonly outcome: 'ok' | 'failed';
  /** Why the reload failed. It holds no secrets. */
  readonly detail?: string;
}

/** A message for the operator. Listeners get it without secrets. */
export interface NoticeRecord {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** The events that users of the library hear too, and their records. */
export interface EventMap {
  /** A caller's connection that counts towards the limit was accepted, or has closed. */
  connected: [];
  disconnected: [];
  /** One request more, or one fewer, waits for a token. */
  waiting: [change: 1 | -1];
  /** The head of a request has been read. */
  started: [];
  exchange: [ExchangeRecord];
  attempt: [AttemptRecord];
  renewal: [RenewalRecord];
  replay: [ReplayRecord];
  replaySkipped: [ReplaySkippedRecord];
  callback: [CallbackRecord];
  store: [StoreHealthRecord];
  reload: [ReloadRecord];
  notice: [NoticeRecord];
}
