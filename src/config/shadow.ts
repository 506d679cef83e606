import { pathOf, wholeApiPaths } from './api-paths.ts';
import type { RouteConfig, RouteMatch } from './config.ts';
import type { Problems } from './problems.ts';
import type { ReadProvider } from './providers.ts';
import type { ReadRoute } from './routes.ts';
import { find, nearest } from './tree.ts';

/** With more headers than that only the most obvious rivals are looked for. */
const MAX_HEADERS = 6;

const asKey = (parts: readonly string[]): string => JSON.stringify(parts);

/**
 * Warns of routes that never win at the forward doors (`shadowed_upstream`). Of routes with one upstream the earlier wins there, each
 * below the `api_paths` of its profile before the others; `match.path` and `match.hosts` count for nothing.
 *
 * A route is lost when earlier ones take its methods wherever it could win: below each of its api paths, or, without any, wherever
 * there is none. Longer upstreams and longer api paths of others always leave something.
 */
export function checkShadows(
  routes: readonly ReadRoute[],
  providers: ReadonlyMap<string, ReadProvider>,
  problems: Problems,
): void {
  const taken = new Map<string, Taken>();
  for (const { route, node } of routes) {
    if (problems.isBrokenBelow(find(node, 'match'))) continue;
    const slots = slotsOf(route, providers);
    const winners = slots.map((slot) => taken.get(slot)?.winnersOver(route.match));
    if (slots.length > 0 && !winners.includes(undefined)) {
      const names = [...new Set(winners.flat())].map((winner) => `"${winner?.name}"`).join(', ');
      problems.warning(
        'shadowed_upstream',
        nearest(node, 'upstream'),
        `the route "${route.name}" never wins at the forward doors: its upstream is taken by ${names} before it`,
        'put it before the others, or tell them apart by `methods` or `headers`: a path and hosts count at the base-URL door alone',
      );
    }
    for (const slot of slots) {
      let here = taken.get(slot);
      if (!here) taken.set(slot, (here = new Taken()));
      here.add(route);
    }
  }
}

/** The places where a route could win: host and port, upstream path, api path. None while its provider is not understood. */
function slotsOf({ upstream, provider: name }: RouteConfig, providers: ReadonlyMap<string, ReadProvider>): string[] {
  const provider = name === undefined ? undefined : providers.get(name);
  if (name !== undefined && provider?.config === undefined) return [];
  const urlOf = (url: string | undefined): string | undefined =>
    // The simulator has a place of its own for each provider.
    url?.startsWith('/') ? `http://${encodeURIComponent(name ?? '')}.simulator.localhost${url}` : url;
  const api = urlOf(provider?.endpoints['api']);
  const url = upstream ?? api;
  if (url === undefined) return [];
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/\.$/, '');
  const usual = protocol === 'https:' ? '443' : '80';
  // What is asked for in plain HTTP is carried over TLS where the route wants it.
  const ports = protocol === 'https:' && port === '' ? ['443', '80'] : [port || usual];
  const paths = wholeApiPaths(provider?.config?.profile.apiPaths ?? [], url, api);
  return ports.flatMap((each) =>
    (paths.length > 0 ? paths : ['']).map((path) => asKey([host, each, pathOf(url), path])),
  );
}

/** What the routes of one place have taken so far. */
class Taken {
  /** By the headers that they want, then by the method. */
  readonly #byHeaders = new Map<string, Map<string, RouteConfig>>();

  add(route: RouteConfig): void {
    const { headers, methods } = route.match;
    const key = asKey(sorted(headers).flat());
    let byMethod = this.#byHeaders.get(key);
    if (!byMethod) this.#byHeaders.set(key, (byMethod = new Map<string, RouteConfig>()));
    for (const method of methods.length > 0 ? methods : ['*']) if (!byMethod.has(method)) byMethod.set(method, route);
  }

  /** The routes that together leave nothing to one that comes after them; undefined when something is left. */
  winnersOver({ headers, methods }: RouteMatch): readonly RouteConfig[] | undefined {
    const rivals = subsets(sorted(headers)).flatMap((some) => this.#byHeaders.get(asKey(some.flat())) ?? []);
    const winners = (methods.length > 0 ? methods : ['*']).map((method) =>
      rivals.map((rival) => rival.get('*') ?? rival.get(method)).find((winner) => winner !== undefined),
    );
    return winners.includes(undefined) ? undefined : (winners as RouteConfig[]);
  }
}

type Header = readonly [name: string, value: string];

const sorted = (headers: ReadonlyMap<string, string>): readonly Header[] =>
  [...headers].toSorted(([a], [b]) => (a < b ? -1 : 1));

/** Every choice of some headers, in their order: a route that wants fewer of them matches all the more. */
function subsets(headers: readonly Header[]): readonly (readonly Header[])[] {
  if (headers.length > MAX_HEADERS) return [[], headers];
  return headers.reduce<readonly (readonly Header[])[]>(
    (all, header) => [...all, ...all.map((some) => [...some, header])],
    [[]],
  );
}
