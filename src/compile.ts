import type { AuthDeps, ProviderAuth } from './auth/provider.ts';
import { createProviderAuth } from './auth/provider.ts';
import { createVerifier } from './auth/verify/verifier.ts';
import { wholeApiPaths } from './config/checks/api-paths.ts';
import type { Config, CredentialSnapshot, CredentialSource, ProviderConfig, RouteConfig } from './config/config.ts';
import { carryCredentials } from './config/credentials.ts';
import { simulatedEnvironments } from './config/environments.ts';
import { originOfDestination } from './core/authority.ts';
import { basePathOf } from './core/path.ts';
import type { TlsIdentity, TlsSource } from './core/tls.ts';
import type { CompiledCallback, CompiledConfig, CompiledRoute, StandIn } from './proxy/compiled-config.ts';
import { checkHostAddress, destinationOfUrl, type Destination } from './proxy/destination.ts';
import { createRequestHeaders } from './proxy/forwarded-headers.ts';
import { createCallers } from './proxy/callers.ts';
import { createForwardDoor } from './proxy/doors/forward.ts';
import { createGuard, type Guard } from './proxy/guard.ts';
import { searchable } from './proxy/scrub.ts';
import { createRouter } from './proxy/router.ts';
import type { Join } from './proxy/target.ts';
import { createTokenEndpoints } from './proxy/token-endpoints.ts';

/** Endpoint name → absolute URL. */
export type Endpoints = Readonly<Record<string, string>>;

const AS_IT_IS: Join = { cut: 0, basePath: '' };

/** What the compiled parts work with. */
export interface CompileDeps extends Omit<AuthDeps, 'endpoints' | 'tls' | 'tokenTimeoutMs' | 'maxWaiting'> {
  /** The name of this proxy in `Via` (RFC 9110 §7.6.3): `outrider-<id>`. */
  readonly pseudonym: string;
  /** Gives the final endpoints of a provider. Those of a simulated provider have the simulator's origin. */
  readonly endpointsOf: (provider: ProviderConfig) => Endpoints;
}

/** The route name in logs and metrics of a request that was relayed without a route. */
const UNMATCHED = '(unmatched)';

/**
 * A provider's credentials across reloads. Readers keep this one source while the config behind it changes. Its version grows
 * with each change, whichever config the change comes from.
 */
class LiveCredentials implements CredentialSource {
  #source: CredentialSource;
  #seen: CredentialSnapshot;
  #current: CredentialSnapshot;

  constructor(source: CredentialSource) {
    this.#source = source;
    this.#seen = source.current;
    this.#current = source.current;
  }

  get current(): CredentialSnapshot {
    const seen = this.#source.current;
    if (seen !== this.#seen) {
      this.#seen = seen;
      this.#current = { version: this.#current.version + 1, values: seen.values, keys: seen.keys };
    }
    return this.#current;
  }

  follow(source: CredentialSource): void {
    this.#source = source;
  }
}

/** How TLS is spoken to a provider's token endpoint, across reloads. */
class LiveTls {
  #source: TlsSource | undefined;

  constructor(source: TlsSource | undefined) {
    this.#source = source;
  }

  get current(): TlsIdentity | undefined {
    return this.#source?.current;
  }

  follow(source: TlsSource | undefined): void {
    this.#source = source;
  }
}

/** A provider's tokens with what they depend on. It survives a reload that doesn't change the provider. */
interface LiveProvider {
  readonly auth: ProviderAuth;
  readonly identity: string;
  readonly credentials: LiveCredentials;
  readonly tokenTls: LiveTls;
}

/** A compiled config with its live parts: the providers and their tokens. */
export interface LiveConfig extends CompiledConfig {
  readonly config: Pick<Config, 'providers'>;
  readonly providers: ReadonlyMap<string, LiveProvider>;
  readonly routes: readonly CompiledRoute[];
  /** Makes the providers that were kept from the config before read their credentials from this one. */
  takeOver(): void;
  /** The tokens in use, which the log hides. */
  secretTexts(): Iterable<string>;
  /** Closes the providers that `next` has not kept; all of them for undefined. */
  retire(next: LiveConfig | undefined): void;
}

/**
 * Compiles a config: computes everything that can be known before the first request.
 * @param before The config that this one replaces. Providers that did not change are kept, with their tokens and their calls
 * under way.
 */
