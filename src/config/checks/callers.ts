import type { CallerConfig, CertificateName, RouteConfig } from '../config.ts';
import { ReloadableCredentials } from '../credentials.ts';
import type { Problems } from '../diagnostics/problems.ts';
import { didYouMean } from '../diagnostics/suggest.ts';
import type { CallerData, ConfigData } from '../schema.ts';
import { ALL, callerDigest, callerTokenError } from '../schema/callers.ts';
import { ChildLocation, find, nearest, type MapNode, type Node, type ScalarNode } from '../yaml/tree.ts';
import { NO_KEYS } from './credential-keys.ts';
import type { Judge } from './credential-text.ts';
import type { ReadRoute } from './routes.ts';

/** A caller of the config, whose tokens can be read again. */
export interface ReadCaller extends CallerConfig {
  readonly tokens: ReloadableCredentials;
}

const judge: Judge = {
  errorOf: (_, text) => callerTokenError(text),
  errorsOfDefaults: () => [],
  keysOf: () => NO_KEYS,
};

/**
 * Reads the callers. Undefined when the config has no `callers`. Reports `conflicting_keys`, `missing_key`, `invalid_value`,
 * `duplicate_name`, `duplicate_identity`, `unknown_route` and `unused_route`.
 */
export function readCallers(
  root: MapNode,
  data: ConfigData,
  routes: readonly ReadRoute[],
  nowMs: number,
  problems: Problems,
): readonly ReadCaller[] | undefined {
  const list = find(root, 'callers');
  if (data.callers === undefined || list?.kind !== 'list') return undefined;
  if (list.items.length === 0) {
    const help = 'add one, or remove `callers`';
    problems.error('invalid_value', list, 'there is no caller, so nobody could come in', help);
  }
  if (data.listen.accessTokens.length > 0) {
    const message = '`listen.access_tokens` and `callers` exclude each other';
    const help = 'make a caller of each access token: `{ name: …, token: …, routes: "*" }`';
    problems.error('conflicting_keys', nearest(root, 'listen', 'access_tokens'), message, help);
  }
  const taken = new Taken(problems);
  const callers = data.callers.flatMap((caller, i) => {
    const node = list.items[i];
    if (caller === undefined || node === undefined) return [];
    const read = readCaller(node, caller, data, problems);
    taken.add(node, read, caller);
    checkRoutes(node, read, routes, problems);
    return read;
  });
  if (!problems.isBrokenBelow(list)) checkUse(root, callers, routes, nowMs, problems);
  return callers;
}

function readCaller(node: Node, data: CallerData, { listen }: ConfigData, problems: Problems): ReadCaller {
  if (data.token && data.tokens.length > 0) {
    const message = '`token` and `tokens` exclude each other';
    problems.error('conflicting_keys', nearest(node, 'tokens'), message, 'list all of them in `tokens`');
  }
  const certificate = readCertificateName(node, data, problems);
  if (certificate && !listen.tls?.clientCa) {
    const help = 'add `listen.tls` with `client_ca`: the CA that vouches for the certificates of callers';
    problems.error('missing_key', nearest(node, 'certificate'), 'no client certificate is asked for', help);
  }
  const tokens: readonly ScalarNode[] = [...(data.token ? [data.token] : []), ...data.tokens];
  if (tokens.length === 0 && !certificate && !problems.isBrokenBelow(node)) {
    const help = 'add `token:` (`outrider token-for NAME` makes one) or `certificate:`';
    problems.error('missing_key', new ChildLocation(node, 'token'), 'nothing shows who this caller is', help);
  }
  const entries = tokens.map((token, i) => ({
    name: data.token ? 'token' : `tokens[${i}]`,
    node: token,
    isSecret: true,
    mayBeEmpty: false,
    format: 'text' as const,
  }));
  const routes = data.routes ?? [];
  return {
    name: data.name,
    tokens: new ReloadableCredentials(entries, new Map(), judge),
    certificate,
    routes: routes.includes(ALL) ? ALL : routes,
    methods: data.methods,
    paths: data.paths,
    rate: data.rate,
    concurrent: data.concurrent,
    expiresAtMs: data.expires,
  };
}

