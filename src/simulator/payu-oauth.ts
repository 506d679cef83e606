import { bearerEndpoint, tokenEndpoint } from './oauth.ts';
import type { GrantType } from './oauth.ts';
import { PAYU_OAUTH_ERRORS, payuBearerWords, payuLost, payuTokenWords } from './payu-words.ts';
import { randomHex } from './tokens.ts';
import type { SimulatorAnswer, Call, Endpoint, ErrorWords, Kind } from './types.ts';

/** PayU's token endpoint. Times are in seconds; a lifetime is rounded up to a whole second. */
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

/** One API path of a PayU product, with the scope that its token must have. */
export type ScopedPath = readonly [
  method: string,
  path: string,
  scope: string,
  answer: (call: Call) => SimulatorAnswer,
];

/** How one product of PayU differs from others. */
export interface PayuProduct {
  readonly scopes: readonly string[];
  /** The most scopes that one token can have. */
  readonly maxScopes: number;
  readonly credentials?: Readonly<Record<string, string>>;
  readonly grantTypes?: readonly GrantType[];
  readonly paths: readonly ScopedPath[];
  readonly examples: Kind['examples'];
  readonly errors: readonly ErrorWords[];
}

/** Creates the kind for a PayU product. All products share one OAuth service. */
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