export function compileConfig(
  config: Pick<
    Config,
    'listen' | 'callers' | 'forward' | 'limits' | 'timeouts' | 'replay' | 'providers' | 'routes' | 'callbacks'
  >,
  deps: CompileDeps,
  before?: LiveConfig,
): LiveConfig {
  if (before) carryCredentials(before.config.providers, config.providers);
  const endpoints = new Map(
    [...config.providers.values()].map((provider) => [provider.name, deps.endpointsOf(provider)]),
  );
  const { providers, handovers } = carryOverProviders(config, deps, endpoints, before);
  const tokenEndpoints = createTokenEndpoints(
    [...config.providers.values()].map(({ name, placeholder = true }) => ({
      name,
      endpoint: providers.get(name)?.auth.tokenEndpoint,
      hasPlaceholder: placeholder,
    })),
  );
  const keepNothing = { ...config.replay, spoolBytes: 0 };
  const routes = config.routes.map((route): CompiledRoute => {
    const upstream = upstreamOf(route, endpoints);
    const url = new URL(upstream);
    const authorizer =
      route.provider === undefined ? undefined : providers.get(route.provider)?.auth.forUpstream(upstream);
    // If no answer can reject a request, the request is never sent again, so its body needn't be kept.
    const isKept = route.replay !== false && (authorizer?.rejectStatuses.size ?? 0) > 0;
    return {
      name: route.name,
      match: route.match,
      provider: route.provider,
      origin: url.origin,
      tls: route.provider === undefined ? undefined : config.providers.get(route.provider)?.tls,
      join: {
        cut:
          route.stripPrefix && route.match.path !== undefined && route.match.path !== '/' ? route.match.path.length : 0,
        basePath: basePathOf(upstream),
      },
      doorPath: AS_IT_IS,
      apiPaths: apiPathsOf(route, config, endpoints, upstream),
      standsInFor: standInsOf(route, config),
      requestHeaders: createRequestHeaders(
        authorizer && route.scrub === 'strict' ? searchable(route.headers) : route.headers,
        `1.1 ${deps.pseudonym}`,
      ),
      authorizer,
      timeouts: route.timeouts,
      replays: route.replay !== false,
      keep: isKept && route.replay ? route.replay : keepNothing,
      tokenEndpoints: tokenEndpoints.at(destinationOfUrl(upstream)),
      scrub: route.scrub,
      websocket: route.websocket,
      answer: route.answer,
    };
  });
  const forwardAsItIs = createRequestHeaders({ set: new Map(), remove: [] }, `1.1 ${deps.pseudonym}`);
  const relay = (destination: Destination): CompiledRoute => {
    checkHostAddress(destination.host);
    return {
      name: UNMATCHED,
      match: { path: undefined, methods: [], hosts: [], headers: new Map() },
      provider: undefined,
      origin: originOfDestination(destination),
      tls: undefined,
      join: AS_IT_IS,
      doorPath: AS_IT_IS,
      apiPaths: [],
      standsInFor: undefined,
      requestHeaders: forwardAsItIs,
      authorizer: undefined,
      timeouts: config.timeouts,
      replays: false,
      keep: keepNothing,
      tokenEndpoints: undefined,
      scrub: 'off',
      websocket: false,
      answer: 'upstream',
      isUnmatched: true,
    };
  };
  return {
    router: createRouter(routes),
    tokenEndpoints,
    guard: compileGuard(config),
    callers: config.callers && createCallers(config.callers, config.routes, before?.callers?.usage),
    forwardDoor: createForwardDoor(
      config.forward,
      routes.filter(({ answer }) => answer === 'upstream'),
      relay,
      tokenEndpoints,
    ),
    callbacks: compileCallbacks(config, deps, endpoints),
    limits: config.limits,
    config,
    providers,
    routes,
    takeOver() {
      for (const handOver of handovers) handOver();
    },
    *secretTexts() {
      for (const { auth } of providers.values()) yield* auth.secretTexts();
    },
    retire(next) {
      for (const [name, provider] of providers) if (next?.providers.get(name) !== provider) provider.auth.close();
    },
  };
}

/** Compiles the guard of the listener for requests. */
export const compileGuard = ({ listen, routes }: Pick<Config, 'listen' | 'routes'>): Guard =>
  createGuard(
    listen,
    routes.flatMap((route) => route.match.hosts),
  );

/** Headers that only this proxy may set, however programs spell them. The name is in lower case. */
const isOurMark = (lower: string): boolean => /^outrider[^a-z0-9]/.test(lower);

