import { OutriderError } from '../core/errors.ts';
import type { Downstream } from './downstream.ts';
import { requestError } from './failure.ts';
import { isOwnOption, optionsOf } from '../http1/framing.ts';
import { bySpelling, headerValues, type RawHeaders } from '../core/headers.ts';

/** What a request's head says about its sender and its wishes. One pass reads it. */
export interface Head {
  host: string;
  /** The `Connection` options that name headers, in lower case. */
  connectionOptions: readonly string[];
  origin: string | undefined;
  fetchSite: string | undefined;
  requestId: string | undefined;
  proxyAuthorization: string | undefined;
  /** The values of all `X-Outrider-Token` headers. */
  outriderTokens: readonly string[];
  /** The values of all `Via` headers, joined with commas. */
  via: string | undefined;
  /** Whether a precondition came, to which a 412 may be the answer (RFC 9110 §13.1). */
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

/**
 * Header names, without hyphens, that must not come with an underscore: some servers take `Content_Length` for Content-Length.
 */
const IMITATED: ReadonlySet<string> = new Set(['transferencoding', 'contentlength', 'host']);
const AUTHORITY = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::\d{0,5})?$/;
const REQUEST_ID = /^[\w-]{1,64}$/;

const refuse = (detail: string): OutriderError => new OutriderError('bad_request', { detail, close: true });

/** Returns the caller's `X-Request-Id` if we take it over: 1 to 64 letters, digits, `_` or `-`. */
export function requestIdIn(headers: RawHeaders): string | undefined {
  return headerValues(headers, 'x-request-id').find((value) => REQUEST_ID.test(value));
}

/**
 * Returns the field with a name; '' for one that doesn't matter here. Throws `bad_request` for an imitation of a framing
 * header.
 */
const classify = bySpelling((lower, name): Field | '' => {
  if (name.includes('_') && IMITATED.has(lower.replaceAll(/[_-]/g, ''))) {
    throw refuse(`the header name "${name}" imitates a framing header`);
  }
  return FIELDS.has(lower) ? (lower as Field) : '';
});

/**
 * Reads what a request's head says about its sender. Throws `bad_request` for a head that can be understood in two ways (RFC
 * 9112 §3.2), and `unsupported_expectation` (RFC 9110 §10.1.1). After either the connection closes.
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
        head.connectionOptions = withHeaderOptions(value, head.connectionOptions);
        break;
      case 'expect':
        isUnmet ||= value.toLowerCase() !== '100-continue';
        break;
      case 'origin':
        // A browser sends one Origin. Two become `null`, which is never allowed.
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
    // The caller may send the body or not, so the connection can't be read any further.
    throw new OutriderError('unsupported_expectation', { detail, close: true });
  }
  return head;
}

const NONE: readonly string[] = [];

/** Adds the options of one `Connection` field to those `before`, but for those that name no header, such as `close`. */
function withHeaderOptions(value: string, before: readonly string[]): readonly string[] {
  const options = optionsOf(value);
  return options.every(isOwnOption) ? before : before.concat(options.filter((option) => !isOwnOption(option)));
}

/**
 * Reads the head of a request. The caller's id of the request replaces that of the record, also when the head is refused. Throws
 * what {@link readHead} throws, and the error of a head that is no request.
 */
export function readHeadOf(
  { headers, flaw }: Pick<Downstream, 'headers' | 'flaw'>,
  record: { requestId: string },
): Head {
  try {
    if (flaw) throw requestError(flaw);
    const head = readHead(headers);
    if (head.requestId !== undefined) record.requestId = head.requestId;
    return head;
  } catch (error) {
    record.requestId = requestIdIn(headers) ?? record.requestId;
    throw error;
  }
}
