import type { Authorized } from '../auth/authorizer.ts';
import type { AuthOutcome, ReplaySkipReason } from '../core/events.ts';
import { formatSize } from '../core/units.ts';
import type { CompiledRoute } from './compiled-config.ts';
import type { RequestBody } from './body/request-body.ts';

/** Why a rejected request is not sent again. */
export interface ReplaySkip {
  readonly skip: ReplaySkipReason;
  /** The reason in one sentence, with its numbers. It contains the word of `skip`. */
  readonly why: string;
}

/** What becomes of a request whose token was rejected: it is sent again as `second`, or not. */
export type ReplayDecision =
  | { readonly second: Authorized; readonly outcome: Extract<AuthOutcome, 'renewed' | 'replayed'> }
  | ReplaySkip;

/** The sentences for reasons without numbers. */
const SENTENCES = {
  replay_off: 'the route says `replay: false`: replay_off',
  renewal_failed: 'the renewal failed: renewal_failed',
  websocket: 'whoever opens a WebSocket tries again with the new token: websocket',
  caller_gone: 'the caller has gone: caller_gone',
} as const satisfies Partial<Record<ReplaySkipReason, string>>;

/** Makes a skip from a reason that has no numbers. */
export const skipBecause = (skip: keyof typeof SENTENCES): ReplaySkip => ({ skip, why: SENTENCES[skip] });

/** Says why a request can't be sent again, whatever the renewal brings; undefined when it can. */
export function unrepeatable(
  { replays, keep }: Pick<CompiledRoute, 'replays' | 'keep'>,
  { isRepeatable, notKept: skip }: RequestBody,
): ReplaySkip | undefined {
  if (!replays) return skipBecause('replay_off');
  if (isRepeatable) return undefined;
  const why = {
    body_too_large: `the body is larger than replay.spool ${formatSize(keep.spoolBytes)}`,
    spool_full: 'the body was not kept: replay.spool_total is used up',
    spool_failed: 'the body was not kept: no file can be written in replay.dir',
  }[skip];
  return { skip, why: `${why}: ${skip}` };
}

/** Writes a skip as the `details` of Proxy-Status (RFC 9209 §2.1.5), a string of visible ASCII (RFC 8941 §3.3.3). */
export const detailsOf = ({ why }: ReplaySkip): string =>
  `the token was rejected, the request not replayed: ${why}`
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .replaceAll(/["\\]/g, '\\$&');
