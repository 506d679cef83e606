import type { ProviderConfig } from '../config/config.ts';
import type { Clock } from '../core/clock.ts';
import { OutriderError } from '../core/errors.ts';
import type { Events } from '../core/events.ts';
import type { HttpClient } from '../core/http.ts';
import type { RunProgram } from '../core/program.ts';
import type { Tracing } from '../core/tracing.ts';
import { oncePerInterval } from '../core/once-per-interval.ts';
import type { TlsIdentity } from '../core/tls.ts';
import type { TokenRecord, TokenStore } from '../store/store.ts';
import type { Authorizer } from './authorizer.ts';
import { type DraftStart, EMPTY_REQUEST, RequestDraft } from './draft.ts';
import { siteOf } from './path.ts';
import { compilePlan, type GuardedEndpoint, type Plan, type TokenPlan } from './plan.ts';
import { compileRejectionRules, NO_REJECTION } from './rejection-rules.ts';
import { RouteAuthorizer, type RouteParts } from './route.ts';
import { Scope } from './scope.ts';
import { type Subject, Subjects } from './subjects.ts';
import type { Compiled } from './template.ts';
import type { ByteString } from '../core/byte-string.ts';
import type { TokenCall } from './token/call.ts';
import { createTokenRequest } from './token/endpoint.ts';
import { createProgramRequest } from './token/program.ts';
import { warnOnce } from './token/warn-once.ts';
import { TokenSource } from './token/source.ts';
import type { TokenStanding } from './token/standing.ts';
import { Waiting } from './token/waiting.ts';

/** What the authentication of a provider works with. */
export interface AuthDeps {
  /** Endpoint name → absolute URL; for a simulated provider, the simulator's. */
  readonly endpoints: Readonly<Record<string, string>>;
  readonly store: TokenStore;
  readonly clock: Clock;
  readonly events: Events;
  readonly http: HttpClient;
  /** How TLS is spoken to the token endpoint, now; by default without a certificate of ours. */
  readonly tls?: () => TlsIdentity | undefined;
  /** Runs the program that a profile gets its tokens from; by default none is run. */
  readonly run?: RunProgram;
  /** The time limit of a token call, unless the profile has one for its program, with the fallback from a refused refresh included. */
  readonly tokenTimeoutMs: number;
  /** The limit of requests of this provider that wait for a token. */
  readonly maxWaiting: number;
  /** Spreads renewals and back-offs over time, so that replicas don't act at once; `Math.random` by default. */
  readonly random?: () => number;
  /** The limit of subjects whose tokens are kept; 10 000 by default. */
  readonly maxSubjects?: number;
  /** Traces renewals. Undefined while tracing is off. */
  readonly tracing?: Tracing | undefined;
}

/** The authentication of one provider. */
export interface ProviderAuth {
  /** The authorizer for a route whose requests go to the absolute URL `upstream`. */
  forUpstream(upstream: string): Authorizer;
  /**
   * The current token; it is fetched if there is none, or in any case with `renew`. Throws `token_unavailable`, `overloaded`,
   * and `bad_request` for a provider with a token per subject.
   */
  token(options: { readonly renew: boolean }): Promise<TokenRecord>;
  /** Renews the token now, because a person asks for it. Throws `renewed_recently`, and what {@link ProviderAuth.token} throws. */
  renewByHand(): Promise<TokenRecord>;
  /** The state of the token. Where tokens belong to users, it is that of the user who came last. Undefined when there is none. */
  readonly standing: TokenStanding | undefined;
  /** How many users have tokens. Undefined when tokens don't belong to users. */
  readonly subjects: number | undefined;
  /** The token endpoint that callers must not reach; undefined when there is none. */
  readonly tokenEndpoint: GuardedEndpoint | undefined;
  /**
   * The access and refresh tokens that the log hides. For a provider with a token per subject, these are the tokens of the
   * subjects used last.
   */
  secretTexts(): Iterable<string>;
  /** Stops renewal in the background. Requests under way are still served. */
  close(): void;
}

const MAX_SUBJECTS = 10_000;
const MAX_HIDDEN_SUBJECTS = 100;

