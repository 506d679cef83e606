import { headerValue, type RawHeaders } from '../../core/headers.ts';
import type { HttpAnswer } from '../../core/http.ts';
import { type Advice, type FailureClass, retryAfterMs, TokenFailure } from './failure.ts';

/** Media types that may be named; another one could be any text. */
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
  /** A known error code. */
  readonly code: string;
  /** With a comma before it, or nothing. */
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

/** What a status other than 2xx tells; the first row that fits. */
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
 * The failure that a status other than 2xx means.
 * @param code A known error code of the answer.
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

/** How long the endpoint is left alone hangs on the status alone: 4xx are the operator's to mend, 408, 429 and 5xx pass. */
function classOf(status: number): FailureClass {
  if (status === 429) return 'busy';
  if (status >= 500 || status === 408) return 'down';
  return status >= 400 ? 'refused' : 'bad_answer';
}

/** The media type without its parameters, behind a comma; nothing where it is none that may be named. */
function typeIn(headers: RawHeaders): string {
  const [type = ''] = (headerValue(headers, 'content-type') ?? '').toLowerCase().split(';');
  return NAMED_TYPES.has(type.trim()) ? `, ${type.trim()}` : '';
}

/** The failure for a 2xx without a token. `why` holds nothing of the answer but a known error code. */
export function withoutToken(host: string, why?: string): TokenFailure {
  const detail = `${host} answered without a token${why === undefined ? '' : `: ${why}`}`;
  return new TokenFailure('bad_answer', detail, { advice: why === 'invalid_client' ? 'credentials' : 'answer' });
}
