import { OutriderError } from '../../core/errors.ts';
import { headerValue, type RawHeaders } from '../../core/headers.ts';
import type { HttpAnswer } from '../../core/http.ts';

/** What kind of trouble a token endpoint makes. */
export type FailureClass = 'refused' | 'busy' | 'down' | 'timeout' | 'bad_answer';

const LONGEST_RETRY_AFTER_MS = 3_600_000;

/** A token call that brought no token. `detail` is for the caller to read and holds nothing of the answer's body. */
export class TokenFailure extends Error {
  override readonly name = 'TokenFailure';
  readonly failure: FailureClass;
  readonly detail: string;
  /** What the endpoint asked for with 429. */
  readonly retryAfterMs: number | undefined;

  constructor(
    failure: FailureClass,
    detail: string,
    options: { retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(detail, { cause: options.cause });
    this.failure = failure;
    this.detail = detail;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** The failure that a status other than 2xx means (http.md rule 29). */
export function statusFailure({ status, headers }: HttpAnswer, nowMs: number): TokenFailure {
  if (status === 429) {
    return new TokenFailure('busy', 'The token endpoint takes no more calls for now (status 429).', {
      retryAfterMs: retryAfterMs(headers, nowMs),
    });
  }
  if (status >= 500 || status === 408) {
    return new TokenFailure('down', `The token endpoint is down (status ${status}).`);
  }
  if (status >= 400)
    return new TokenFailure('refused', `The token endpoint refused the credentials (status ${status}).`);
  return badAnswer(`status ${status}`);
}

/** A failure for an answer that is no token (http.md rule 30). */
export function badAnswer(what: string): TokenFailure {
  return new TokenFailure('bad_answer', `The token endpoint gave a bad answer: ${what}.`);
}

const TRANSPORT: Readonly<Record<string, readonly [FailureClass, string]>> = {
  upstream_timeout: ['timeout', 'The token endpoint did not answer in time (timed out).'],
  upstream_bad_response: ['bad_answer', 'The token endpoint gave a bad answer: not valid HTTP, or too long.'],
  upstream_unreachable: ['down', 'The token endpoint is down: it could not be reached.'],
};

/** The failure that an error of the HTTP client, or of building the call, means. */
export function toFailure(error: unknown): TokenFailure {
  if (error instanceof TokenFailure) return error;
  if (!(error instanceof OutriderError)) {
    return new TokenFailure('down', 'The token call failed.', { cause: error });
  }
  const [failure, detail] = TRANSPORT[error.code] ?? [
    'down',
    error.code === 'upstream_failed' ? 'The token endpoint is down: the connection broke.' : error.detail,
  ];
  return new TokenFailure(failure, detail, { cause: error });
}

/** `Retry-After` (RFC 9110 §10.2.3) in milliseconds from now: seconds, or a date, which is compared with the answer's own. */
export function retryAfterMs(headers: RawHeaders, nowMs: number): number | undefined {
  const value = headerValue(headers, 'retry-after')?.trim();
  if (value === undefined) return undefined;
  const delay = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - (dateOf(headers) ?? nowMs);
  return Number.isNaN(delay) ? undefined : Math.min(Math.max(delay, 0), LONGEST_RETRY_AFTER_MS);
}

/** The answer's `Date`, epoch milliseconds. */
export function dateOf(headers: RawHeaders): number | undefined {
  const date = Date.parse(headerValue(headers, 'date') ?? '');
  return Number.isNaN(date) ? undefined : date;
}
