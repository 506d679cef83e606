import { readForm } from './read.ts';
import type { Problem } from './read.ts';
import type { Issue, Token, TokenState } from './tokens.ts';
import type { SimulatorAnswer, Call, Endpoint } from './types.ts';

/** The error answers of a token endpoint, in the words of one family of providers. */
export interface TokenWords {
  readonly malformed: (problem: Problem) => SimulatorAnswer;
  readonly wrongClient: () => SimulatorAnswer;
  readonly wrongGrant: () => SimulatorAnswer;
  readonly wrongScope: (detail: string) => SimulatorAnswer;
  readonly wrongRefresh: () => SimulatorAnswer;
}

/** A value of `grant_type`: a text, or the credential that holds it. */
export type GrantType = string | { readonly credential: string };

/** How the token endpoint of one provider differs from others. */
export interface TokenDialect {
  readonly path: string;
  /** The form fields that must equal the credentials of the same names. */
  readonly credentials: readonly string[];
  /** The accepted values of `grant_type` for a new token. */
  readonly grantTypes: readonly GrantType[];
  /** If given, `scope` is a required field: 1 to `max` of the `known` scopes, separated by spaces. */
  readonly scopes?: { readonly known: readonly string[]; readonly max: number };
  /**
   * If given, a call with `refresh_token` is a refresh. It has one of these grant types, and the old access token as `token`.
   */
  readonly refreshGrantTypes?: readonly string[];
  /** Whether `Accept` must be there and allow JSON, because the provider documents it. */
  readonly needsAccept?: boolean;
  /** Makes the text of an access token. */
  readonly make: () => string;
  readonly words: TokenWords;
  /** The body of a successful answer. */
  readonly answer: (token: Token) => unknown;
}

const REFRESH_FIELDS = ['token', 'refresh_token'];

const acceptsJson = (call: Call): boolean =>
  (call.header('accept') ?? '')
    .split(',')
    .some((range) => /^\s*(application\/json|application\/\*|\*\/\*)\s*(;|$)/i.test(range));

/** Why the fields are not the wanted ones: one is missing or there are others. Undefined if they are. */
function wrongField(form: ReadonlyMap<string, string>, wanted: readonly string[]): string | undefined {
  for (const name of wanted) if (!form.get(name)) return `${name} is missing`;
  return form.size > wanted.length ? 'the form has a field that is not known here' : undefined;
}

function scopeProblem(
  asked: readonly string[],
  { known, max }: { known: readonly string[]; max: number },
): string | undefined {
  if (asked.some((scope) => !known.includes(scope))) return 'The requested scope is invalid, unknown, or malformed.';
  return asked.length > max
    ? `The requested scope is invalid: at most ${max} scopes are allowed in a token.`
    : undefined;
}

/**
 * Creates a token endpoint (RFC 6749 §4.4, §6) that is strict about method, encoding and fields: it accepts exactly the
 * documented ones.
 */
export function tokenEndpoint(dialect: TokenDialect): Endpoint {
  const { words } = dialect;

  const answer = (call: Call): SimulatorAnswer => {
    const { provider } = call;
    if (dialect.needsAccept && !acceptsJson(call))
      return words.malformed({ status: 400, detail: 'Accept must be application/json' });
    if (call.query.size > 0) return words.malformed({ status: 400, detail: 'the parameters belong into the body' });
    const read = readForm(call);
    if ('problem' in read) return words.malformed(read.problem);
    const form = read.value;

    const isRefresh = dialect.refreshGrantTypes !== undefined && form.has('refresh_token');
    const wanted = [...dialect.credentials, 'grant_type'];
    if (isRefresh) wanted.push(...REFRESH_FIELDS);
    else if (dialect.scopes) wanted.push('scope');
    const detail = wrongField(form, wanted);
    if (detail) return words.malformed({ status: 400, detail });

    const allowed: readonly (string | undefined)[] = isRefresh
      ? dialect.refreshGrantTypes
      : dialect.grantTypes.map((type) => (typeof type === 'string' ? type : provider.credentials[type.credential]));
    if (!allowed.includes(form.get('grant_type') ?? '')) return words.wrongGrant();
    if (dialect.credentials.some((name) => form.get(name) !== provider.credentials[name])) return words.wrongClient();

    const scope = dialect.scopes ? (form.get('scope') ?? '').split(' ').filter(Boolean) : [];
    const wrongScope = dialect.scopes && scopeProblem(scope, dialect.scopes);
    if (wrongScope) return words.wrongScope(wrongScope);

    const issue: Issue = { make: dialect.make, lifetimeMs: provider.lifetimeMs, scope };
    const token = isRefresh
      ? provider.tokens.refresh(form.get('refresh_token') as string, form.get('token') as string, issue)
      : provider.tokens.issue(issue);
    return token ? { status: 200, body: dialect.answer(token), headers: NO_STORE } : words.wrongRefresh();
  };

  return { method: 'POST', path: dialect.path, role: 'token', answer };
}

const NO_STORE = { 'cache-control': 'no-store' };

/** Whether a token call looks like a refresh by its body. It is used for the counts only. */
export const isRefreshCall = (body: Uint8Array): boolean =>
  /(^|&)refresh_token=/.test(Buffer.from(body).toString('latin1'));

/** The answers to a rejected access token, in the words of one family of providers. */
export interface BearerWords {
  readonly scheme: string;
  readonly rejected: Readonly<Record<Exclude<TokenState, 'valid'> | 'missing', () => SimulatorAnswer>>;
  readonly forbidden: (scope: string) => SimulatorAnswer;
}

/**
 * The answer to a call whose `Authorization` is not accepted; undefined if it is. `scope` is required of the token unless it is
 * undefined.
 */
export function refuseBearer(call: Call, words: BearerWords, scope: string | undefined): SimulatorAnswer | undefined {
  const { tokens } = call.provider;
  const [scheme, token = '', ...rest] = (call.header('authorization') ?? '').split(' ');
  if (scheme !== words.scheme || !token || rest.length > 0) return { ...words.rejected.missing(), rejected: true };
  const state = tokens.state(token);
  if (state !== 'valid') return { ...words.rejected[state](), rejected: true };
  if (scope !== undefined && !tokens.find(token)?.scope.includes(scope))
    return { ...words.forbidden(scope), rejected: true };
  return undefined;
}

/** Creates an API endpoint that requires an access token, and `scope` if given. */
export const bearerEndpoint = (
  words: BearerWords,
  method: string,
  path: string,
  answer: (call: Call) => SimulatorAnswer,
  scope?: string,
): Endpoint => ({
  method,
  path,
  role: 'api',
  answer: (call) => refuseBearer(call, words, scope) ?? answer(call),
});
