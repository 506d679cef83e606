import type { CallerConfig, CertificateName, CredentialSnapshot, RouteConfig } from '../config/config.ts';
import { ALL, callerDigest } from '../config/schema/callers.ts';
import { OutriderError } from '../core/errors.ts';
import { pathOfTarget } from '../core/path.ts';
import { TokenBucket } from '../core/token-bucket.ts';
import type { ClientCertificate } from '../http1/client-certificate.ts';
import { joinTarget, type Join } from './target.ts';

/** What a request shows of who makes it. */
export interface Identity {
  /** The SHA-256 of each token that came, in hex. */
  readonly digests: readonly string[];
  readonly certificate: ClientCertificate | undefined;
}

/** What a request wants to do. */
export interface Wish {
  readonly method: string;
  /** As it came, without the query. */
  readonly path: string;
  /** Undefined when no route leads there. */
  readonly route: { readonly name: string; readonly doorPath: Join } | undefined;
}

/** One caller of the config in use. */
export interface Caller {
  readonly name: string;
  /** Whether it may use every route with every method and path, and what is forwarded without a route. */
  readonly mayDoAnything: boolean;
  mayUseRoute(name: string): boolean;
  /** Whether one of its routes has this provider. */
  mayUseProvider(name: string): boolean;
  mayUseMethod(method: string): boolean;
  /** Why it may not do what a request wants, as a part of a sentence. Undefined: it may. */
  refusal(wish: Wish): string | undefined;
  /**
   * Counts one request against the rate and the concurrency. Throws `caller_limited`. Each call that doesn't throw is followed by
   * one of {@link leave} when the request has ended.
   */
  enter(nowMs: number): void;
  leave(): void;
}

/** The callers of one config. */
export interface Callers {
  /**
   * Finds the one caller that all of an identity belongs to. Throws `client_unauthenticated`.
   * @param nowMs The wall-clock time.
   * @param challenge What the answer to a stranger says besides: status and headers.
   */
  identify(identity: Identity, nowMs: number, challenge: object): Caller;
  /** Returns the caller of a name. Undefined when there is none, or it has expired. */
  named(name: string, nowMs: number): Caller | undefined;
  /** What goes on in the next config. */
  readonly usage: ReadonlyMap<string, Usage>;
}

/** Makes the error for a caller who may not do what it wants. It is the same whether a route is there or not. */
export const callerDenied = (): OutriderError =>
  new OutriderError('caller_denied', { detail: 'this caller may not make this request' });

const limited = (detail: string, retryAfterS: number): OutriderError =>
  new OutriderError('caller_limited', { detail, headers: ['Retry-After', String(retryAfterS)] });

/** What a caller uses: its rate, and a count of its requests under way. It outlives a reload. */
export class Usage {
  underWay = 0;
  readonly rate = new TokenBucket();
}

/** Makes the comparison of paths with those of a caller. */
function compilePaths(paths: readonly string[]): (path: string) => boolean {
  if (paths.length === 0) return () => true;
  const exact = new Set(paths);
  const prefixes = paths.flatMap((path) => (path.endsWith('/*') ? path.slice(0, -1) : []));
  return (path) => exact.has(path) || prefixes.some((prefix) => path.startsWith(prefix));
}

function compileCaller(config: CallerConfig, all: readonly RouteConfig[], usage: Usage): Caller {
  const { name, rate, concurrent = Infinity } = config;
  const routes = config.routes === ALL ? undefined : new Set(config.routes);
  const providers = new Set(all.flatMap((route) => (routes?.has(route.name) === false ? [] : route.provider)));
  const methods = new Set(config.methods);
  const mayUseMethod = (method: string): boolean => methods.size === 0 || methods.has(method);
  const hasPath = compilePaths(config.paths);
  return {
    name,
    mayDoAnything: routes === undefined && methods.size === 0 && config.paths.length === 0,
    mayUseRoute: (route) => routes === undefined || routes.has(route),
    mayUseProvider: (provider) => providers.has(provider),
    mayUseMethod,
    refusal({ method, path, route }) {
      if (route ? routes?.has(route.name) === false : routes !== undefined)
        return route ? `the route "${route.name}" is none of its \`routes\`` : 'no route of its `routes` leads there';
      if (!mayUseMethod(method)) return `${method} is none of its \`methods\``;
      const compared = route ? pathOfTarget(joinTarget(path, route.doorPath)) : path;
      return hasPath(compared) ? undefined : `${compared} is none of its \`paths\``;
    },
    enter(nowMs) {
      if (usage.underWay >= concurrent)
        throw limited(`more than ${concurrent} requests of this caller are under way`, 1);
      const waitMs = rate ? usage.rate.take(rate.perSecond, nowMs) : 0;
      if (waitMs > 0) throw limited('this caller makes more requests than its rate', Math.ceil(waitMs / 1_000));
      usage.underWay++;
    },
    leave() {
      usage.underWay--;
    },
  };
}

