import type { BearerWords, TokenWords } from './oauth.ts';
import type { Answer, Kind } from './types.ts';

/** An OAuth error as PayU's accounts service phrases it. */
export const payuError = (status: number, error: string, error_description: string): Answer => ({
  status,
  body: { error, error_description },
});

const challenged = (status: number, error: string, description: string): Answer => ({
  ...payuError(status, error, description),
  headers: {
    'www-authenticate': `Bearer realm="PayU", error="${error}", error_description="${description.replaceAll('"', "'")}"`,
  },
});

export const payuTokenWords: TokenWords = {
  malformed: ({ status, detail }) =>
    payuError(
      status,
      'invalid_request',
      `The request is missing a required parameter, includes an unsupported parameter value, or is otherwise malformed: ${detail}.`,
    ),
  wrongClient: () =>
    challenged(
      401,
      'invalid_client',
      'Client authentication failed due to unknown client, no client authentication included, or unsupported authentication method.',
    ),
  wrongGrant: () =>
    payuError(
      400,
      'unsupported_grant_type',
      'The authorization grant type is not supported by the authorization server.',
    ),
  wrongScope: (detail) => payuError(400, 'invalid_scope', detail),
  wrongRefresh: () => payuError(400, 'invalid_grant', 'The provided authorization grant is invalid.'),
};

const invalidToken = (description: string) => (): Answer => challenged(401, 'invalid_token', description);

export const payuBearerWords: BearerWords = {
  scheme: 'Bearer',
  rejected: {
    missing: invalidToken('The access token is invalid'),
    unknown: invalidToken('The access token is invalid'),
    expired: invalidToken('The access token expired'),
    revoked: invalidToken('The access token was revoked'),
  },
  forbidden: (scope) => challenged(403, 'insufficient_scope', `Access to this resource requires scope "${scope}".`),
};

const LOST = {
  404: { status: -1, message: 'No such resource', result: null, errorCode: null, guid: null },
  405: { status: -1, message: 'Request method not supported', result: null, errorCode: null, guid: null },
} as const;

export const payuLost: Kind['lost'] = (status) => LOST[status];
