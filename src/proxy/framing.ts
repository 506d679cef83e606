import { OutriderError } from '../core/errors.ts';
import { headerValues, isToken, type RawHeaders } from '../core/headers.ts';

export interface HeadLimits {
  readonly headerBytes: number;
  readonly headers: number;
  readonly urlBytes: number;
}

/** What the head of a request says about itself, read in one pass. */
export interface Head {
  host: string;
  hasBody: boolean;
  /** Length of the body in bytes; -1 when chunked, 0 when there is none. */
  contentLength: number;
  /** The `Connection` options besides `close` and `keep-alive`, lower case. */
  connectionOptions: readonly string[];
  expectsContinue: boolean;
  /** Whether another protocol is asked for (RFC 9110 §7.8). */
  asksUpgrade: boolean;
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
  | 'content-length'
  | 'transfer-encoding'
  | 'connection'
  | 'expect'
  | 'upgrade'
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
  'content-length',
  'transfer-encoding',
  'connection',
  'expect',
  'upgrade',
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
const LENGTH = /^(?:0|[1-9]\d{0,15})$/;
const AUTHORITY = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::\d{0,5})?$/;
const REQUEST_ID = /^[\w-]{1,64}$/;

const refuse = (detail: string): OutriderError => new OutriderError('bad_request', { detail, close: true });

/** The caller's `X-Request-Id`, if it is one that we take over. */
export function requestIdIn(headers: RawHeaders): string | undefined {
  return headerValues(headers, 'x-request-id').find((value) => REQUEST_ID.test(value));
}

/** Spellings met so far → the field they name, '' for one that says nothing about framing. Bounded. */
const spellings = new Map<string, Field | ''>();
const SPELLINGS_MAX = 2048;

function classify(name: string): Field | '' {
  const known = spellings.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  if (name.includes('_') && IMITATED.has(lower.replaceAll(/[_-]/g, ''))) {
    throw refuse(`the header name "${name}" imitates a framing header`);
  }
  if (!isToken(name)) throw refuse('a header name has a character that is not allowed');
  const field = FIELDS.has(lower) ? (lower as Field) : '';
  if (spellings.size < SPELLINGS_MAX && name.length <= 64) spellings.set(name, field);
  return field;
}

/**
 * Reads what a head says about framing and about its sender, and refuses what could be understood in two ways.
 * Throws `bad_request` (the connection then closes), `headers_too_large`, `uri_too_long`, `unsupported_expectation`.
 * RFC 9112 §3.2, §6; RFC 9110 §8.6, §10.1.1.
 */
export function readHead(target: string, version: string, headers: RawHeaders, limits: HeadLimits): Head {
  if (version !== '1.1' && version !== '1.0') throw refuse('only HTTP/1.0 and HTTP/1.1 are spoken here');
  if (target.length > limits.urlBytes) {
    throw new OutriderError('uri_too_long', {
      detail: `the target is longer than ${limits.urlBytes} bytes`,
      close: true,
    });
  }
  if (headers.length > limits.headers * 2) {
    throw new OutriderError('headers_too_large', {
      detail: `there are more than ${limits.headers} headers`,
      close: true,
    });
  }
  const head: Head = {
    host: '',
    hasBody: false,
    contentLength: 0,
    connectionOptions: NONE,
    expectsContinue: false,
    asksUpgrade: false,
    origin: undefined,
    fetchSite: undefined,
    requestId: undefined,
    proxyAuthorization: undefined,
    outriderTokens: NONE,
    via: undefined,
    isConditional: false,
  };
  let bytes = 0;
  let hosts = 0;
  let length: string | undefined;
  let coding: string | undefined;
  let isUnmet = false;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    bytes += name.length + value.length + 4;
    const field = classify(name);
    if (field === '') continue;
    switch (field) {
      case 'host':
        if (++hosts > 1) throw refuse('there is more than one Host header');
        head.host = value;
        break;
      case 'content-length':
        if (length !== undefined) throw refuse('there is more than one Content-Length header');
        if (!LENGTH.test(value) || !Number.isSafeInteger(Number(value)))
          throw refuse('Content-Length is not a plain decimal number');
        length = value;
        break;
      case 'transfer-encoding':
        if (coding !== undefined) throw refuse('there is more than one Transfer-Encoding header');
        if (value.length !== 7 || value.toLowerCase() !== 'chunked')
          throw refuse('the only Transfer-Encoding taken is "chunked"');
        coding = value;
        break;
      case 'connection':
        head.connectionOptions = connectionOptions(value, head.connectionOptions);
        break;
      case 'expect':
        if (value.toLowerCase() === '100-continue') head.expectsContinue = true;
        else isUnmet = true;
        break;
      case 'upgrade':
        head.asksUpgrade = true;
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
      default:
        head.isConditional = true;
    }
  }
  if (bytes > limits.headerBytes) {
    throw new OutriderError('headers_too_large', {
      detail: `the headers are larger than ${limits.headerBytes} bytes`,
      close: true,
    });
  }
  if (hosts === 0) throw refuse('there is no Host header');
  if (head.host.includes('@')) throw refuse('Host holds userinfo');
  if (!AUTHORITY.test(head.host)) throw refuse('Host is not a valid authority');
  if (coding !== undefined) {
    if (length !== undefined) throw refuse('Content-Length and Transfer-Encoding came together');
    if (version === '1.0') throw refuse('Transfer-Encoding came in an HTTP/1.0 request');
    head.hasBody = true;
    head.contentLength = -1;
  } else if (length !== undefined) {
    head.contentLength = Number(length);
    head.hasBody = head.contentLength > 0;
  }
  if (isUnmet) {
    const detail = 'the only Expect taken is "100-continue"';
    // Whether the body comes all the same, nobody knows.
    throw new OutriderError('unsupported_expectation', { detail, close: true });
  }
  return head;
}

const NONE: readonly string[] = [];

function connectionOptions(value: string, before: readonly string[]): readonly string[] {
  if (value === 'keep-alive' || value === 'close' || value === 'Keep-Alive') return before;
  return before.concat(
    value
      .split(',')
      // `trim` would take more for a blank than HTTP does.
      .map((option) => option.replaceAll(/^[\t ]+|[\t ]+$/g, '').toLowerCase())
      .filter((option) => option !== '' && option !== 'close' && option !== 'keep-alive'),
  );
}
