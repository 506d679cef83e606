import type { ExplainedField, ExplainedJwt, ExplainedSignature, Explanation } from '../auth/authorizer.ts';
import type { Config } from '../config/config.ts';
import { systemClock } from '../core/clock.ts';
import { OutriderError } from '../core/errors.ts';
import { createEvents } from '../core/events.ts';
import { pathOfTarget } from '../core/path.ts';
import type { TlsSource } from '../core/tls.ts';
import type { RawHeaders } from '../core/headers.ts';
import { compileConfig } from '../compile.ts';
import type { LiveConfig } from '../compile.ts';
import { endpointsOf } from '../simulation.ts';
import { isSecretKey, REDACTED } from '../observe/redact.ts';
import type { Wish } from '../proxy/callers.ts';
import type { Destination } from '../proxy/destination.ts';
import { findRoute, isAllowed, tokenAnswer } from '../proxy/doors/enter.ts';
import { readHead } from '../proxy/request-head.ts';
import { isHandshake } from '../proxy/websocket/handshake.ts';
import type { Candidate } from '../proxy/router.ts';
import { joinTarget } from '../proxy/target.ts';
import { createMemoryStore } from '../store/memory.ts';
import { choose, connectFate, readUrl, type ConnectFate } from './read-url.ts';

/** The request to explain. */
export interface ExplainedRequest {
  readonly method: string;
  /** `http://127.0.0.1:8080/phonepe/…`, or the path alone. With a forward mode, a provider's own URL too. */
  readonly url: string;
  /** Names and values in turn. */
  readonly headers: RawHeaders;
  readonly body: Buffer | undefined;
  /** The name of the caller who makes it. Undefined: whoever may. */
  readonly caller?: string | undefined;
}

type Field = ExplainedField;

/** A signature as it is shown. */
export interface Signature extends Omit<ExplainedSignature, 'key' | 'coversToken'> {
  /** The name of an HMAC's key, never its value. Null for a plain digest. */
  readonly key: string | null;
  /** Whether the signed text holds the token. The digest is then made of the token's name, and is not the one that is sent. */
  readonly covers_token: boolean;
}

/** A JWT as it is shown. */
export interface Jwt extends Omit<ExplainedJwt, 'reuseMs'> {
  /** How long one is used for API calls, in seconds. Null when each attempt and each token call gets a new one. */
  readonly reuse_s: number | null;
}

/** What would happen to a request. `outrider explain --json` prints it. */
export interface Report {
  readonly method: string;
  readonly door: 'base_url' | 'forward';
  readonly connect: ConnectFate | null;
  readonly route: string;
  readonly why: string;
  readonly provider: string | null;
  readonly profile: string | null;
  readonly environment: string | null;
  readonly upstream: string;
  readonly access_token_needed: boolean;
  /** Who makes the request; it may. Null when nobody was named. */
  readonly caller: string | null;
  /** Names of the caller's headers that are not passed on. */
  readonly dropped: readonly string[];
  readonly headers: readonly Field[];
  readonly query: readonly Field[];
  readonly form: readonly Field[];
  readonly json: readonly Field[];
  /** The body that is sent. Null when the caller's body is not changed. */
  readonly body: string | null;
  readonly signatures: readonly Signature[];
  readonly jwts: readonly Jwt[];
  readonly token: {
    readonly method: string;
    readonly url: string;
    readonly fields: readonly Field[];
    /** Null when the fields say all of it. */
    readonly body: string | null;
    readonly signatures: readonly Signature[];
  } | null;
  /** The program that gives the tokens, in place of a token call. */
  readonly token_program: { readonly command: readonly string[]; readonly env: readonly Field[] } | null;
  /** The certificate of ours that goes along. */
  readonly certificate: ShownCertificate | null;
  /** The one that goes along with the token call. */
  readonly token_certificate: ShownCertificate | null;
}

/** A certificate of ours, as it is shown. */
export interface ShownCertificate {
  readonly subject: string;
  readonly expires_at: string;
}

