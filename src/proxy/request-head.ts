import { OutriderError } from '../core/errors.ts';
import { isOwnOption, optionsOf } from '../http1/framing.ts';
import { bySpelling, headerValues, type RawHeaders } from '../core/headers.ts';

/** What the head of a request says about who sent it and what is wanted, read in one pass. */
export interface Head {
  host: string;
  /** The `Connection` options besides `close` and `keep-alive`, lower case. */
  connectionOptions: readonly string[];
  origin: string | undefined;
  fetchSite: string | undefined;
  requestId: string | undefined;
  proxyAuthorization: string | undefined;
  /** Every `X-Outrider-Token`. */
  outriderTokens: readonly string[];
  via: string | undefined;
  /** Whether a precondition came that a 412 may answer (RFC 9110 §13.1). */
  isConditional: boolean;
}

type Field =
  | 'host'
  | 'connection'
  | 'expect'
  | 'origin'
  | 'sec-fetch-site'
  | 'x-request-id'
  | 'proxy-authorization'
  | 'x-outrider-token'
  | 'via'
  | 'if-match'
  | 'if-none-match'
  | 'if-modified-since'
  | 'if-unmodified-since';

const FIELDS: ReadonlySet<string> = new Set<Field>([
  'host',
  'connection',
  'expect',
  'origin',
  'sec-fetch-site',
  'x-request-id',
  'proxy-authorization',
  'x-outrider-token',
  'via',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
]);

const IMITATED: ReadonlySet<string> = new Set(['transferencoding', 'contentlength', 'host']);
const AUTHORITY = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::\d{0,5})?$/;
const REQUEST_ID = /^[\w-]{1,64}$/;

const refuse = (detail: string): OutriderError => new OutriderError('bad_request', { detail, close: true });

/** The caller's `X-Request-Id`, if it is one that we take over. */
export function requestIdIn(headers: RawHeaders): string | undefined {
  return headerValues(headers, 'x-request-id').find((value) => REQUEST_ID.test(value));
}

/** The field that a name names; '' for one that says nothing here. Throws `bad_request`. */
const classify = bySpelling((lower, name): Field | '' => {
  if (name.includes('_') && IMITATED.has(lower.replaceAll(/[_-]/g, ''))) {
    throw refuse(`the header name "${name}" imitates a framing header`);
  }
  return FIELDS.has(lower) ? (lower as Field) : '';
});

/**
 * Reads what a head says about its sender, and refuses what could be understood in two ways.
 * Throws `bad_request` (the connection then closes), `unsupported_expectation`. RFC 9112 §3.2; RFC 9110 §10.1.1.
 */
export function readHead(headers: RawHeaders): Head {
  const head: Head = {
    host: '',
    connectionOptions: NONE,
    origin: undefined,
    fetchSite: undefined,
    requestId: undefined,
    proxyAuthorization: undefined,
    outriderTokens: NONE,
    via: undefined,
    isConditional: false,
  };
  let hosts = 0;
  let isUnmet = false;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    const field = classify(name);
    if (field === '') continue;
    switch (field) {
      case 'host':
        if (++hosts > 1) throw refuse('there is more than one Host header');
        head.host = value;
        break;
      case 'connection':
        head.connectionOptions = connectionOptions(value, head.connectionOptions);
        break;
      case 'expect':
        isUnmet ||= value.toLowerCase() !== '100-continue';
        break;
      case 'origin':
        // Two origins are nobody's: a browser sends one.
        head.origin = head.origin === undefined ? value : 'null';
        break;
      case 'sec-fetch-site':
        head.fetchSite = head.fetchSite === undefined ? value.toLowerCase() : 'cross-site';
        break;
      case 'x-request-id':
        if (REQUEST_ID.test(value)) head.requestId ??= value;
        break;
      case 'proxy-authorization':
        head.proxyAuthorization ??= value;
        break;
      case 'x-outrider-token':
        head.outriderTokens = [...head.outriderTokens, value];
        break;
      case 'via':
        head.via = head.via === undefined ? value : `${head.via},${value}`;
        break;
      case 'if-match':
      case 'if-none-match':
      case 'if-modified-since':
      case 'if-unmodified-since':
        head.isConditional = true;
    }
  }
  if (hosts === 0) throw refuse('there is no Host header');
  if (head.host.includes('@')) throw refuse('Host holds userinfo');
  if (!AUTHORITY.test(head.host)) throw refuse('Host is not a valid authority');
  if (isUnmet) {
    const detail = 'the only Expect taken is "100-continue"';
    // Whether the body comes all the same, nobody knows.
    throw new OutriderError('unsupported_expectation', { detail, close: true });
  }
  return head;
}

const NONE: readonly string[] = [];

/** The options that name headers: those of the connection itself are no headers' names. */
function connectionOptions(value: string, before: readonly string[]): readonly string[] {
  const options = optionsOf(value);
  return options.every(isOwnOption) ? before : before.concat(options.filter((option) => !isOwnOption(option)));
}
