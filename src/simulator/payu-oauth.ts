import { bearerEndpoint, tokenEndpoint } from './oauth.ts';
import type { GrantType } from './oauth.ts';
import { PAYU_OAUTH_ERRORS, payuBearerWords, payuLost, payuTokenWords } from './payu-words.ts';
import { randomHex } from './tokens.ts';
import type { SimulatorAnswer, Call, Endpoint, ErrorWords, Kind } from './types.ts';

/** A token of PayU: seconds, with what is granted and when it was made. A part of a second is rounded up. */
const issuer = (scopes: { known: readonly string[]; max: number }, grantTypes: readonly GrantType[]) =>
  tokenEndpoint({
    path: '/oauth/token',
    credentials: ['client_id', 'client_secret'],
    grantTypes,
    scopes,
    make: () => randomHex(32),
    words: payuTokenWords,
    answer: ({ accessToken, scope, issuedAtMs, expiresAtMs }) => ({
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: Math.ceil((expiresAtMs - issuedAtMs) / 1000),
      scope: scope.join(' '),
      created_at: Math.floor(issuedAtMs / 1000),
    }),
  });

/** One API path of a PayU product and the scope that its token must hold. */
export type ScopedPath = readonly [
  method: string,
  path: string,
  scope: string,
  answer: (call: Call) => SimulatorAnswer,
];

export interface PayuProduct {
  readonly scopes: readonly string[];
  /** Scopes in one token. */
  readonly maxScopes: number;
  readonly credentials?: Readonly<Record<string, string>>;
  readonly grantTypes?: readonly GrantType[];
  readonly paths: readonly ScopedPath[];
  readonly examples: Kind['examples'];
  readonly errors: readonly ErrorWords[];
}

/** A PayU product behind the OAuth service that they all share. */
export function payuProduct(product: PayuProduct): Kind {
  const {
    scopes: known,
    maxScopes: max,
    credentials,
    grantTypes = ['client_credentials'],
    paths,
    examples,
    errors,
  } = product;
  return {
    token: '/oauth/token',
    api: '',
    credentials: { client_id: 'test', client_secret: 'test', ...credentials },
    lifetimeMs: 7_200_000,
    lost: payuLost,
    endpoints: [
      issuer({ known, max }, grantTypes),
      ...paths.map(([method, path, scope, answer]): Endpoint =>
        bearerEndpoint(payuBearerWords, method, path, answer, scope),
      ),
    ],
    examples,
    errors: [...errors, ...PAYU_OAUTH_ERRORS],
  };
}
