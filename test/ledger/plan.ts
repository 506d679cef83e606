import { mixSeed, randomFrom } from '../helpers/random.ts';
import { FAULTS, REJECTIONS } from './faults.ts';
import type { FaultName, RejectionName } from './faults.ts';

/** Everything about one payment that chance decides; caller and provider work it out from the seed alone. */
export interface Plan {
  readonly n: number;
  readonly id: string;
  readonly amount: number;
  readonly note: string;
  readonly isChunked: boolean;
  /** Where the body is cut, as shares of its length, in order. */
  readonly cuts: readonly number[];
  /** What the provider does to it once it has a good token. */
  readonly fault: FaultName | undefined;
  /** How it is told if it comes with a token that is no longer good. */
  readonly rejection: RejectionName;
  /** Whether its arrival ends all tokens. */
  readonly revokes: boolean;
  /** Where its caller breaks off: before the last piece, or after so many milliseconds of waiting. */
  readonly abort: 'in the body' | number | undefined;
}

const SHARES = { revokes: 0.004, abortsInBody: 0.012, abortsWaiting: 0.012, large: 0.01, whole: 0.5, chunked: 0.4 };
const LARGE_BYTES = 150_000;

const TOTAL = Object.values(FAULTS).reduce((sum, { share }) => sum + share, 0);

/** One of the faults, or none: `dice` is from 0 to 1. */
function faultAt(dice: number): FaultName | undefined {
  if (dice >= TOTAL) return undefined;
  let left = dice;
  return (Object.keys(FAULTS) as FaultName[]).find((name) => (left -= FAULTS[name].share) < 0);
}

const REJECTION_NAMES = Object.keys(REJECTIONS) as RejectionName[];

/** @param isCalm No faults and no aborts: the framings alone are mixed. */
export function planOf(seed: number, n: number, isCalm = false): Plan {
  const random = randomFrom(mixSeed(seed, n));
  const amount = 100 + Math.floor(random() * 1e6);
  const isLarge = random() < SHARES.large;
  const note = 'x'.repeat(Math.floor(random() * (isLarge ? LARGE_BYTES : 300)));
  const isChunked = random() < SHARES.chunked;
  const pieces = !isChunked && random() < SHARES.whole ? 1 : 2 + Math.floor(random() * 3);
  const cuts = Array.from({ length: pieces - 1 }, random).toSorted((a, b) => a - b);
  const fault = faultAt(random());
  const rejection = REJECTION_NAMES[Math.floor(random() * REJECTION_NAMES.length)] as RejectionName;
  const revokes = random() < SHARES.revokes;
  const dice = random();
  const abort =
    dice < SHARES.abortsInBody
      ? 'in the body'
      : dice < SHARES.abortsInBody + SHARES.abortsWaiting
        ? Math.floor(random() * 12)
        : undefined;
  const calm = { fault: undefined, rejection: '401', revokes: false, abort: undefined } as const;
  return { n, id: `pay-${n}`, amount, note, isChunked, cuts, fault, rejection, revokes, abort, ...(isCalm && calm) };
}

export const bodyOf = ({ id, amount, note }: Plan): string => JSON.stringify({ id, amount, note });
