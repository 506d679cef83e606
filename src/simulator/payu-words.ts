import { hinted } from './hint.ts';
import type { BearerWords, TokenWords } from './oauth.ts';
import type { SimulatorAnswer, ErrorWords, Kind } from './types.ts';

/** An OAuth error in the words of PayU's accounts service. */
export const payuError = (status: number, error: string, error_description: string): SimulatorAnswer => ({
  status,
  body: { error, error_description },
});

const challenged = (status: number, error: string, description: string): SimulatorAnswer => ({
  ...payuError(status, error, description),
  headers: {
    'www-authenticate': `Bearer realm="PayU", error="${error}", error_description="${description.replaceAll('"', "'")}"`,
  },
});

const invalidClient = (): SimulatorAnswer =>
  challenged(
    401,
    'invalid_client',
    'Client authentication failed due to unknown client, no client authentication included, or unsupported authentication method.',
  );

/**
 * The errors of PayU's token endpoint. By PayU's page, a wrong grant type is `invalid_client`, and a missing field has status
 * 401; RFC 6749 §5.2 says otherwise for both.
 */
export const payuTokenWords: TokenWords = {
  malformed: ({ detail }) =>
    hinted(
      payuError(
        401,
        'invalid_request',
        'The request is missing a required parameter, includes an unsupported parameter value, or is otherwise malformed.',
      ),
      detail,
    ),
  wrongClient: () => hinted(invalidClient(), 'client_id or client_secret is wrong'),
  wrongGrant: () => hinted(invalidClient(), 'grant_type is not the one of this provider'),
  wrongScope: (detail) => payuError(400, 'invalid_scope', detail),
  wrongRefresh: () => payuError(400, 'invalid_grant', 'The provided authorization grant is invalid.'),
};

const invalidToken = (description: string) => (): SimulatorAnswer => challenged(401, 'invalid_token', description);

/** The errors of PayU's APIs for an access token (RFC 6750 §3.1). */
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

/** PayU's answers to an unknown path or method. */
export const payuLost: Kind['lost'] = (status) => LOST[status];

/** The errors of unknown paths and methods. PayU's pages don't show them. */
export const PAYU_LOST: readonly ErrorWords[] = [
  { answer: '404 No such resource', when: 'there is no such path' },
  { answer: '405 Request method not supported', when: 'the path has no such method' },
];

const ACCOUNTS = 'https://docs.payu.in/reference/validate_authcode_and_client_api';
const OTHER_GRANT = 'that it is so for client_credentials: the page is about another grant at the same address';

/** The errors of PayU's accounts service, and of APIs that take its tokens. */
export const PAYU_OAUTH_ERRORS: readonly ErrorWords[] = [
  { answer: '401 invalid_client', when: 'client_id or client_secret is wrong', source: ACCOUNTS, unsaid: OTHER_GRANT },
  { answer: '401 invalid_client', when: 'grant_type is another', source: ACCOUNTS, unsaid: OTHER_GRANT },
  { answer: '401 invalid_request', when: 'the token call lacks a field', source: ACCOUNTS, unsaid: OTHER_GRANT },
  { answer: '401 invalid_request', when: 'the token call has a field too many, or is no form' },
  { answer: '400 invalid_scope', when: 'a scope is not known, or there are too many' },
  { answer: '401 invalid_token', when: 'the access token is missing, unknown, expired or revoked' },
  { answer: '403 insufficient_scope', when: 'the access token lacks the scope of the call' },
  ...PAYU_LOST,
];