function readCertificateName(node: Node, { certificate }: CallerData, problems: Problems): CertificateName | undefined {
  if (!certificate) return undefined;
  const given = (['uri', 'dns', 'cn'] as const).flatMap((kind) => {
    const name = certificate[kind];
    return name === undefined ? [] : [{ kind, name: kind === 'dns' ? name.toLowerCase() : name }];
  });
  if (given.length !== 1 && !problems.isBrokenBelow(find(node, 'certificate'))) {
    const message = 'a caller is known by one name of its certificate';
    problems.error(
      'invalid_value',
      nearest(node, 'certificate'),
      message,
      'write `uri:`, `dns:` or `cn:`, one of them',
    );
  }
  return given[0];
}

/** Names and identities that callers have already. */
class Taken {
  readonly #problems: Problems;
  readonly #names = new Set<string>();
  readonly #identities = new Map<string, string>();

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  add(node: Node, { name, tokens, certificate }: ReadCaller, data: CallerData): void {
    if (this.#names.has(name)) {
      const message = `a caller before is called "${name}" too`;
      this.#problems.error('duplicate_name', nearest(node, 'name'), message, 'give each caller a name of its own');
    }
    this.#names.add(name);
    const shown = [...tokens.current.values.values()].map(callerDigest);
    for (const digest of new Set(shown)) this.#identity(nearest(node, data.token ? 'token' : 'tokens'), name, digest);
    if (certificate) this.#identity(nearest(node, 'certificate'), name, `${certificate.kind} ${certificate.name}`);
  }

  #identity(place: Node, name: string, identity: string): void {
    const owner = this.#identities.get(identity);
    if (owner !== undefined && !this.#problems.isBrokenBelow(place)) {
      const help = 'give each caller a token or certificate of its own';
      this.#problems.error('duplicate_identity', place, `the caller "${owner}" shows the same`, help);
    }
    this.#identities.set(identity, owner ?? name);
  }
}

function checkRoutes(node: Node, { routes }: CallerConfig, known: readonly ReadRoute[], problems: Problems): void {
  if (routes === ALL) return;
  const names = known.map(({ route }) => route.name);
  for (const [i, name] of routes.entries()) {
    if (names.includes(name)) continue;
    const help = didYouMean(name, names, 'routes');
    problems.error('unknown_route', nearest(node, 'routes', i), `no route is called "${name}"`, help);
  }
}

/** Whether one of the paths of a caller can be a path of the route. */
const meets = (pattern: string, path: string): boolean => {
  const prefix = path === '/' ? '/' : `${path}/`;
  const below = pattern.endsWith('/*') ? pattern.slice(0, -1) : undefined;
  return pattern === path || pattern.startsWith(prefix) || (below !== undefined && path.startsWith(below));
};

/** Whether a caller may make any request of a route. */
function mayUse(caller: CallerConfig, { name, match }: RouteConfig, nowMs: number): boolean {
  const { routes, methods, paths, expiresAtMs = Infinity } = caller;
  const isOne = routes === ALL || routes.includes(name);
  const hasMethod =
    [methods, match.methods].some(({ length }) => length === 0) || methods.some((one) => match.methods.includes(one));
  const { path } = match;
  const hasPath = paths.length === 0 || path === undefined || paths.some((pattern) => meets(pattern, path));
  return isOne && hasMethod && hasPath && expiresAtMs > nowMs;
}

function checkUse(
  root: MapNode,
  callers: readonly CallerConfig[],
  routes: readonly ReadRoute[],
  nowMs: number,
  problems: Problems,
): void {
  for (const { route, node } of routes) {
    if (callers.some((caller) => mayUse(caller, route, nowMs))) continue;
    const help = `add "${route.name}" to the \`routes\` of a caller, or remove the route`;
    problems.warning('unused_route', node, `no caller may use the route "${route.name}"`, help);
  }
  const isCaUnused = callers.every(({ certificate }) => certificate === undefined);
  const clientCa = find(root, 'listen', 'tls', 'client_ca');
  if (!clientCa || !isCaUnused) return;
  problems.warning(
    'unused_key',
    clientCa,
    'no caller is known by a certificate',
    'give one `certificate:`, or remove it',
  );
}
