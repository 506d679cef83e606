import { createHash } from 'node:crypto';
import type { ProviderConfig } from '../config/config.ts';
import { simulatedEnvironments } from '../config/environments.ts';
import type { TemplateMap, TokenSpec } from '../config/profile/profile.ts';
import type { RawHeaders } from '../core/headers.ts';
import { Credentials, secretCredentials } from './credentials.ts';
import { EMPTY_REQUEST } from './draft.ts';
import { compileEchoes, type Echoes } from './echoes.ts';
import { compileJwt, type CompiledJwt } from './jwt.ts';
import { compileInject, type Step, stepNeedsBody } from './inject.ts';
import { ReusedJwts } from './reused-jwts.ts';
import { Scope } from './scope.ts';
import { compileSignature } from './sign.ts';
import type { Signature } from './signature.ts';
import { type Compile, type Compiled, createCompiler, isStable, readsBody, readsToken } from './template.ts';
import { compileTokenCalls, type TokenEndpoint } from './token/endpoint.ts';
import { compileTokenProgram, type TokenProgram } from './token/program.ts';
import { compilePlaceholder, type PlaceholderAnswer } from './token/placeholder.ts';
import { compileWhen, type When } from './when.ts';

/** A condition under which a request is refused with `bad_body`, and the detail of that error. */
export interface Refusal {
  readonly when: When;
  readonly detail: string;
}

/** A compiled profile: everything about a provider that doesn't change between requests. */
export interface Plan {
  readonly credentials: Credentials;
  readonly steps: readonly Step[];
  readonly signatures: readonly Signature[];
  readonly refusals: readonly Refusal[];
  readonly token: TokenPlan | undefined;
  /** The JWTs that some template uses, by name. */
  readonly jwts: ReadonlyMap<string, CompiledJwt>;
  /** Undefined when no JWT is used again. */
  readonly reused: ReusedJwts | undefined;
  /**
   * Whether the credential is only headers, equal for all requests with the same token and version of the credentials. Then
   * rendered headers can be cached.
   */
  readonly isPlain: boolean;
  /** The entries of `steps` and `signatures` that contain a part of the token. */
  readonly carriesToken: ReadonlySet<Step | Signature>;
  /** The secrets in requests, for which answers are searched. */
  readonly echoes: Echoes;
  /** Names of request headers, in lower case, that are never forwarded. */
  readonly privateHeaders: readonly string[];
  /** The template names whose values must not be shown: `credentials.client_secret`. */
  readonly secretNames: ReadonlySet<string>;
  /** The methods that some signature is limited to, for the field `Allow` (RFC 9110 §10.2.1). */
  readonly signedMethods: readonly string[];
  /** Whether a request with this method and these headers can be authorized only with its whole body. */
  needsBody(method: string, headers: RawHeaders): boolean;
}

/** How a provider gets its tokens, compiled. */
export interface TokenPlan extends Pick<TokenEndpoint, 'read' | 'fetch' | 'refresh' | 'api'> {
  /** The program that gives the tokens, in place of `fetch`. */
  readonly program: TokenProgram | undefined;
  /** Renders the subject whose token a request needs; undefined when all requests share one token. */
  readonly subject: Compiled | undefined;
  /**
   * The part of the caller's request that the templates of the token call read. `head` is everything but the body; `body` is
   * all of it.
   */
  readonly reads: 'nothing' | 'head' | 'body';
  /**
   * The token endpoint that callers must not reach. Undefined for a token per subject: such callers may exchange grants of
   * their own.
   */
  readonly endpoint: GuardedEndpoint | undefined;
  /**
   * The start of this provider's keys in the store. It contains a digest of everything that the token is requested with, so a
   * changed provider never finds a token of its old self.
   */
  readonly storeKey: string;
}

/** A token endpoint that callers must not reach. */
export interface GuardedEndpoint {
  /**
   * Absolute URLs of the endpoint: the one in the profile's token call, if it is fixed, and `endpoints.token` of the
   * environment.
   */
  readonly urls: readonly string[];
  /** Absolute URLs of the endpoints that the simulator stands in for. */
  readonly standInUrls: readonly string[];
  /** The method of the profile's token call. */
  readonly method: string;
  /** The answer to a caller that requests a token itself. `nowMs` is epoch milliseconds. */
  readonly placeholder: (nowMs: number) => PlaceholderAnswer;
}

const TOKEN_SECRETS = ['token.access_token', 'token.refresh_token', 'token.subject'];

/**
 * Compiles a provider's profile.
 * @param endpoints Endpoint name → absolute URL; for a simulated provider, the simulator's.
 */
