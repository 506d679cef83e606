import { formatDuration } from '../../core/units.ts';

/** Why a rejected token is not replaced, as a code and for people. */
export interface Skip {
  readonly skip: 'cooldown' | 'renewal_failed';
  /** One sentence with its numbers. It contains the word in `skip`. */
  readonly why: string;
}

const wholeSeconds = (ms: number): string => (ms < 1_000 ? `${Math.floor(ms)} ms` : `${Math.floor(ms / 1_000)} s`);

/** The token, or another credential, is younger than the cooldown, so its age can't be the cause of the rejection. */
export const tooYoung = (ageMs: number, cooldownMs: number, what = 'token'): Skip => ({
  skip: 'cooldown',
  why: `the ${what} is ${wholeSeconds(Math.max(ageMs, 0))} old, younger than renew.cooldown ${formatDuration(cooldownMs)}`,
});

/**
 * No newer token could be had. `restMs` is given when no call was made because of an earlier failure: it is the time until the
 * next attempt.
 */
export const notRenewed = (detail: string, restMs?: number): Skip => {
  const rest = restMs === undefined ? '' : `, the next attempt is due in ${Math.ceil(restMs / 1_000)} s`;
  return { skip: 'renewal_failed', why: `${detail}${rest}: renewal_failed` };
};