/** A caller with what it is known by. */
interface Known {
  readonly config: CallerConfig;
  readonly caller: Caller;
}

const keyOf = ({ kind, name }: CertificateName): string => `${kind} ${name}`;

const namesIn = ({ uris, dnsNames, commonName }: ClientCertificate): readonly string[] => [
  ...uris.map((name) => keyOf({ kind: 'uri', name })),
  ...dnsNames.map((name) => keyOf({ kind: 'dns', name })),
  ...(commonName === undefined ? [] : [keyOf({ kind: 'cn', name: commonName })]),
];

/** Why a certificate that was verified is good no more. */
function staleness(certificate: ClientCertificate | undefined, nowMs: number): string | undefined {
  if (!certificate) return undefined;
  if (!certificate.isTrusted()) return 'the CA of the client certificate is trusted no more';
  return nowMs >= certificate.expiresAtMs ? 'the client certificate has expired' : undefined;
}

/** Finds the one that all keys lead to. Undefined where one leads nowhere, or two to different ones. */
function only(found: readonly (Known | undefined)[]): Known | undefined {
  const [first] = found;
  return found.every((one) => one === first) ? first : undefined;
}

/**
 * Compiles the callers of a config.
 * @param before What callers used so far. Those who are here again go on from there.
 */
export function createCallers(
  configs: readonly CallerConfig[],
  routes: readonly RouteConfig[],
  before: ReadonlyMap<string, Usage> = new Map(),
): Callers {
  // A caller who has gone may come back while its requests are still under way.
  const usage = new Map([...before].filter(([, { underWay }]) => underWay > 0));
  const known = configs.map((config): Known => {
    const own = before.get(config.name) ?? new Usage();
    usage.set(config.name, own);
    return { config, caller: compileCaller(config, routes, own) };
  });
  const byName = new Map(known.map((one) => [one.config.name, one]));
  const byCertificate = new Map(
    known.flatMap((one) => (one.config.certificate ? [[keyOf(one.config.certificate), one] as const] : [])),
  );
  let snapshots: readonly CredentialSnapshot[] = [];
  let byDigest = new Map<string, Known | undefined>();

  /** Reads the tokens again when a file has changed. */
  function refresh(): void {
    if (snapshots.length > 0 && known.every(({ config }, i) => config.tokens.current === snapshots[i])) return;
    snapshots = known.map(({ config }) => config.tokens.current);
    byDigest = new Map();
    for (const one of known) {
      for (const text of one.config.tokens.current.values.values()) {
        const digest = callerDigest(text);
        // A token that has become that of two callers is that of neither.
        byDigest.set(digest, byDigest.has(digest) && byDigest.get(digest) !== one ? undefined : one);
      }
    }
  }

  const isExpired = ({ config }: Known, nowMs: number): boolean => nowMs >= (config.expiresAtMs ?? Infinity);

  /** Whom a certificate belongs to, or why to nobody. */
  function ownerOf(certificate: ClientCertificate): Known | string {
    const owners = namesIn(certificate).flatMap((key) => byCertificate.get(key) ?? []);
    return only(owners) ?? 'the client certificate is not that of one caller';
  }

  function find({ digests, certificate }: Identity, nowMs: number): Known | string {
    refresh();
    const owner = certificate && ownerOf(certificate);
    if (typeof owner === 'string') return owner;
    const byToken = digests.map((digest) => byDigest.get(digest));
    if (byToken.includes(undefined)) return 'the token is not that of a caller';
    const all = owner ? [...byToken, owner] : byToken;
    if (all.length === 0) return 'neither the token nor the certificate of a caller came with the request';
    const found = only(all);
    if (!found) return 'what came with the request belongs to different callers';
    return isExpired(found, nowMs) ? 'the caller has expired' : found;
  }

  return {
    usage,
    identify(identity, nowMs, challenge) {
      const stale = staleness(identity.certificate, nowMs);
      // On a new connection the client may show another certificate.
      if (stale !== undefined)
        throw new OutriderError('client_unauthenticated', { detail: stale, close: true, ...challenge });
      const found = find(identity, nowMs);
      if (typeof found === 'string') throw new OutriderError('client_unauthenticated', { detail: found, ...challenge });
      return found.caller;
    },
    named(name, nowMs) {
      const found = byName.get(name);
      return found && !isExpired(found, nowMs) ? found.caller : undefined;
    },
  };
}
