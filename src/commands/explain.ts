import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { compileGuard } from '../compile.ts';
import type { Config } from '../config/config.ts';
import { didYouMean } from '../config/diagnostics/suggest.ts';
import { OutriderError } from '../core/errors.ts';
import {
  explainRequest,
  type AnsweredReport,
  type ExplainedRequest,
  type Jwt,
  type Report,
  type Signature,
} from '../explain/report.ts';
import type { ConnectFate } from '../explain/read-url.ts';
import { oneLine } from '../observe/line.ts';
import { readCurl, dataOf, joined, type CurlRequest, type ReadFile } from './curl.ts';
import { readConfig } from './config-file.ts';
import { explainVerdict } from './explain-callback.ts';
import { redactText } from './redact-text.ts';
import { CommandRefusal } from './refusal.ts';
import type { Context } from './output.ts';
import { columns, printError, printFailure, failureOf, shellQuote } from './output.ts';

const LOOPBACK = '127.0.0.1';
/** Where curl looks for a proxy whose URL names no port. */
const CURL_PROXY_PORT = 1080;

export interface ExplainOptions extends Pick<ExplainedRequest, 'method' | 'url' | 'headers' | 'caller'> {
  /** The name of a callback; undefined: it is a request. */
  readonly callback: string | undefined;
  /** What several `-d` make one body of, as curl has them: `@file` is a file, `@-` stdin. */
  readonly data: readonly string[];
}

type Field = Report['headers'][number];

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

const certificateText = (certificate: Report['certificate']): string | undefined =>
  certificate ? `${oneLine(certificate.subject)}, until ${certificate.expires_at.slice(0, 10)}` : undefined;

const certificateRow = (certificate: Report['certificate']): Rows => {
  const text = certificateText(certificate);
  return text === undefined ? [] : [['certificate', text]];
};

/** One row for each line of the signed text. */
const textRows = (text: string): Rows => text.split('\n').map((line, i) => [i === 0 ? 'text' : '', oneLine(line)]);

const signature = (
  title: string,
  { when, text, covers, algorithm, key, digest, place, value, covers_token }: Signature,
): string =>
  part(title, [
    ...textRows(text),
    ...(covers === undefined ? [] : [['covers', oneLine(covers.join(', '))] as const]),
    ['with', key === null ? algorithm : `${algorithm}, key ${oneLine(key)}`],
    ['digest', covers_token ? `${digest} (with the token's name in its place: what is sent is another)` : digest],
    ['gives', oneLine(value)],
    ['place', oneLine(place)],
    ...(when === undefined ? [] : [['when', oneLine(when)] as const]),
  ]);

const jwt = ({ name, algorithm, key, header, claims, reuse_s, places }: Jwt): string =>
  part(`jwt ${name}`, [
    ['header', oneLine(header)],
    ['claims', oneLine(claims)],
    ['with', `${algorithm}, key ${oneLine(key)}`],
    ...places.map((place) => ['place', oneLine(place)] as const),
    ['made', reuse_s === null ? 'anew each time' : `anew every ${reuse_s} s, and after a rejection`],
  ]);

const answeredAsText = ({ door, connect, route, provider, caller }: AnsweredReport): string =>
  columns([
    ['door', door === 'forward' ? 'forward proxy' : undefined],
    ['CONNECT', connect === null ? undefined : CONNECTS[connect]],
    ['route', route ?? 'none is needed: the URL is that of a token endpoint'],
    ['provider', provider],
    ['caller', caller === null ? undefined : `${caller}: allowed`],
    ['answer', '200 from Outrider itself, with a placeholder in the place of a token; nothing is sent to the provider'],
  ]);

