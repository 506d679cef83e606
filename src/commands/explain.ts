import { OutriderError } from '../core/errors.ts';
import type { RawHeaders } from '../core/headers.ts';
import { explainRequest, type AnsweredReport, type Report, type Signature } from '../explain/report.ts';
import type { ConnectFate } from '../explain/read-url.ts';
import { oneLine } from '../observe/line.ts';
import { readConfig } from './config-file.ts';
import { redactText } from './redact-text.ts';
import type { Context } from './output.ts';
import { columns, printError, failureOf } from './output.ts';

export interface ExplainOptions {
  readonly method: string;
  readonly url: string;
  readonly headers: RawHeaders;
  readonly body: string | undefined;
}

type Field = Report['headers'][number];

/** For a person: what the fate of a CONNECT means. */
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

/** One line for each line of the text that is signed. */
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

/** Prints what would happen to a request: route, upstream, and all that would be added, secrets masked by name. No network. */
export function explain(context: Context, { body, ...request }: ExplainOptions): number {
  const config = readConfig(context);
  if (!config) return 1;
  try {
    const options = { ...request, body: body === undefined ? undefined : Buffer.from(body) };
    const found = explainRequest(config, options, redactText);
    const text = 'answered_with' in found ? answeredAsText(found) : asText(found);
    context.stdout.write(context.json ? `${JSON.stringify(found, null, 2)}\n` : text);
    return 0;
  } catch (error) {
    if (!(error instanceof OutriderError)) throw error;
    return printError(context, { ...failureOf(error), status: error.status });
  }
}
