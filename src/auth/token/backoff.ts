import type { TokenFailure } from './failure.ts';

/** Callers are told "no" at once until the next attempt, which is this far away at most. */
const LONGEST_FOR_CALLERS_MS = 5_000;
const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;
const REFUSED_MS = 30_000;

/** A failure, and until when it is remembered (http.md rules 23, 28, 29). */
export interface RememberedFailure {
  readonly failure: TokenFailure;
  /** How many failures there were in a row, this one included. */
  readonly count: number;
  /** Until then a caller without a token is answered with the failure itself; epoch milliseconds. */
  readonly callersUntilMs: number;
  /** Until then a valid token is not renewed; epoch milliseconds. */
  readonly renewalsUntilMs: number;
  /** The credentials that were refused: others may be tried at once. */
  readonly refusedVersion: number | undefined;
}

/** 1 s doubling to 60 s, less up to a fifth so that replicas don't march in step; longer where the endpoint says so. */
export function remember(
  failure: TokenFailure,
  before: RememberedFailure | undefined,
  credentialsVersion: number,
  nowMs: number,
  random: () => number,
): RememberedFailure {
  const count = (before?.count ?? 0) + 1;
  const backoffMs = Math.min(FIRST_MS * 2 ** Math.min(count - 1, 16), LONGEST_MS) * (1 - random() / 5);
  const asked = failure.failure === 'refused' ? REFUSED_MS : failure.retryAfterMs;
  return {
    failure,
    count,
    callersUntilMs:
      nowMs + Math.ceil(asked === undefined ? Math.min(backoffMs, LONGEST_FOR_CALLERS_MS) : Math.max(asked, FIRST_MS)),
    renewalsUntilMs: nowMs + Math.ceil(Math.max(backoffMs, asked ?? 0)),
    refusedVersion: failure.failure === 'refused' ? credentialsVersion : undefined,
  };
}

/** Whether the failure no longer counts, because the credentials that were refused are others now. */
export function isOutdated(remembered: RememberedFailure, credentialsVersion: number): boolean {
  return remembered.refusedVersion !== undefined && remembered.refusedVersion !== credentialsVersion;
}