const callerRow = ({ caller, access_token_needed: isNeeded }: Report, tokenHeader: string): string | undefined =>
  caller === null
    ? isNeeded
      ? `must show a token (${tokenHeader}); \`--caller NAME\` tells who may`
      : undefined
    : `${caller}: allowed`;

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
      ['certificate', certificateText(found.certificate)],
      ['caller', callerRow(found, tokenHeader)],
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
    ...found.jwts.map(jwt),
    token === null
      ? ''
      : part('token call, when no token is at hand', [
          ['call', oneLine(`${token.method} ${token.url}`)],
          ...fields('field', token.fields, '='),
          ...bodyRow(token.body),
          ...certificateRow(found.token_certificate),
        ]),
    found.token_program === null
      ? ''
      : part('program, when no token is at hand', [
          ['command', oneLine(found.token_program.command.map(shellQuote).join(' '))],
          ...fields('env', found.token_program.env, '='),
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

/** Throws a {@link CommandRefusal} (`unknown_caller`). */
function checkCallerName(name: string, { callers = [] }: Config): void {
  const known = callers.map((caller) => caller.name);
  if (known.includes(name)) return;
  const help = known.length === 0 ? 'the config has no `callers`' : didYouMean(name, known, 'callers');
  throw new CommandRefusal('unknown_caller', `the config has no caller "${name}"`, help);
}

/** Throws a {@link CommandRefusal} (`foreign_proxy`) for a request that is sent to another proxy. */
function checkProxy(authority: string, config: Config): void {
  const { address } = config.listen;
  if (!('port' in address)) return;
  const said = Number(/:(\d+)$/.exec(authority)?.[1] ?? CURL_PROXY_PORT);
  if (compileGuard(config).isSelf({ scheme: 'http', authority }, LOOPBACK, address.port === 0 ? said : address.port))
    return;
  const here = `${address.host}:${address.port}`;
  throw new CommandRefusal('foreign_proxy', `that request goes to another proxy: ${authority}`, `this one is ${here}`);
}

/**
 * Prints what would happen to a request, without the network: the route, the upstream, and all that would be added, with names in
 * place of secrets; or how a callback would be verified. The request is read once there is a config. Returns the exit code.
 */
function printExplanation(
  context: Context,
  callback: string | undefined,
  readRequest: (read: ReadFile) => ExplainedRequest & Partial<Pick<CurlRequest, 'proxy'>>,
): number {
  const config = readConfig(context);
  if (!config) return 1;
  try {
    const { proxy, ...request } = readRequest(reader(context.cwd));
    if (callback !== undefined) {
      const query = request.url.includes('?') ? request.url.slice(request.url.indexOf('?') + 1) : '';
      const found = explainVerdict(config, { name: callback, query, headers: request.headers, body: request.body });
      context.stdout.write(context.json ? `${JSON.stringify(found.report, null, 2)}\n` : found.text);
      return found.isVerified ? 0 : 1;
    }
    if (proxy !== undefined) checkProxy(proxy, config);
    if (request.caller !== undefined) checkCallerName(request.caller, config);
    const found = explainRequest(config, request, redactText);
    const text = 'answered_with' in found ? answeredAsText(found) : asText(found);
    context.stdout.write(context.json ? `${JSON.stringify(found, null, 2)}\n` : text);
    return 0;
  } catch (error) {
    if (!(error instanceof OutriderError)) return printFailure(context, error);
    return printError(context, { ...failureOf(error), status: error.status });
  }
}

/** Prints what would happen to a request: route, upstream, and all that would be added, secrets masked by name. No network. */
export const explain = (context: Context, { data, callback, ...request }: ExplainOptions): number =>
  printExplanation(context, callback, (read) => ({
    ...request,
    body: data.length === 0 ? undefined : joined(data.map((one) => dataOf(one, read))),
  }));

/** The same for the request of a curl command line, the words behind `curl`. */
export const explainCurl = (
  context: Context,
  { words, caller, callback }: { readonly words: readonly string[] } & Pick<ExplainOptions, 'caller' | 'callback'>,
): number => printExplanation(context, callback, (read) => ({ ...readCurl(words, read), caller }));
