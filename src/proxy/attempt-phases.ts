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

export type Phases = Pick<AttemptDetail, 'connectMs' | 'sendMs' | 'waitMs' | 'receiveMs'>;

const known = (ms: number): number | undefined => (Number.isNaN(ms) ? undefined : ms);

/** How long each part took. The one in which an attempt failed lasted until then; to those behind it, it never came. */
export function phasesOf({ startedMs, connectedMs, sentMs, headMs, endedMs }: AttemptTimes): Phases {
  // An answer may come before the request's last byte has gone.
  const allSentMs = Number.isNaN(sentMs) ? headMs : sentMs;
  const part = (fromMs: number, toMs: number): number | undefined =>
    known((Number.isNaN(toMs) ? endedMs : toMs) - fromMs);
  return {
    connectMs: part(startedMs, connectedMs),
    sendMs: part(connectedMs, allSentMs),
    waitMs: part(allSentMs, headMs),
    receiveMs: part(headMs, endedMs),
  };
}
