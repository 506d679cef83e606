import { hostOf } from '../../auth/token/failure.ts';
import type { ProviderConfig, RouteConfig } from '../../config/config.ts';
import type { TlsIdentity } from '../../core/tls.ts';

/** An address that requests go to. */
export interface Target {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Host, and the port where it is not the usual one. */
  readonly host: string;
  /** Where it stands in the config, for a remedy. */
  readonly setting: string;
  readonly tls?: TlsIdentity | undefined;
}

/** A provider and the routes that use it, or the routes that use none. */
export interface Subject {
  readonly provider: ProviderConfig | undefined;
  readonly routes: readonly RouteConfig[];
}

/** Whether a URL of a provider is one of the simulator's, which has no origin yet. */
const isSimulated = (url: string | undefined): boolean => url?.startsWith('/') ?? false;

/** Whether the simulator stands in for a provider, wholly or in part. */
export const hasSimulator = ({ provider }: Subject): boolean =>
  Object.values(provider?.endpoints ?? {}).some(isSimulated);

/** Where the requests and token calls of a subject go, the simulator aside; an address that several keys name is one. */
export function targetsOf({ provider, routes }: Subject): readonly (Target & { readonly isToken: boolean })[] {
  const token = provider?.profile.token && provider.endpoints['token'];
  const isReal = provider !== undefined && token !== undefined && !isSimulated(token);
  const first = isReal
    ? { ...targetOf(token, settingOf(provider, 'token')), tls: provider.tokenTls?.current }
    : undefined;
  const rest = targetsOfRoutes(routes, provider);
  const others = rest.filter(({ origin, tls }) => origin !== first?.origin || tls !== first.tls);
  return [...(first ? [{ ...first, isToken: true }] : []), ...others];
}

function targetsOfRoutes(
  routes: readonly RouteConfig[],
  provider: ProviderConfig | undefined,
): readonly (Target & { readonly isToken: false })[] {
  const found = new Map<string, Target & { readonly isToken: false }>();
  for (const { name, upstream } of routes) {
    const url = upstream ?? provider?.endpoints['api'];
    if (url === undefined || isSimulated(url)) continue;
    const isOwn = provider !== undefined && url === provider.endpoints['api'];
    const target = targetOf(url, isOwn ? settingOf(provider, 'api') : `\`upstream\` of the route ${name}`);
    if (!found.has(target.origin)) found.set(target.origin, { ...target, tls: provider?.tls?.current, isToken: false });
  }
  return [...found.values()];
}

/** Where an endpoint of a provider stands, for a remedy; those of an environment nobody has written into the config. */
export function settingOf({ profile, environment, endpoints }: ProviderConfig, name: string): string {
  const isOfEnvironment = profile.environments[environment ?? '']?.[name] === endpoints[name];
  return `\`endpoints.${name}\`${isOfEnvironment ? ` (it is that of the environment ${environment})` : ''}`;
}

const targetOf = (url: string, setting: string): Target => ({
  origin: new URL(url).origin,
  host: hostOf(url),
  setting,
});
