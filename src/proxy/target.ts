import { OutriderError } from '../core/errors.ts';
import { hasDotSegment } from '../core/path.ts';

/** Matches most targets. Its path holds no dot, no escape and no character that is refused, so no further check is needed. */
const PLAIN = /^\/(?!\/)[A-Za-z0-9\-_~!$&'()*+,;=:@/]*(?:\?[A-Za-z0-9\-._~!$&'()*+,;=:@/?%]*)?$/;
const OUTSIDE_ASCII = /[^\x21-\x7e]/;
const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/;

const refuse = (detail: string, close = false): OutriderError => new OutriderError('bad_request', { detail, close });

/**
 * Throws `bad_request` for a target that servers understand in different ways. Every other target is forwarded as it is.
 * @param target In origin form, one character for each byte (RFC 9112 §3.2.1, RFC 3986 §5.2.4).
 */
export function checkTarget(target: string): void {
  if (PLAIN.test(target)) return;
  if (!target.startsWith('/')) throw refuse('the target is not a path', true);
  if (OUTSIDE_ASCII.test(target)) throw refuse('the target has a control or non-ASCII character');
  if (target.includes('#')) throw refuse('the target has a fragment');
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  if (path.startsWith('//')) throw refuse('the path starts with two slashes');
  if (path.includes('\\')) throw refuse('the path has a backslash');
  if (BAD_ESCAPE.test(path)) throw refuse('the path has a bad percent escape');
  if (path.includes('%00')) throw refuse('the path has an encoded NUL');
  if (hasDotSegment(path)) throw refuse('the path has a dot segment');
}

/** The parts of a target in absolute form. */
export interface AbsoluteTarget {
  readonly scheme: 'http' | 'https';
  readonly authority: string;
  /** The rest, in origin form. */
  readonly target: string;
}

/**
 * Splits a target in absolute form (RFC 9112 §3.2.2). Returns undefined for another form. Throws `bad_request` for userinfo, or
 * an empty authority.
 */
export function parseAbsolute(target: string): AbsoluteTarget | undefined {
  const match = /^(https?):\/\/([^/?#]*)(.*)$/i.exec(target);
  if (!match) return undefined;
  const authority = match[2] as string;
  if (authority.includes('@')) throw refuse('the target holds userinfo');
  if (authority === '') throw refuse('the target names no host');
  const rest = match[3] as string;
  return {
    scheme: (match[1] as string).toLowerCase() as 'http' | 'https',
    authority,
    target: rest.startsWith('/') ? rest : `/${rest}`,
  };
}

/** How a route maps paths to its upstream: what is cut off in front, and what is put there instead. */
export interface Join {
  /** How many characters of the path are cut off; 0: none. */
  readonly cut: number;
  /** The path of the upstream without a trailing slash. It may be empty. */
  readonly basePath: string;
}

/** Maps a target to the upstream. Its rest, with the query, stays byte for byte. */
export function joinTarget(target: string, join: Join): string {
  const rest = join.cut === 0 ? target : target.slice(join.cut);
  if (rest === '' || rest.charCodeAt(0) === 0x3f) return `${join.basePath === '' ? '/' : join.basePath}${rest}`;
  return join.basePath + rest;
}
