import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ExplainedField, ExplainedSignature, Explanation } from '../auth/authorizer.ts';
import type { Config } from '../config/config.ts';
import { systemClock } from '../core/clock.ts';
import { OutriderError } from '../core/errors.ts';
import { createEvents } from '../core/events.ts';
import { pathOfTarget } from '../core/path.ts';
import type { RawHeaders } from '../core/headers.ts';
import { compileConfig } from '../compile.ts';
import type { LiveConfig } from '../compile.ts';
import { endpointsOf } from '../simulation.ts';
import { oneLine } from '../observe/line.ts';
import { isSecretKey, REDACTED } from '../observe/redact.ts';
import { findRoute, tokenAnswer } from '../proxy/doors/enter.ts';
import { readHead } from '../proxy/request-head.ts';
import { isHandshake } from '../proxy/websocket/handshake.ts';
import type { Candidate } from '../proxy/router.ts';
import { joinTarget } from '../proxy/target.ts';
import { createMemoryStore } from '../store/memory.ts';
import { readCurl, dataOf, joined, type ReadFile } from './curl.ts';
import { checkProxy, choose, connectFate, readUrl, type ConnectFate } from './read-url.ts';
import { readConfig } from './config-file.ts';
import { redactText } from './redact-text.ts';
import { CommandRefusal } from './refusal.ts';
import type { Context } from './output.ts';
import { columns, printError, printFailure, failureOf } from './output.ts';

interface ExplainedRequest {
  readonly method: string;
  /** `http://127.0.0.1:8080/phonepe/…`, or the path alone. With a forward mode, a provider's own URL too. */
  readonly url: string;
  /** Names and values in turn. */
  readonly headers: RawHeaders;
  readonly body: Buffer | undefined;
  /** The authority of the proxy that the request is sent to, where it names one. */
  readonly proxy?: string | undefined;
}

export interface ExplainOptions extends Pick<ExplainedRequest, 'method' | 'url' | 'headers'> {
  /** What several `-d` make one body of, as curl has them: `@file` is a file, `@-` stdin. */
  readonly data: readonly string[];
}

type Field = ExplainedField;

interface Signature extends Omit<ExplainedSignature, 'key' | 'coversToken'> {
  /** The name of an HMAC's key, never its value. Null for a plain digest. */
  readonly key: string | null;
  /** Whether the signed text holds the token. The digest is then made of the token's name, and is not the one that is sent. */
  readonly covers_token: boolean;
}

/** What `--json` prints. */
interface Report {
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
  /** Names of the caller's headers that are not passed on. */
  readonly dropped: readonly string[];
  readonly headers: readonly Field[];
  readonly query: readonly Field[];
  readonly form: readonly Field[];
  readonly json: readonly Field[];
  /** The body that is sent. Null when the caller's body is not changed. */
  readonly body: string | null;
  readonly signatures: readonly Signature[];
  readonly token: {
    readonly method: string;
    readonly url: string;
    readonly fields: readonly Field[];
    /** Null when the fields say all of it. */
    readonly body: string | null;
    readonly signatures: readonly Signature[];
  } | null;
}

const NOTHING: Explanation = {
  headers: [],
  query: [],
  form: [],
  json: [],
  body: undefined,
  signatures: [],
  token: undefined,
};

