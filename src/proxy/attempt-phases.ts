import type { AttemptDetail } from '../core/events.ts';

/** When each part of an attempt was over: monotonic milliseconds; NaN: it is not. */
export interface AttemptTimes {
  readonly startedMs: number;
  readonly connectedMs: number;
  readonly sentMs: number;
  /** The head of the answer was here. */
  readonly headMs: number;
  /** The answer was whole, or the attempt had failed. */
  readonly endedMs: number;
}

/** An attempt as it is told. */
export interface TimedAttempt extends AttemptTimes {
  /** 0: no answer came. */
  readonly status: number;
  /** Of what it failed with, before its answer or within it. */
  readonly errorCode: string | undefined;
}

const lasting = (fromMs: number, toMs: number, endedMs: number): number | undefined => {
  const ms = (Number.isNaN(toMs) ? endedMs : toMs) - fromMs;
  return Number.isNaN(ms) ? undefined : ms;
};

/**
 * An attempt, and how long each part of it took. The one in which it failed lasted until then; to those behind that, it never came.
 * @param fromMs When the request arrived.
 */
export function detailOf(attempt: TimedAttempt, generation: number, fromMs: number): AttemptDetail {
  const { startedMs, connectedMs, headMs, endedMs } = attempt;
  // An answer may come before the request's last byte has gone.
  const sentMs = Number.isNaN(attempt.sentMs) ? headMs : attempt.sentMs;
  return {
    status: attempt.status,
    error: attempt.errorCode,
    generation,
    startMs: startedMs - fromMs,
    connectMs: lasting(startedMs, connectedMs, endedMs),
    sendMs: lasting(connectedMs, sentMs, endedMs),
    waitMs: lasting(sentMs, headMs, endedMs),
    receiveMs: lasting(headMs, endedMs, endedMs),
  };
}