/** The certificate that goes along to a URL. There is none without TLS. */
function certificateFor(tls: TlsSource | undefined, url: string | undefined): ShownCertificate | null {
  const { certificate } = (url?.startsWith('https:') ? tls?.current : undefined) ?? {};
  return certificate
    ? { subject: certificate.subject, expires_at: new Date(certificate.expiresAtMs).toISOString() }
    : null;
}

const NOTHING: Explanation = {
  headers: [],
  query: [],
  form: [],
  json: [],
  body: undefined,
  signatures: [],
  jwts: [],
  token: undefined,
  program: undefined,
};

/** Compiles the config as `start` does, but without a client: nothing can be sent. */
export function compileForReading(config: Config): LiveConfig {
  return compileConfig(config, {
    pseudonym: 'outrider-<id>',
    store: createMemoryStore(systemClock),
    clock: systemClock,
    events: createEvents(),
    http: () => Promise.reject(new Error('explain makes no calls')),
    endpointsOf: (provider) => endpointsOf(provider, undefined),
  });
}

/** The headers that a WebSocket handshake keeps on a route with `websocket: true`. */
const SWITCHING = ['Connection', 'Upgrade', 'Upgrade', 'websocket'];

/** The headers that only `after` has, and the names that only `before` has. */
function compare(before: RawHeaders, after: RawHeaders): { added: Field[]; dropped: string[] } {
  const pairs = (list: RawHeaders): Field[] =>
    list.flatMap((name, i) => (i % 2 === 0 ? [{ name, value: list[i + 1] as string }] : []));
  const has = (list: Field[], { name, value }: Field): boolean =>
    list.some((other) => other.name === name && other.value === value);
  const [old, now] = [pairs(before), pairs(after)];
  const names = new Set(now.map(({ name }) => name.toLowerCase()));
  return {
    added: now.filter((field) => !has(old, field)),
    dropped: old.map(({ name }) => name).filter((name) => !names.has(name.toLowerCase())),
  };
}

/** The report on a request for a token: the program gets a placeholder. */
export interface AnsweredReport {
  readonly method: string;
  readonly door: Report['door'];
  readonly connect: ConnectFate | null;
  readonly route: string | null;
  readonly provider: string;
  readonly caller: string | null;
  /** Outrider answers the request itself. Nothing is sent to the provider. */
  readonly answered_with: 'placeholder';
}

/** Throws `caller_denied`, with the reason that no answer tells, `client_unauthenticated`, or `not_found`. */
function checkNamed(
  name: string,
  config: Pick<Config, 'callers'>,
  compiled: LiveConfig,
  destination: Destination | undefined,
  wish: Wish & { readonly target: string },
): void {
  const known = config.callers?.map((caller) => caller.name) ?? [];
  if (!known.includes(name)) {
    const detail = `the config has no caller of that name; there is ${known.join(', ') || 'none'}`;
    throw new OutriderError('not_found', { detail });
  }
  const caller = compiled.callers?.named(name, systemClock.now());
  if (!caller) throw new OutriderError('client_unauthenticated', { detail: `the caller "${name}" has expired` });
  if (isAllowed(caller, compiled, destination, wish, systemClock)) return;
  throw new OutriderError('caller_denied', {
    detail: `the caller "${name}" may not make this request: ${caller.refusal(wish)}`,
    remedy: `Add it to \`routes\`, \`methods\` or \`paths\` of the caller "${name}", if it should.`,
  });
}