/** Compiles the config as `start` does, but without a client: nothing can be sent. */
function compile(config: Config): LiveConfig {
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
interface AnsweredReport {
  readonly method: string;
  readonly door: Report['door'];
  readonly connect: ConnectFate | null;
  readonly route: string | null;
  readonly provider: string;
  /** Outrider answers the request itself. Nothing is sent to the provider. */
  readonly answered_with: 'placeholder';
}

function report(config: Config, compiled: LiveConfig, options: ExplainedRequest): Report | AnsweredReport {
  const { method } = options;
  const { host, target, destination } = readUrl(options.url, config, compiled);
  const body = options.body ?? null;
  if (options.proxy !== undefined) checkProxy(options.proxy, config, compiled);
  const own = ['Host', host, ...options.headers, ...(body ? ['Content-Length', String(body.length)] : [])];
  const head = readHead(own);
  const path = pathOfTarget(target);
  const candidate: Candidate = { method, path, host, headers: own };
  const route = findRoute(compiled, destination, candidate);
  const answered = tokenAnswer(compiled, destination, route, { method, target }, systemClock);
  const door = destination ? 'forward' : 'base_url';
  const connect = connectFate(destination, compiled) ?? null;
  if (answered) {
    const { provider } = answered;
    return { method, door, connect, route: route?.name ?? null, provider, answered_with: 'placeholder' };
  }
  const { route: chosen, why } = choose(candidate, destination, compiled);
  const headers = chosen.requestHeaders(own, head.connectionOptions);
  const joined = joinTarget(target, chosen.join);
  const explanation = chosen.authorizer?.explain({ method, target: joined, headers, body }) ?? NOTHING;
  const { token } = explanation;
  const switches = chosen.websocket && !body && isHandshake({ method, minor: 1, headers: own, hasBody: false }, head);
  const { added, dropped } = compare(options.headers, switches ? [...headers, ...SWITCHING] : headers);
  const provider = chosen.provider === undefined ? undefined : config.providers.get(chosen.provider);
  const privateHeaders = options.headers.filter(
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
    upstream: redactText(chosen.origin + joined),
    access_token_needed: config.listen.accessTokens.length > 0,
    dropped: [...new Set([...dropped, ...privateHeaders])],
    headers: [
      ...added.map(({ name, value }) => ({ name, value: isSecretKey(name) ? REDACTED : redactText(value) })),
      ...placed('header', explanation.headers),
    ],
    query: placed('query', explanation.query),
    form: placed('form', explanation.form),
    json: placed('json', explanation.json),
    body: explanation.body === undefined ? null : redactText(explanation.body),
    signatures: explanation.signatures.map(toReport),
    token:
      token === undefined ? null : { ...token, body: token.body ?? null, signatures: token.signatures.map(toReport) },
  };
}

const toReport = ({
  when,
  text,
  algorithm,
  key,
  digest,
  place,
  value,
  coversToken,
}: ExplainedSignature): Signature => ({
  ...(when !== undefined && { when }),
  text: redactText(text),
  algorithm,
  key: key ?? null,
  digest,
  place,
  value,
  covers_token: coversToken,
});

/** What happens to a CONNECT, in words for a person. */
const CONNECTS: Readonly<Record<ConnectFate, string>> = {
  refused:
    'refused: a client that opens a tunnel for https:// gets 403; say http:// (it travels by the scheme of the route), or set `forward.mode: intercept`',
  intercepted: 'TLS is ended here, with a certificate of the local CA (`outrider ca show`)',
  tunnelled: 'passed on unseen: nothing of this is done within a tunnel',
};

type Rows = readonly (readonly [label: string, value: string])[];

const part = (title: string, rows: Rows): string =>
  rows.length === 0 ? '' : `\n${title}\n${columns(rows.map(([label, value]) => [`  ${label}`, value]))}`;

const fields = (label: string, list: readonly Field[], sign: string): Rows =>
  list.map(({ name, value }) => [label, oneLine(`${name}${sign}${value}`)]);

const bodyRow = (body: string | null): Rows => (body === null ? [] : [['body', oneLine(body)]]);

/** One row for each line of the signed text. */
const textRows = (text: string): Rows => text.split('\n').map((line, i) => [i === 0 ? 'text' : '', oneLine(line)]);

const signature = (
  title: string,
  { when, text, algorithm, key, digest, place, value, covers_token }: Signature,
): string =>
  part(title, [
    ...textRows(text),
    ['with', key === null ? algorithm : `${algorithm}, key ${oneLine(key)}`],
    ['digest', covers_token ? `${digest} (with the token's name in its place: what is sent is another)` : digest],
    ['gives', oneLine(value)],
    ['place', oneLine(place)],
    ...(when === undefined ? [] : [['when', oneLine(when)] as const]),
  ]);

const answeredAsText = ({ door, connect, route, provider }: AnsweredReport): string =>
  columns([
    ['door', door === 'forward' ? 'forward proxy' : undefined],
    ['CONNECT', connect === null ? undefined : CONNECTS[connect]],
    ['route', route ?? 'none is needed: the URL is that of a token endpoint'],
    ['provider', provider],
    ['answer', '200 from Outrider itself, with a placeholder in the place of a token; nothing is sent to the provider'],
  ]);

function asText(found: Report): string {
  const { provider, profile, environment, token } = found;
  const about = [profile && `profile ${profile}`, environment && `environment ${environment}`]
    .filter(Boolean)
    .join(', ');
  const isForward = found.door === 'forward';
  const tokenHeader = isForward ? 'Proxy-Authorization' : 'X-Outrider-Token';
  return [
    columns([
      ['door', isForward ? 'forward proxy' : undefined],
      ['CONNECT', found.connect === null ? undefined : CONNECTS[found.connect]],
      ['route', found.route],
      ['why', found.why],
      ['provider', provider === null ? 'none: forwarded without credentials' : `${provider} (${about})`],
      ['upstream', `${found.method} ${found.upstream}`],
      ['caller', found.access_token_needed ? `must show an access token (${tokenHeader})` : undefined],
    ]),
    part(
      'drops',
      found.dropped.map((name) => ['header', oneLine(name)] as const),
    ),
    part('adds', [
      ...fields('header', found.headers, ': '),
      ...fields('query', found.query, '='),
      ...fields('form', found.form, '='),
      ...fields('json', found.json, ': '),
    ]),
    part('sends', bodyRow(found.body)),
    ...found.signatures.map((one) => signature('signs', one)),
    token === null
      ? ''
      : part('token call, when no token is at hand', [
          ['call', oneLine(`${token.method} ${token.url}`)],
          ...fields('field', token.fields, '='),
          ...bodyRow(token.body),
        ]),
    ...(token?.signatures ?? []).map((one) => signature('signs the token call', one)),
  ].join('');
}

/** Reads a file, relative to the working directory. `-` is stdin. */
const reader =
  (cwd: string): ReadFile =>
  (file) => {
    try {
      return readFileSync(file === '-' ? process.stdin.fd : resolve(cwd, file));
    } catch (error) {
      const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'is not there' : "can't be read";
      const help = 'name a file that is there: `@-` is stdin, and a text that begins with @ is a file, as curl has it';
      throw new CommandRefusal('unreadable_file', `the file ${JSON.stringify(file)} ${why}`, help);
    }
  };

/**
 * Prints what would happen to a request, without the network: the route, the upstream, and all that would be added, with names in
 * place of secrets. The request is read once there is a config. Returns the exit code.
 */
function explainRequest(context: Context, readRequest: (read: ReadFile) => ExplainedRequest): number {
  const config = readConfig(context);
  if (!config) return 1;
  const compiled = compile(config);
  try {
    const found = report(config, compiled, readRequest(reader(context.cwd)));
    const text = 'answered_with' in found ? answeredAsText(found) : asText(found);
    context.stdout.write(context.json ? `${JSON.stringify(found, null, 2)}\n` : text);
    return 0;
  } catch (error) {
    if (!(error instanceof OutriderError)) return printFailure(context, error);
    return printError(context, { ...failureOf(error), status: error.status });
  } finally {
    compiled.retire(undefined);
  }
}

/** Prints what would happen to a request: route, upstream, and all that would be added, secrets masked by name. No network. */
export const explain = (context: Context, { data, ...request }: ExplainOptions): number =>
  explainRequest(context, (read) => ({
    ...request,
    body: data.length === 0 ? undefined : joined(data.map((one) => dataOf(one, read))),
  }));

/** The same for the request of a curl command line, the words behind `curl`. */
export const explainCurl = (context: Context, words: readonly string[]): number =>
  explainRequest(context, (read) => readCurl(words, read));
