import type { GuardedEndpoint } from '../auth/plan.ts';
import type { PlaceholderAnswer } from '../auth/token/placeholder.ts';
import { OutriderError } from '../core/errors.ts';
import { lenientPath } from '../core/path.ts';
import { type Destination, destinationOfUrl } from './destination.ts';

/** A provider whose token endpoint no caller reaches. */
export interface TokenProvider {
  readonly name: string;
  /** Undefined: it has none, or its tokens belong to users, who may exchange their grants. */
  readonly endpoint: GuardedEndpoint | undefined;
  /** Whether a caller gets a placeholder; else it is refused. */
  readonly hasPlaceholder: boolean;
}

/** A request on its way to a provider. */
export interface Bound {
  /** Scheme, host and port. */
  readonly origin: string;
  /** The path at the provider, raw, without query. */
  readonly path: string;
  readonly method: string;
  /** The provider of its route. */
  readonly provider: string | undefined;
  /** Whether its own URL names the endpoint, at a forward door. */
  readonly isForward: boolean;
  readonly hasRoute: boolean;
}

export interface TokenEndpoints {
  /** Hosts that forward doors lead to for the endpoints' sake, as `URL` writes them. */
  readonly hosts: ReadonlySet<string>;
  /** Whether an endpoint lies at this host and port. */
  isAt(host: string, port: number): boolean;
  /**
   * What a request gets that would reach an endpoint, and whose endpoint that is; undefined: it reaches none.
   * Throws `token_endpoint_denied`.
   */
  answer(bound: Bound, nowMs: number): { readonly provider: string; readonly answer: PlaceholderAnswer } | undefined;
}

interface Entry extends TokenProvider {
  readonly endpoint: GuardedEndpoint;
  readonly path: string;
}

const keyOf = ({ host, port }: Pick<Destination, 'host' | 'port'>): string => `${host}:${port}`;
const pathOf = (url: string): string => /^[a-z]+:\/\/[^/?#]*([^?#]*)/i.exec(url)?.[1] || '/';

/**
 * Compiles the token endpoints of a config. An `http` URL is carried over the route's own scheme, so port 80 stands for an
 * endpoint's port 443 too.
 */
export function createTokenEndpoints(providers: readonly TokenProvider[]): TokenEndpoints {
  /** By host and port, then by lenient path; the first provider first. */
  const places = new Map<string, Map<string, Entry[]>>();
  const hosts = new Set<string>();
  for (const provider of providers) {
    const { endpoint } = provider;
    for (const url of endpoint?.urls ?? []) {
      const { scheme, host, port } = destinationOfUrl(url);
      const path = pathOf(url);
      hosts.add(host);
      for (const at of scheme === 'https' && port === 443 ? [port, 80] : [port]) {
        const paths = places.get(keyOf({ host, port: at })) ?? new Map<string, Entry[]>();
        places.set(keyOf({ host, port: at }), paths);
        const entries = paths.get(lenientPath(path)) ?? [];
        paths.set(lenientPath(path), [...entries, { ...provider, endpoint: endpoint as GuardedEndpoint, path }]);
      }
    }
  }
  return {
    hosts,
    isAt: (host, port) => places.has(keyOf({ host, port })),
    answer(bound, nowMs) {
      const { origin, path, method, provider, isForward, hasRoute } = bound;
      if (places.size === 0) return undefined;
      const entries = places.get(keyOf(destinationOfUrl(origin)))?.get(lenientPath(path));
      const [first] = entries ?? [];
      if (!entries || !first) return undefined;
      const own = entries.find(({ name }) => name === provider);
      // A route with no provider of its own relays to a host; the URL itself says whose endpoint it is.
      const entry = own ?? (isForward && (!hasRoute || provider === undefined) ? first : undefined);
      if (!entry)
        throw denied(`this is the token endpoint of "${first.name}", which is not the provider of this route`);
      if (!entry.hasPlaceholder) throw denied(`"${entry.name}" has \`placeholder: false\``);
      if (path !== entry.path) throw denied(`the path must be ${entry.path}, byte for byte, to get a placeholder`);
      if (method !== entry.endpoint.method) throw denied(`only ${entry.endpoint.method} gets a placeholder`);
      return { provider: entry.name, answer: entry.endpoint.placeholder(nowMs) };
    },
  };
}

const denied = (why: string): OutriderError =>
  new OutriderError('token_endpoint_denied', { detail: `No caller reaches a token endpoint: ${why}.` });
