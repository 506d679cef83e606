import { randomBytes } from 'node:crypto';
import { hinted } from './hint.ts';
import type { BearerWords, TokenWords } from './oauth.ts';
import type { Problem } from './read.ts';
import { randomHex } from './tokens.ts';
import type { SimulatorAnswer, ErrorWords, Kind } from './types.ts';

/** An error of PhonePe PG, with the two keys that its pages show. */
export const phonepeError = (status: number, code: string, message: string): SimulatorAnswer => ({
  status,
  body: { code, message },
});

/** An error of the services behind X-VERIFY. */
export const xVerifyError = (status: number, code: string, message: string): SimulatorAnswer => ({
  status,
  body: { success: false, code, message, data: {} },
});

const PROBLEM_CODES = { 400: 'BAD_REQUEST', 415: 'UNSUPPORTED_MEDIA_TYPE' } as const;
const BAD_REQUEST = 'Please check the inputs you have provided.';
const problemAs =
  (error: typeof phonepeError) =>
  ({ status, detail }: Problem): SimulatorAnswer =>
    hinted(error(status, PROBLEM_CODES[status], BAD_REQUEST), detail);

/** The error of PhonePe PG for a request that can't be read or carried out. */
export const phonepeProblem = problemAs(phonepeError);
/** The same error of the services behind X-VERIFY. */
export const xVerifyProblem = problemAs(xVerifyError);

/** An error of PhonePe's identity manager. `INVALID_CLIENT` with status 400 was observed there. */
const identityError = (status: number, code: string, title: string, description: string): SimulatorAnswer => ({
  status,
  body: {
    code,
    errorCode: 'OIM000',
    message: `${title}, trackingId: ${randomHex(3)}`,
    context: { error_description: description },
  },
});

/** The errors of PhonePe's token endpoint. */
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

const unauthorized = (reason: string) => (): SimulatorAnswer =>
  phonepeError(401, 'AUTHORIZATION_FAILED', `Incorrect Authorization header: ${reason}`);

/** The errors of PhonePe PG for an access token. Every rejection is a 401, whatever its cause. */
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
 * Makes an access token that looks like a JWT, as PhonePe's do. As in the documented sample, its `expiresOn` contradicts the
 * fields of the answer. It lies in the past, so that a client that reads it fails.
 */
export function phonepeAccessToken(): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const head = part({ alg: 'HS256', typ: 'JWT' });
  const claims = part({ expiresOn: 1_720_635_321_996, merchantId: 'SIMULATOR' });
  return `${head}.${claims}.${randomBytes(32).toString('base64url')}`;
}

const LOST = {
  404: phonepeError(404, 'NOT_FOUND', 'API mapping not found').body,
  405: phonepeError(405, 'METHOD_NOT_ALLOWED', 'The method is not allowed here').body,
} as const;

/** The answers of PhonePe PG to an unknown path or method. */
export const phonepeLost: Kind['lost'] = (status) => LOST[status];
/** The same answers of the services behind X-VERIFY. */
export const xVerifyLost: Kind['lost'] = (status) => ({ success: false, ...(LOST[status] as object), data: {} });

/** The errors that every path has. PhonePe's pages don't show these words. */
export const PHONEPE_OWN: readonly ErrorWords[] = [
  { answer: '415 UNSUPPORTED_MEDIA_TYPE', when: 'the body has another Content-Type' },
  { answer: '404 NOT_FOUND', when: 'there is no such path' },
  { answer: '405 METHOD_NOT_ALLOWED', when: 'the path has no such method' },
];

/** The errors of the token endpoint, except those about the client. */
export const PHONEPE_TOKEN_OWN: readonly ErrorWords[] = [
  { answer: '400 BAD_REQUEST', when: 'the token call lacks a field or has one too many' },
  { answer: '400 UNSUPPORTED_GRANT_TYPE', when: 'the token call has another grant_type' },
];
