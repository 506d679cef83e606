import type { AuthDeps, ProviderAuth } from './auth/provider.ts';
import { createProviderAuth } from './auth/provider.ts';
import type { Config, ProviderConfig, RouteConfig } from './config/config.ts';
import type { Engine, Lane } from './proxy/lane.ts';
import { createForward } from './proxy/forward.ts';
import { createGuard } from './proxy/guard.ts';
import { createRouter } from './proxy/router.ts';

export type Endpoints = Readonly<Record<string, string>>;

export interface EngineDeps extends Omit<AuthDeps, 'endpoints' | 'tokenTimeoutMs' | 'maxWaiting'> {
  /** `outrider-<id>`. */
  readonly pseudonym: string;
  /** Final endpoints of a provider, the simulator's origin filled in. */
  readonly endpointsOf: (provider: ProviderConfig) => Endpoints;
}

export interface CompiledEngine extends Engine {
  readonly providers: ReadonlyMap<string, ProviderAuth>;
  readonly lanes: readonly Lane[];
  close(): void;
}

/** Compiles a config: everything that can be worked out before the first request. */
export function compileEngine(
  config: Pick<Config, 'listen' | 'limits' | 'timeouts' | 'replay' | 'providers' | 'routes'>,
  deps: EngineDeps,
): CompiledEngine {
  const endpoints = new Map(
    [...config.providers.values()].map((provider) => [provider.name, deps.endpointsOf(provider)]),
  );
  const providers = new Map(
    [...config.providers.values()].map((provider) => {
      const auth = createProviderAuth(provider, {
        ...deps,
        endpoints: endpoints.get(provider.name) ?? {},
        tokenTimeoutMs: config.timeouts.tokenMs,
        maxWaiting: config.limits.waiting,
      });
      return [provider.name, auth];
    }),
  );
  const lanes = config.routes.map((route): Lane => {
    const upstream = upstreamOf(route, endpoints);
    const url = new URL(upstream);
    return {
      name: route.name,
      match: route.match,
      provider: route.provider,
      origin: url.origin,
      join: {
        cut:
          route.stripPrefix && route.match.path !== undefined && route.match.path !== '/' ? route.match.path.length : 0,
        basePath: pathOf(upstream),
      },
      forward: createForward(route.headers, `1.1 ${deps.pseudonym}`),
      authorizer: route.provider === undefined ? undefined : providers.get(route.provider)?.forUpstream(upstream),
      timeouts: route.timeouts,
      replay: route.replay,
    };
  });
  return {
    router: createRouter(lanes),
    guard: createGuard(
      config.listen,
      config.routes.flatMap((route) => route.match.hosts),
    ),
    limits: config.limits,
    keep: config.replay,
    providers,
    lanes,
    close() {
      for (const provider of providers.values()) provider.close();
    },
  };
}

function upstreamOf(route: RouteConfig, endpoints: ReadonlyMap<string, Endpoints>): string {
  const upstream =
    route.upstream ?? (route.provider === undefined ? undefined : endpoints.get(route.provider)?.['api']);
  if (upstream === undefined) throw new Error(`route ${route.name} has no upstream`);
  return upstream;
}

/** The path of a URL as it was written: `URL` would normalise it. */
const pathOf = (url: string): string => /^[a-z]+:\/\/[^/?#]*([^?#]*)/i.exec(url)?.[1]?.replace(/\/$/, '') ?? '';
