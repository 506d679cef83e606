import { OutriderError } from '../core/errors.ts';

/** Throws `loop_detected` when `via` holds our own name (RFC 9110 §7.6.3): the request came from this very proxy. */
export function checkLoop(via: string | undefined, pseudonym: string): void {
  const isOurs = via?.split(',').some((hop) => hop.trim().split(/[ \t]+/)[1] === pseudonym);
  if (isOurs) throw new OutriderError('loop_detected', { detail: 'Via names this very process' });
}