export function compilePlan(provider: ProviderConfig, endpoints: Readonly<Record<string, string>>): Plan {
  const { profile, environment } = provider;
  const context = { endpoints, scope: provider.scope.join(' '), values: profile.values };
  const privateHeaders = subjectHeaders(profile.token?.subject, context);
  const ownSecrets = [...secretCredentials(profile.credentials, environment)].map((name) => `credentials.${name}`);
  const secretNames = new Set([
    ...TOKEN_SECRETS,
    ...ownSecrets,
    ...privateHeaders.map((name) => `request.headers.${name}`),
  ]);
  const jwts = new Map<string, CompiledJwt>();
  const compile = createCompiler({
    ...context,
    jwt(name, compileInner) {
      const spec = profile.jwt[name];
      const jwt = spec && compileJwt(name, spec, compileInner);
      if (jwt) jwts.set(name, jwt);
      return jwt;
    },
    secretNames,
  });
  const credentials = new Credentials(profile.credentials, environment, provider.credentials, compile);
  const steps = compileInject(profile.inject, compile);
  const signatures = profile.sign.map((entry) => compileSignature(entry, compile));
  const refusals = profile.refusals.map(({ when, detail }): Refusal => ({ when: compileWhen(when), detail }));
  const token = compileToken(provider, endpoints, credentials, compile);
  const isHeader = ({ place, name, value }: Step): boolean => place === 'header' && isStable(name) && isStable(value);
  const alwaysNeedsBody = steps.some(stepNeedsBody) || token?.reads === 'body';
  return {
    credentials,
    steps,
    signatures,
    refusals,
    token,
    jwts,
    reused: jwts.values().some(({ reuseMs }) => reuseMs !== undefined)
      ? new ReusedJwts(profile.renew.cooldownMs)
      : undefined,
    carriesToken: new Set([
      ...steps.filter(({ name, value }) => readsToken(name) || readsToken(value)),
      ...signatures.filter((signature) => signature.readsToken),
    ]),
    echoes: compileEchoes(steps, signatures, ownSecrets, compile),
    isPlain: signatures.length === 0 && refusals.length === 0 && privateHeaders.length === 0 && steps.every(isHeader),
    privateHeaders,
    secretNames,
    signedMethods: [...new Set(signatures.flatMap(({ when }) => when.methods ?? []))],
    needsBody: (method, headers) =>
      alwaysNeedsBody ||
      signatures.some((one) => (one.when.methods?.includes(method) ?? true) && one.needsBody(headers)) ||
      [...signatures, ...refusals].some(({ when }) => when.needsBody(method, headers)),
  };
}

function compileToken(
  provider: ProviderConfig,
  endpoints: Readonly<Record<string, string>>,
  credentials: Credentials,
  compile: Compile,
): TokenPlan | undefined {
  const spec = provider.profile.token;
  if (!spec) return undefined;
  const calls = compileTokenCalls(spec, compile);
  const subject = spec.subject === undefined ? undefined : compile(spec.subject);
  const program = spec.program && compileTokenProgram(spec.program, compile);
  const names = [calls.fetch, calls.refresh, program].flatMap((call) => [...(call?.names ?? [])]);
  const readsHead = names.some((name) => name.startsWith('request.'));
  const bodies = [subject, { names: new Set(names) }].some((part) => part && readsBody(part));
  return {
    ...calls,
    program,
    api: endpoints['api'],
    subject,
    reads: bodies ? 'body' : readsHead ? 'head' : 'nothing',
    endpoint: subject ? undefined : guardedEndpoint(provider, spec, endpoints, compile),
    storeKey: `${provider.name}@${fingerprint(provider, endpoints, credentials)}`,
  };
}

function guardedEndpoint(
  provider: ProviderConfig,
  spec: TokenSpec,
  endpoints: Readonly<Record<string, string>>,
  compile: Compile,
): GuardedEndpoint | undefined {
  const { values } = provider.profile;
  const urls = tokenUrls(spec, values, endpoints);
  if (urls.length === 0 && !spec.fetch) return undefined;
  return {
    urls,
    standInUrls: simulatedEnvironments(provider).flatMap((other) => tokenUrls(spec, values, other)),
    method: spec.fetch?.method ?? 'POST',
    placeholder: compilePlaceholder(spec, compile),
  };
}

/** Where tokens are fetched from with these endpoints. */
function tokenUrls(
  { fetch }: TokenSpec,
  values: TemplateMap,
  endpoints: Readonly<Record<string, string>>,
): readonly string[] {
  const url = fetch && createCompiler({ endpoints, scope: '', values, secretNames: new Set() })(fetch.url);
  const isFixed = url && [...url.names].every((name) => name.startsWith('endpoints.'));
  const called = isFixed ? [url.render(NO_SCOPE)] : [];
  const urls = [...called, ...(endpoints['token'] === undefined ? [] : [endpoints['token']])];
  return [...new Set(urls)].filter((text) => URL.canParse(text));
}

/** An empty scope, for templates that read nothing from it. */
const NO_SCOPE = new Scope({
  credentials: new Map(),
  token: undefined,
  subject: '',
  request: EMPTY_REQUEST,
  now: () => 0,
});

/**
 * A digest of everything that the token is requested with, except secrets: after a secret is rotated, the token that the old
 * one obtained stays in use.
 */
function fingerprint(
  { profile, environment, scope }: ProviderConfig,
  endpoints: Readonly<Record<string, string>>,
  credentials: Credentials,
): string {
  const secrets = secretCredentials(profile.credentials, environment);
  const open = [...credentials.resolve().values].filter(([name]) => !secrets.has(name));
  const { token, jwt } = profile;
  const call = { ...token, placeholder: undefined, ...(Object.keys(jwt).length > 0 && { jwt }) };
  const asked = JSON.stringify([environment, endpoints, scope, call, open]);
  return createHash('sha256').update(asked).digest('hex').slice(0, 12);
}

function subjectHeaders(
  subject: string | undefined,
  context: Omit<Parameters<typeof createCompiler>[0], 'secretNames'>,
): string[] {
  if (subject === undefined) return [];
  const { names } = createCompiler({ ...context, secretNames: new Set() })(subject);
  return [...names]
    .filter((name) => name.startsWith('request.headers.'))
    .map((name) => name.slice('request.headers.'.length));
}
