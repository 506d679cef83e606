import { formatDuration } from '../../core/units.ts';

/** Why a rejected token is not replaced, for people too. */
export interface Skip {
  readonly skip: 'cooldown' | 'renewal_failed';
  /** One sentence with its numbers; it holds the word of `skip`. */
  readonly why: string;
}

const wholeSeconds = (ms: number): string => (ms < 1_000 ? `${Math.floor(ms)} ms` : `${Math.floor(ms / 1_000)} s`);

/** The token was too young for its age to be the cause. */
export const tooYoung = (ageMs: number, cooldownMs: number): Skip => ({
  skip: 'cooldown',
  why: `the token is ${wholeSeconds(Math.max(ageMs, 0))} old, younger than renew.cooldown ${formatDuration(cooldownMs)}`,
});

/** There is no newer one; where it is not asked for at all, because of an earlier failure, `restMs` says until when. */
export const notRenewed = (detail: string, restMs?: number): Skip => {
  const rest = restMs === undefined ? '' : `, the next attempt is due in ${Math.ceil(restMs / 1_000)} s`;
  return { skip: 'renewal_failed', why: `${detail}${rest}: renewal_failed` };
};
