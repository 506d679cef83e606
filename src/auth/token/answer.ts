import type { ReadSpec, TokenSpec } from '../../config/profile/profile.ts';
import { isHeaderValue } from '../../core/headers.ts';
import type { HttpAnswer } from '../../core/http.ts';
import { errorCode } from './error-code.ts';
import { type ExpiryWarning, readLifetime } from './expiry.ts';
import { dateOf } from './failure.ts';
import { parseBody } from './parse.ts';
import { readPointer } from './pointer.ts';
import { statusFailure, withoutToken } from './status.ts';

/** The token in an answer. */
export interface TokenAnswer {
  readonly accessToken: string;
  readonly tokenType: string;
  readonly refreshToken: string | undefined;
  /** The lifetime from the arrival of the answer on, as the answer says. It can be 0 or less. */
  readonly lifetimeMs: number;
}

/** What is known about an answer besides its content. */
export interface AnswerContext {
  /** When the answer arrived: epoch milliseconds of our own clock. */
  readonly atMs: number;
  /** The host that answered, for people to read. */
  readonly host: string;
  /** Called when the expiry of a valid token looks wrong. */
  readonly warn?: (warning: ExpiryWarning) => void;
}

const FLAWS = {
  too_long: 'the answer is longer than a token answer may be',
  coding: 'its content coding is unknown or broken',
  broken: 'it broke off',
} as const satisfies Record<NonNullable<HttpAnswer['flaw']>, string>;

/**
 * Reads the token in an answer, in the profile's format (RFC 6749 §5.1 for JSON). Throws {@link TokenFailure} for a status
 * other than 2xx, another format, and a token that is missing, empty, no text, or can't be sent in a header.
 */
export function readTokenResponse(read: TokenSpec['read'], answer: HttpAnswer, context: AnswerContext): TokenAnswer {
  const { atMs, host, warn = () => undefined } = context;
  const { status, headers } = answer;
  if (status < 200 || status > 299) throw statusFailure(answer, errorCode(read, answer), host, atMs);
  const none = (why?: string): Error => withoutToken(host, errorCode(read, answer) ?? why);
  if (answer.flaw !== undefined) throw none(FLAWS[answer.flaw]);
  const parsed = parseBody(read.format, answer.body);
  if ('why' in parsed) throw none(parsed.why);
  const { root } = parsed;
  const accessToken = read.format === 'text' ? parsed.text : valueAt(root, read.accessToken.pointer);
  if (accessToken === undefined || accessToken === null) throw none();
  if (typeof accessToken !== 'string') throw none('what stands there is not one text');
  if (accessToken.trim() === '') throw none('it is empty');
  const tokenType = inDefaultSpelling(textAt(root, read.tokenType), read.tokenType.default);
  if (!isHeaderValue(accessToken) || !isHeaderValue(tokenType))
    throw none('it holds characters that no header can hold');
  return {
    accessToken,
    tokenType,
    refreshToken: textAt(root, read.refreshToken),
    lifetimeMs: readLifetime(read, { root, accessToken, theirNowMs: dateOf(headers) ?? atMs }, warn),
  };
}

const valueAt = (root: unknown, pointer: string | undefined): unknown =>
  pointer === undefined ? undefined : readPointer(root, pointer);

function textAt(root: unknown, { pointer, default: otherwise }: ReadSpec): string | undefined {
  const found = valueAt(root, pointer);
  return typeof found === 'string' && found !== '' ? found : otherwise;
}

/**
 * Token types are case-insensitive (RFC 6749 §5.1), but many APIs accept only the spelling of their documentation. So a type
 * that equals the profile's default gets its spelling.
 */
function inDefaultSpelling(type = '', spelling = ''): string {
  return type.toLowerCase() === spelling.toLowerCase() ? spelling : type;
}
