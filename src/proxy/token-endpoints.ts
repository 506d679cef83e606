import type { Clock } from '../core/clock.ts';
import type { GuardedEndpoint } from '../auth/plan.ts';
import type { PlaceholderAnswer } from '../auth/token/placeholder.ts';
import { OutriderError } from '../core/errors.ts';
import { isPlainPath, lenientPath, pathOfUrl } from '../core/path.ts';
import { type Destination, destinationOfUrl, keyOf, placesOf } from './destination.ts';

/** A provider, as far as its token endpoint is concerned. Callers don't reach that endpoint. */
export interface TokenProvider {
  readonly name: string;
  /** Undefined when it has none, or when its tokens belong to users, who may exchange their own grants. */
  readonly endpoint: GuardedEndpoint | undefined;
  /** Whether a caller who asks for a token gets a placeholder. If not, it is refused. */
  readonly hasPlaceholder: boolean;
}

/** A request on its way to a provider, which may be a call of the token endpoint. */
export interface BoundTokenEndpoint {
  /** The path at the provider, as it would be sent, without the query. */
  readonly path: string;
  readonly method: string;
  /** The provider of its route; undefined when there is none. */
  readonly provider: string | undefined;
  /** Whether the URL alone tells whose endpoint it is: at a forward door, when no route with a provider leads there. */
  readonly isByUrl: boolean;
}

/** The token endpoints at one origin. */
export interface TokenEndpointsAt {
  /** Whose they are. */
  readonly providers: readonly string[];
  /**
   * Returns the placeholder answer for a request that would reach a token endpoint, and the name of its provider. Returns
   * undefined when the request reaches none. Throws `token_endpoint_denied` when no placeholder is due.
   */
  answer(
    bound: BoundTokenEndpoint,
    clock: Clock,
  ): { readonly provider: string; readonly answer: PlaceholderAnswer } | undefined;
}

/** The token endpoints of all providers. */
export interface TokenEndpoints {
  /** The hosts of the endpoints, as `URL` writes them. */
  readonly hosts: ReadonlySet<string>;
  /** Returns the token endpoints at the origin of a route; undefined when there are none. */
  at(origin: Pick<Destination, 'host' | 'port'>): TokenEndpointsAt | undefined;
  /** The same for the origin of a URL to which no route leads. Those that simulators stand in for come last. */
  atUrl(origin: Pick<Destination, 'host' | 'port'>): TokenEndpointsAt | undefined;
}

interface Entry extends TokenProvider {
  readonly endpoint: GuardedEndpoint;
  readonly destination: Destination;
  readonly path: string;
}

/**
 * Compiles the token endpoints of a config. An endpoint at port 443 is found at port 80 too: a forward door takes an `http` URL
 * for a route to the `https` one.
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

/** The endpoints by host and port, in the order of the providers. */
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
    providers: all.map(({ name }) => name),
    answer({ path, method, provider, isByUrl }, clock) {
      // A quick way out: nearly all paths are plain, and have another length than the endpoints'.
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
