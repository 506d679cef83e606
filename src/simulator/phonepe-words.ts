import { randomBytes } from 'node:crypto';
import type { BearerWords, TokenWords } from './oauth.ts';
import type { Problem } from './read.ts';
import { randomHex } from './tokens.ts';
import type { Answer, Kind } from './types.ts';

/** An error of PhonePe's APIs. */
export const phonepeError = (status: number, code: string, message: string): Answer => ({
  status,
  body: { success: false, code, message, data: {} },
});

const PROBLEM_CODES = { 400: 'BAD_REQUEST', 415: 'UNSUPPORTED_MEDIA_TYPE' } as const;

/** PhonePe's words for a request that can't be read. */
export const phonepeProblem = ({ status, detail }: Problem): Answer =>
  phonepeError(status, PROBLEM_CODES[status], `Please check the inputs you have provided: ${detail}`);

/** An error of PhonePe's identity manager; `INVALID_CLIENT` with 400 is as it has been seen. */
const identityError = (status: number, code: string, title: string, description: string): Answer => ({
  status,
  body: {
    code,
    errorCode: 'OIM000',
    message: `${title}, trackingId: ${randomHex(3)}`,
    context: { error_description: description },
  },
});

export const phonepeTokenWords: TokenWords = {
  malformed: ({ status, detail }) => identityError(status, PROBLEM_CODES[status], 'Bad Request', detail),
  wrongClient: () =>
    identityError(400, 'INVALID_CLIENT', 'Bad Request: Invalid Client', 'Client authentication failure'),
  wrongGrant: () =>
    identityError(400, 'UNSUPPORTED_GRANT_TYPE', 'Bad Request: Unsupported grant type', 'grant_type is not supported'),
  wrongScope: (detail) => identityError(400, 'INVALID_SCOPE', 'Bad Request: Invalid scope', detail),
  wrongRefresh: () =>
    identityError(
      400,
      'INVALID_GRANT',
      'Bad Request: Invalid refresh token',
      'the refresh token or the token is not valid',
    ),
};

const unauthorized = (reason: string) => (): Answer =>
  phonepeError(401, 'AUTHORIZATION_FAILED', `Incorrect Authorization header: ${reason}`);

/** PhonePe PG rejects every token with 401, whatever is wrong with it. */
export const phonepeBearerWords: BearerWords = {
  scheme: 'O-Bearer',
  rejected: {
    missing: unauthorized('no O-Bearer token'),
    unknown: unauthorized('the token is not valid'),
    expired: unauthorized('the token has expired'),
    revoked: unauthorized('the token was revoked'),
  },
  forbidden: () => phonepeError(403, 'FORBIDDEN', 'The token does not allow this'),
};

/**
 * An access token that looks like a JWT, as PhonePe's do. Like the documented sample's, its `expiresOn` contradicts the
 * fields of the answer: it lies in the past, so that nobody gets away with reading it.
 */
export function phonepeAccessToken(): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const head = part({ alg: 'HS256', typ: 'JWT' });
  const claims = part({ expiresOn: 1_720_635_321_996, merchantId: 'SIMULATOR' });
  return `${head}.${claims}.${randomBytes(32).toString('base64url')}`;
}

const LOST = {
  404: { success: false, code: 'NOT_FOUND', message: 'API mapping not found', data: {} },
  405: { success: false, code: 'METHOD_NOT_ALLOWED', message: 'The method is not allowed here', data: {} },
} as const;

export const phonepeLost: Kind['lost'] = (status) => LOST[status];
