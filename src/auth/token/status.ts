import { headerValue, type RawHeaders } from '../../core/headers.ts';
import type { HttpAnswer } from '../../core/http.ts';
import { type Advice, type FailureClass, retryAfterMs, TokenFailure } from './failure.ts';

/** The media types that messages may name. Any other could be arbitrary text of the server. */
const NAMED_TYPES: ReadonlySet<string> = new Set([
  'application/json',
  'application/problem+json',
  'application/problem+xml',
  'application/soap+xml',
  'application/x-www-form-urlencoded',
  'application/xhtml+xml',
  'application/xml',
  'text/html',
  'text/plain',
  'text/xml',
]);

interface Found {
  readonly host: string;
  readonly status: number;
  /** A known error code; empty for none. */
  readonly code: string;
  /** The media type after a comma; empty if it may not be named. */
  readonly type: string;
}

interface Row {
  readonly fits: (status: number, code: string | undefined) => boolean;
  readonly says: (found: Found) => string;
  readonly advice: Advice;
}

const oneOf =
  (...statuses: readonly number[]): Row['fits'] =>
  (status) =>
    statuses.includes(status);

/** What a status other than 2xx means. The first row that fits counts. */
const ROWS: readonly Row[] = [
  {
    fits: (_, code) => code === 'invalid_client',
    says: ({ host, status, code }) => `${host} refused the credentials: ${code} (status ${status})`,
    advice: 'credentials',
  },
  {
    fits: (_, code) => code !== undefined,
    says: ({ host, status, code }) => `${host} refused the call: ${code} (status ${status})`,
    advice: 'call',
  },
  {
    fits: oneOf(401),
    says: ({ host, status }) => `${host} refused the credentials (status ${status})`,
    advice: 'credentials',
  },
  {
    fits: (status) => status < 400,
    says: ({ host, status }) => `${host} redirects (status ${status}): check endpoints.token`,
    advice: 'address',
  },
  {
    fits: (status) => status >= 500,
    says: ({ host, status }) => `${host} failed (status ${status})`,
    advice: 'provider',
  },
  {
    fits: oneOf(408, 429),
    says: ({ host, status }) => `${host} asks to wait (status ${status})`,
    advice: 'provider',
  },
  {
    fits: oneOf(404, 405, 410),
    says: ({ status }) => `no token endpoint at that address (status ${status}): check endpoints.token`,
    advice: 'address',
  },
  {
    fits: () => true,
    says: ({ host, status, type }) => `${host} refused the call (status ${status}${type})`,
    advice: 'call',
  },
];

/**
 * The failure for a status other than 2xx.
 * @param code A known error code of the answer.
 * @param nowMs Epoch milliseconds of our own clock, for a `Retry-After` with a date.
 */
export function statusFailure(
  { status, headers }: HttpAnswer,
  code: string | undefined,
  host: string,
  nowMs: number,
): TokenFailure {
  const { says, advice } = ROWS.find(({ fits }) => fits(status, code)) as Row;
  const detail = says({ host, status, code: code ?? '', type: typeIn(headers) });
  const failure = classOf(status);
  return new TokenFailure(failure, detail, {
    advice,
    retryAfterMs: failure === 'busy' ? retryAfterMs(headers, nowMs) : undefined,
  });
}

/** The kind depends on the status alone. An operator has to correct a 4xx; 408, 429 and 5xx pass by themselves. */
function classOf(status: number): FailureClass {
  if (status === 429) return 'busy';
  if (status >= 500 || status === 408) return 'down';
  return status >= 400 ? 'refused' : 'bad_answer';
}

/** The media type without parameters, after a comma; empty if it may not be named. */
function typeIn(headers: RawHeaders): string {
  const [type = ''] = (headerValue(headers, 'content-type') ?? '').toLowerCase().split(';');
  return NAMED_TYPES.has(type.trim()) ? `, ${type.trim()}` : '';
}

/**
 * The failure for a 2xx answer without a token.
 * @param why Holds no more of the answer than a known error code.
 */
export function withoutToken(host: string, why?: string): TokenFailure {
  const detail = `${host} answered without a token${why === undefined ? '' : `: ${why}`}`;
  return new TokenFailure('bad_answer', detail, { advice: why === 'invalid_client' ? 'credentials' : 'answer' });
}
