import { OutriderError } from '../core/errors.ts';
import type { RawHeaders } from '../core/headers.ts';
import type { Caller } from './caller.ts';
import type { Head } from './framing.ts';
import type { Guard } from './guard.ts';
import { checkTarget, parseAbsolute } from './target.ts';

/** A request that the base-URL door let in. */
export interface Entry {
  /** Origin form. */
  readonly target: string;
  /** What of an allowed browser origin's answer is ours. */
  readonly cors: RawHeaders | undefined;
}

const isLoop = (via: string, pseudonym: string): boolean =>
  via.split(',').some((hop) => hop.trim().split(/[ \t]+/)[1] === pseudonym);

/**
 * The base-URL door: rules 1, 2, 7, 8 and loops. In absolute form the URI's authority takes the place of `head.host`.
 * Throws `bad_request`, `destination_denied`, `loop_detected`, `host_denied`, `origin_denied`.
 * @param pseudonym Our own name in `Via`.
 */
export function enter(caller: Caller, head: Head, guard: Guard, pseudonym: string): Entry {
  const { localAddress, localPort } = caller;
  let { target } = caller;
  const absolute = target.charCodeAt(0) === 0x2f ? undefined : parseAbsolute(target);
  if (absolute) {
    target = absolute.target;
    if (absolute.scheme === 'https' || !guard.isSelf(absolute.authority, localAddress, localPort)) {
      throw new OutriderError('destination_denied', { detail: 'this proxy forwards to its routes alone' });
    }
    head.host = absolute.authority;
  }
  checkTarget(target);
  if (head.via !== undefined && isLoop(head.via, pseudonym)) {
    throw new OutriderError('loop_detected', { detail: 'Via names this very process' });
  }
  guard.checkHost(head.host, localAddress);
  return { target, cors: guard.checkOrigin(head) };
}

/** Whether an `OPTIONS` request asks what a browser may send (Fetch §3.2). */
export const isPreflight = ({ method, headers }: Caller): boolean =>
  method === 'OPTIONS' &&
  headers.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'access-control-request-method');

/** A target's path, its query cut off. */
export function pathOf(target: string): string {
  const mark = target.indexOf('?');
  return mark < 0 ? target : target.slice(0, mark);
}