function compileCallbacks(
  { callbacks, providers, timeouts }: Pick<Config, 'callbacks' | 'providers' | 'timeouts'>,
  { pseudonym, clock }: CompileDeps,
  endpoints: ReadonlyMap<string, Endpoints>,
): ReadonlyMap<string, CompiledCallback> {
  return new Map(
    callbacks.map((callback): [string, CompiledCallback] => {
      const { name, timeoutMs, windowMs, duplicates } = callback;
      const provider = providers.get(callback.verify);
      if (!provider) throw new Error(`callback ${name} has no provider`);
      const verifier = createVerifier(provider, endpoints.get(provider.name) ?? {}, clock);
      const { origin } = new URL(callback.forward);
      const headers = { set: new Map([['Outrider-Verified', name]]), remove: verifier.fixedHeaders };
      return [
        callback.path,
        {
          name,
          timeoutMs,
          windowMs,
          duplicates,
          route: `callback:${name}`,
          provider: provider.name,
          verifier,
          origin,
          target: callback.forward.slice(origin.length) || '/',
          requestHeaders: createRequestHeaders(headers, `1.1 ${pseudonym}`, isOurMark),
          timeouts: { connectMs: Math.min(timeouts.connectMs, timeoutMs), responseMs: timeoutMs, idleMs: timeoutMs },
        },
      ];
    }),
  );
}

/** The providers of a new config, and what `takeOver` has to connect. */
interface Continued {
  readonly providers: ReadonlyMap<string, LiveProvider>;
  readonly handovers: readonly (() => void)[];
}

/**
 * Gives the providers of a config, and keeps those of `before` that did not change. The result holds no reference to `before`,
 * so that old configs can be collected.
 */
function carryOverProviders(
  config: Pick<Config, 'timeouts' | 'limits' | 'providers'>,
  deps: CompileDeps,
  endpoints: ReadonlyMap<string, Endpoints>,
  before: LiveConfig | undefined,
): Continued {
  const providers = new Map<string, LiveProvider>();
  const handovers: (() => void)[] = [];
  for (const provider of config.providers.values()) {
    const own = endpoints.get(provider.name) ?? {};
    const identity = identityOf(provider, own, config);
    const known = before?.providers.get(provider.name);
    if (known?.identity === identity) {
      handovers.push(() => {
        known.credentials.follow(provider.credentials);
        known.tokenTls.follow(provider.tokenTls);
      });
      providers.set(provider.name, known);
      continue;
    }
    const credentials = new LiveCredentials(provider.credentials);
    const tokenTls = new LiveTls(provider.tokenTls);
    const auth = createProviderAuth(
      { ...provider, credentials },
      {
        ...deps,
        endpoints: own,
        tls: () => tokenTls.current,
        tokenTimeoutMs: config.timeouts.tokenMs,
        maxWaiting: config.limits.waiting,
      },
    );
    providers.set(provider.name, { auth, identity, credentials, tokenTls });
  }
  return { providers, handovers };
}

function upstreamOf(route: RouteConfig, endpoints: ReadonlyMap<string, Endpoints>): string {
  const upstream =
    route.upstream ?? (route.provider === undefined ? undefined : endpoints.get(route.provider)?.['api']);
  if (upstream === undefined) throw new Error(`route ${route.name} has no upstream`);
  return upstream;
}

function apiPathsOf(
  { provider }: RouteConfig,
  { providers }: Pick<Config, 'providers'>,
  endpoints: ReadonlyMap<string, Endpoints>,
  upstream: string,
): readonly string[] {
  if (provider === undefined) return [];
  return wholeApiPaths(providers.get(provider)?.profile.apiPaths ?? [], upstream, endpoints.get(provider)?.['api']);
}

/** The URLs that a route to its provider's simulator stands in for. A route with an upstream of its own stands in for none. */
function standInsOf(
  { provider: name, upstream }: RouteConfig,
  { providers }: Pick<Config, 'providers'>,
): readonly StandIn[] | undefined {
  const provider = name === undefined || upstream !== undefined ? undefined : providers.get(name);
  if (!provider) return undefined;
  return simulatedEnvironments(provider).flatMap(({ api }) =>
    api === undefined
      ? []
      : {
          origin: new URL(api).origin,
          basePath: basePathOf(api),
          apiPaths: wholeApiPaths(provider.profile.apiPaths, api, api),
        },
  );
}

/**
 * Text that is equal for two configs when the tokens of one are good for the other. Secrets are left out: a token stays good
 * when a secret changes.
 */
function identityOf(
  { profile, environment, scope, credentials }: ProviderConfig,
  endpoints: Endpoints,
  { timeouts, limits }: Pick<Config, 'timeouts' | 'limits'>,
): string {
  const open = [...credentials.current.values].filter(([name]) => profile.credentials[name]?.secret !== true);
  return JSON.stringify([profile, environment, scope, endpoints, open, timeouts.tokenMs, limits.waiting]);
}