/** Compiles a provider's profile. The network is not used until a request needs a token. */
export function createProviderAuth(provider: ProviderConfig, deps: AuthDeps): ProviderAuth {
  const plan = compilePlan(provider, deps.endpoints);
  const { token } = plan;
  // When a dropped subject comes back, its generations continue above all dropped ones. So a late 401 is still recognised as
  // late.
  let dropped = 0;
  const create = createSubjects(provider, plan, deps, () => dropped);
  const everybody = create('', undefined);
  const subjects = new Subjects(deps.maxSubjects ?? MAX_SUBJECTS, create, ({ key, source }) => {
    dropped = Math.max(dropped, source?.generation ?? 0);
    if (token) void forget(deps.store, storeKey(token, key));
  });
  /** Returns the source of the one token. Throws when the provider uses none, or one for each user. */
  const onlySource = (): TokenSource => {
    const { source } = everybody;
    if (!source) throw new OutriderError('token_unavailable', { detail: `${provider.name} uses no token.` });
    if (token?.subject) {
      throw new OutriderError('bad_request', {
        detail: `The tokens of ${provider.name} belong to its users: only a user's request gets one.`,
        remedy: 'Send a request of a user through the proxy.',
      });
    }
    return source;
  };
  const rejection = token || plan.reused ? compileRejectionRules(provider.profile.renew) : NO_REJECTION;
  return {
    forUpstream: (upstream) =>
      new RouteAuthorizer({
        plan,
        rejection,
        site: siteOf(upstream, deps.endpoints['api']),
        clock: deps.clock,
        hasCertificate: upstream.startsWith('https:')
          ? () => provider.tls?.current.certificate !== undefined
          : () => false,
        subjectOf: createSubjectOf(plan, everybody, subjects),
      }),
    async token({ renew }) {
      const source = onlySource();
      return renew ? source.renew() : (source.current() ?? source.wait({ isGone: false }, 'manual'));
    },
    async renewByHand() {
      return onlySource().renewByHand();
    },
    get standing() {
      const [last = everybody] = token?.subject ? subjects.newest(1) : [];
      return last.source?.standing;
    },
    get subjects() {
      return token?.subject ? subjects.size : undefined;
    },
    tokenEndpoint: token?.endpoint,
    *secretTexts() {
      for (const { source } of [everybody, ...subjects.newest(MAX_HIDDEN_SUBJECTS)]) {
        const { accessToken, refreshToken } = source?.newest ?? {};
        if (accessToken !== undefined) yield accessToken;
        if (refreshToken !== undefined) yield refreshToken;
      }
    },
    close() {
      everybody.source?.close();
      subjects.close();
    },
  };
}

function createSubjects(
  provider: ProviderConfig,
  plan: Plan,
  deps: AuthDeps,
  dropped: () => number,
): (text: ByteString, key: string | undefined) => Subject {
  const { token, credentials } = plan;
  const { store, clock, events, http, tls = () => undefined, run = runNothing } = deps;
  const waiting = new Waiting(deps.maxWaiting, (change) => events.emit('waiting', change));
  const warn = warnOnce(provider.name, events);
  const isNews = oncePerInterval(clock);
  const tell = (stderr: string, hasFailed: boolean): void => {
    const fields = { provider: provider.name, stderr };
    events.emit('notice', { level: hasFailed ? 'warn' : 'info', message: 'the token program wrote to stderr', fields });
  };
  return (text, key) => {
    const subject: Subject = { key, text, source: undefined, request: undefined, rendered: undefined };
    if (!token) return subject;
    const timeoutMs = provider.profile.token?.program?.timeoutMs ?? deps.tokenTimeoutMs;
    const endpoint = { ...token, api: deps.endpoints['api'], credentials, clock, http, tls, timeoutMs, warn };
    const call = token.program
      ? createProgramRequest({ ...endpoint, program: token.program, run, tell }, text)
      : createTokenRequest({ ...endpoint, fetch: token.fetch as TokenCall }, text);
    subject.source = new TokenSource({
      key: storeKey(token, key),
      provider: provider.name,
      renew: provider.profile.renew,
      store,
      clock,
      events,
      waiting,
      random: deps.random ?? Math.random,
      after: dropped(),
      canRefresh: token.refresh !== undefined,
      callTimeoutMs: timeoutMs,
      credentialsVersion: () => credentials.resolve().version,
      // All subjects share one endpoint, so its outage is reported once, not once for each subject.
      isNews: key === undefined ? () => true : isNews,
      tracing: deps.tracing,
      call: (last, trace) => call(last, subject.request ? new RequestDraft(subject.request) : EMPTY_REQUEST, trace),
    });
    return subject;
  };
}

const runNothing: RunProgram = () => Promise.reject(new Error('no program is run here'));

async function forget(store: TokenStore, key: string): Promise<void> {
  try {
    await store.delete(key);
  } catch {
    // The record expires without us.
  }
}

function storeKey({ storeKey: provider }: TokenPlan, subject: string | undefined): string {
  return subject === undefined ? provider : `${provider}/${subject}`;
}

/** Creates the function that finds whose token a request needs. It throws `bad_request` when the request doesn't say. */
function createSubjectOf(plan: Plan, everybody: Subject, subjects: Subjects): RouteParts['subjectOf'] {
  const { token } = plan;
  if (!token) return () => everybody;
  const { subject: template, reads } = token;
  if (!template && reads === 'nothing') return () => everybody;
  return (request, site) => {
    const draft: DraftStart = { ...request, ...site };
    const subject = template ? subjects.get(nameSubject(plan, template, draft)) : everybody;
    if (reads !== 'nothing') subject.request = reads === 'body' ? draft : { ...draft, body: null };
    return subject;
  };
}

function nameSubject(plan: Plan, template: Compiled, start: DraftStart): ByteString {
  const { values: credentials } = plan.credentials.resolve();
  const request = new RequestDraft(start);
  const scope = new Scope({ credentials, token: undefined, subject: '', request, now: () => 0 });
  const text = template.render(scope).trim();
  if (text !== '') return text;
  const [header] = plan.privateHeaders;
  throw new OutriderError('bad_request', {
    detail: `The request does not say whose token it needs${header ? `: send the header ${header}` : ''}.`,
  });
}