function report(
  config: Config,
  compiled: LiveConfig,
  request: ExplainedRequest,
  redact: Redact,
): Report | AnsweredReport {
  const { method } = request;
  const { host, target, destination } = readUrl(request.url, config, compiled);
  const body = request.body ?? null;
  const own = ['Host', host, ...request.headers, ...(body ? ['Content-Length', String(body.length)] : [])];
  const head = readHead(own);
  const path = pathOfTarget(target);
  const candidate: Candidate = { method, path, host, headers: own };
  const route = findRoute(compiled, destination, candidate);
  const caller = request.caller ?? null;
  if (caller !== null) checkNamed(caller, config, compiled, destination, { method, path, route, target });
  const answered = tokenAnswer(compiled, destination, route, { method, target }, systemClock);
  const door = destination ? 'forward' : 'base_url';
  const connect = connectFate(destination, compiled) ?? null;
  if (answered) {
    const { provider } = answered;
    return { method, door, connect, route: route?.name ?? null, provider, caller, answered_with: 'placeholder' };
  }
  const { route: chosen, why } = choose(candidate, destination, compiled);
  const headers = chosen.requestHeaders(own, head.connectionOptions);
  const joined = joinTarget(target, chosen.join);
  const explanation = chosen.authorizer?.explain({ method, target: joined, headers, body }) ?? NOTHING;
  const { token, program } = explanation;
  const switches = chosen.websocket && !body && isHandshake({ method, minor: 1, headers: own, hasBody: false }, head);
  const { added, dropped } = compare(request.headers, switches ? [...headers, ...SWITCHING] : headers);
  const provider = chosen.provider === undefined ? undefined : config.providers.get(chosen.provider);
  const privateHeaders = request.headers.filter(
    (name, i) => i % 2 === 0 && chosen.authorizer?.privateHeaders.includes(name.toLowerCase()),
  );
  /** What the profile puts at a place, with its signatures last. */
  const placed = (where: 'header' | 'query' | 'form' | 'json', list: readonly Field[]): readonly Field[] => [
    ...list,
    ...explanation.signatures.flatMap(({ place, value }) =>
      place.startsWith(`${where} `) ? [{ name: place.slice(where.length + 1), value }] : [],
    ),
  ];
  return {
    method,
    door,
    connect,
    route: chosen.name,
    why,
    provider: chosen.provider ?? null,
    profile: provider?.profileName ?? null,
    environment: provider?.environment ?? null,
    upstream: redact(chosen.origin + joined),
    access_token_needed: config.listen.accessTokens.length > 0 || config.callers !== undefined,
    caller,
    dropped: [...new Set([...dropped, ...privateHeaders])],
    headers: [
      ...added.map(({ name, value }) => ({ name, value: isSecretKey(name) ? REDACTED : redact(value) })),
      ...placed('header', explanation.headers),
    ],
    query: placed('query', explanation.query),
    form: placed('form', explanation.form),
    json: placed('json', explanation.json),
    body: explanation.body === undefined ? null : redact(explanation.body),
    signatures: explanation.signatures.map(toReport(redact)),
    jwts: explanation.jwts.map(({ reuseMs, header, claims, ...jwt }) => ({
      ...jwt,
      header: redact(header),
      claims: redact(claims),
      reuse_s: reuseMs === undefined ? null : reuseMs / 1000,
    })),
    token:
      token === undefined
        ? null
        : { ...token, body: token.body ?? null, signatures: token.signatures.map(toReport(redact)) },
    token_program: program
      ? {
          command: program.command.map(redact),
          env: program.env.map(({ name, value }) => ({ name, value: redact(value) })),
        }
      : null,
    certificate: certificateFor(chosen.tls, chosen.origin),
    token_certificate: certificateFor(provider?.tokenTls, token?.url),
  };
}

/** Hides the known secrets in a text. */
export type Redact = (text: string) => string;

const toReport =
  (redact: Redact) =>
  ({ when, text, covers, algorithm, key, digest, place, value, coversToken }: ExplainedSignature): Signature => ({
    ...(when !== undefined && { when }),
    text: redact(text),
    ...(covers !== undefined && { covers }),
    algorithm,
    key: key ?? null,
    digest,
    place,
    value,
    covers_token: coversToken,
  });

/**
 * Finds what would happen to a request, without the network: the route, the upstream, and all that would be added, with names in
 * place of secrets. Throws the error that the proxy would refuse it with.
 */
export function explainRequest(config: Config, request: ExplainedRequest, redact: Redact): Report | AnsweredReport {
  const compiled = compileForReading(config);
  try {
    return report(config, compiled, request, redact);
  } finally {
    compiled.retire(undefined);
  }
}
