import type { AttemptDetail } from '../core/events.ts';

/** When each phase of an attempt ended, by `clock.monotonic()`. NaN when it has not. */
export interface AttemptTimes {
  readonly startedMs: number;
  readonly connectedMs: number;
  readonly sentMs: number;
  /** When the answer's head came. */
  readonly headMs: number;
  /** When the answer was whole, or the attempt failed. */
  readonly endedMs: number;
}

/** An attempt with its times and its result. */
export interface TimedAttempt extends AttemptTimes {
  /** 0 when no answer came. */
  readonly status: number;
  /** The code of the error with which it failed, before its answer or within it. */
  readonly errorCode: string | undefined;
}

const lasting = (fromMs: number, toMs: number, endedMs: number): number | undefined => {
  const ms = (Number.isNaN(toMs) ? endedMs : toMs) - fromMs;
  return Number.isNaN(ms) ? undefined : ms;
};

/**
 * Works out how long each phase of an attempt took. The phase in which it failed lasts until then. The phases after it are undefined.
 * @param credential The provider whose credential it carried.
 * @param generation The generation of the token in it.
 * @param fromMs When the request arrived.
 */
export function detailOf(
  attempt: TimedAttempt,
  credential: string | undefined,
  generation: number,
  fromMs: number,
): AttemptDetail {
  const { startedMs, connectedMs, headMs, endedMs } = attempt;
  // An answer may come before the request's last byte has gone.
  const sentMs = Number.isNaN(attempt.sentMs) ? headMs : attempt.sentMs;
  return {
    status: attempt.status,
    error: attempt.errorCode,
    credential,
    generation,
    startMs: startedMs - fromMs,
    connectMs: lasting(startedMs, connectedMs, endedMs),
    sendMs: lasting(connectedMs, sentMs, endedMs),
    waitMs: lasting(sentMs, headMs, endedMs),
    receiveMs: lasting(headMs, endedMs, endedMs),
  };
}
