import type { ReadSpec, TokenSpec } from '../../config/profile/profile.ts';
import { isHeaderValue } from '../../core/headers.ts';
import type { HttpAnswer } from '../../core/http.ts';
import { errorCode } from './error-code.ts';
import { type ExpiryWarning, readLifetime } from './expiry.ts';
import { dateOf } from './failure.ts';
import { parseBody } from './parse.ts';
import { readPointer } from './pointer.ts';
import { statusFailure, withoutToken } from './status.ts';

/** What an answer to a token call says. */
export interface TokenAnswer {
  readonly accessToken: string;
  readonly tokenType: string;
  readonly refreshToken: string | undefined;
  /** From the answer's arrival on; as it was said, so it can be 0 or less. */
  readonly lifetimeMs: number;
}

export interface AnswerContext {
  /** Epoch milliseconds of our own clock. */
  readonly atMs: number;
  /** Who answered, for a person to read. */
  readonly host: string;
  /** Is told what looks wrong with the expiry of a token that is good. */
  readonly warn?: (warning: ExpiryWarning) => void;
}

const FLAWS = {
  too_long: 'the answer is longer than a token answer may be',
  coding: 'its content coding is unknown or broken',
  broken: 'it broke off',
} as const satisfies Record<NonNullable<HttpAnswer['flaw']>, string>;

/**
 * Reads an answer in the profile's format. Throws {@link TokenFailure}: a status other than 2xx, another format, no token, an
 * empty one, one that is no text, or one that a header can't hold.
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

/** Types are compared without case (RFC 6749 §5.1), but many an API wants the one spelling that its documents have. */
function inDefaultSpelling(type = '', spelling = ''): string {
  return type.toLowerCase() === spelling.toLowerCase() ? spelling : type;
}
