import { ERRORS } from './errors.ts';
import type { OutriderError } from './errors.ts';

/** The media type of problem documents (RFC 9457 §3). */
export const PROBLEM_TYPE = 'application/problem+json';

/** Returns the value of `Proxy-Status` for an error of ours (RFC 9209). */
export const proxyStatus = (error: OutriderError): string => `outrider; error=${error.proxyError}`;

/**
 * Returns the problem document (RFC 9457) for an error of ours, as JSON text: `type`, `title`, `status`, `code`, `detail`,
 * `remedy`, `request_id`, `outcome`, and `route` if one was found. It never holds the error's `cause`, which is for the log.
 */
export function problemJson(error: OutriderError, requestId: string, route?: string): string {
  const { title } = ERRORS[error.code];
  return JSON.stringify({
    type: `urn:outrider:error:${error.code}`,
    title,
    status: error.status,
    code: error.code,
    detail: error.detail,
    remedy: error.remedy,
    request_id: requestId,
    outcome: error.outcome,
    route,
  });
}
