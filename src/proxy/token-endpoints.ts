import type { Clock } from '../core/clock.ts';
import type { GuardedEndpoint } from '../auth/plan.ts';
import type { PlaceholderAnswer } from '../auth/token/placeholder.ts';
import { OutriderError } from '../core/errors.ts';
import { isPlainPath, lenientPath, pathOfUrl } from '../core/path.ts';
import { type Destination, destinationOfUrl, keyOf, placesOf } from './destination.ts';

/** A provider whose token endpoint no caller reaches. */
export interface TokenProvider {
  readonly name: string;
  /** Undefined: it has none, or its tokens belong to users, who may exchange their grants. */
  readonly endpoint: GuardedEndpoint | undefined;
  /** Whether a caller gets a placeholder; else it is refused. */
  readonly hasPlaceholder: boolean;
}

/** A request on its way to a provider. */
export interface BoundTokenEndpoint {
  /** The path at the provider, raw, without query. */
  readonly path: string;
  readonly method: string;
  /** The provider of its route. */
  readonly provider: string | undefined;
  /** Whether the URL itself says whose endpoint it is: at a forward door, where no provider's route leads there. */
  readonly isByUrl: boolean;
}

/** The token endpoints at one origin. */
export interface TokenEndpointsAt {
  /**
   * What a request gets that would reach one of them, and whose it is; undefined: it reaches none.
   * Throws `token_endpoint_denied`.
   */
  answer(
    bound: BoundTokenEndpoint,
    clock: Clock,
  ): { readonly provider: string; readonly answer: PlaceholderAnswer } | undefined;
}

export interface TokenEndpoints {
  /** Hosts that forward doors lead to for the endpoints' sake, as `URL` writes them. */
  readonly hosts: ReadonlySet<string>;
  /** Those at the origin of a route; undefined where there are none. */
  at(origin: Pick<Destination, 'host' | 'port'>): TokenEndpointsAt | undefined;
  /** Those at the origin of a URL to which no route leads: with those that simulators stand in for, after the others. */
  atUrl(origin: Pick<Destination, 'host' | 'port'>): TokenEndpointsAt | undefined;
}

interface Entry extends TokenProvider {
  readonly endpoint: GuardedEndpoint;
  readonly destination: Destination;
  readonly path: string;
}

/**
 * Compiles the token endpoints of a config. An `http` URL is carried over the route's own scheme, so port 80 stands for an
 * endpoint's port 443 too.
 */
export function createTokenEndpoints(providers: readonly TokenProvider[]): TokenEndpoints {
  const own = providers.flatMap((provider) => entriesOf(provider, provider.endpoint?.urls));
  const standIns = providers.flatMap((provider) => entriesOf(provider, provider.endpoint?.standInUrls));
  const all = [...own, ...standIns];
  const [places, urls] = [compilePlaces(own), compilePlaces(all)];
  return {
    hosts: new Set(all.map(({ destination }) => destination.host)),
    at: (origin) => places.get(keyOf(origin)),
    atUrl: (origin) => urls.get(keyOf(origin)),
  };
}

function entriesOf({ endpoint, ...provider }: TokenProvider, urls: readonly string[] = []): readonly Entry[] {
  if (!endpoint) return [];
  return urls.map((url) => ({
    ...provider,
    endpoint,
    destination: destinationOfUrl(url),
    path: pathOfUrl(url) || '/',
  }));
}

/** By host and port; of several at one place the first provider goes first. */
function compilePlaces(entries: readonly Entry[]): ReadonlyMap<string, TokenEndpointsAt> {
  const places = new Map<string, Entry[]>();
  for (const entry of entries) {
    for (const key of placesOf(entry.destination)) places.set(key, [...(places.get(key) ?? []), entry]);
  }
  return new Map([...places].map(([key, all]) => [key, compileAt(all)]));
}

function compileAt(all: readonly Entry[]): TokenEndpointsAt {
  const byPath = Map.groupBy(all, ({ path }) => lenientPath(path));
  const lengths = new Set([...byPath.keys()].flatMap(({ length }) => [length, length + 1]));
  return {
    answer({ path, method, provider, isByUrl }, clock) {
      // Nearly all paths are plain, and of another length.
      if (!lengths.has(path.length) && isPlainPath(path)) return undefined;
      const entries = byPath.get(lenientPath(path));
      const [first] = entries ?? [];
      if (!entries || !first) return undefined;
      const entry = entries.find(({ name }) => name === provider) ?? (isByUrl ? first : undefined);
      if (!entry)
        throw denied(`this is the token endpoint of "${first.name}", which is not the provider of this route`);
      if (!entry.hasPlaceholder) throw denied(`"${entry.name}" has \`placeholder: false\``);
      if (path !== entry.path) throw denied(`the path must be ${entry.path}, byte for byte, to get a placeholder`);
      if (method !== entry.endpoint.method) throw denied(`only ${entry.endpoint.method} gets a placeholder`);
      return { provider: entry.name, answer: entry.endpoint.placeholder(clock.now()) };
    },
  };
}

const denied = (why: string): OutriderError =>
  new OutriderError('token_endpoint_denied', { detail: `No caller reaches a token endpoint: ${why}.` });
