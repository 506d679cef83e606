import { ERRORS } from './errors.ts';
import type { OutriderError } from './errors.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** The `Proxy-Status` of an answer of our own (RFC 9209). */
export const proxyStatus = (error: OutriderError): string => `outrider; error=${error.proxyError}`;

/**
 * The body of an answer of our own (RFC 9457), as JSON text: `type`, `title`, `status`, `code`, `detail`, `remedy`,
 * `request_id`, `outcome`, and `route` once there is one. The error's `cause` is for the log and never in here.
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
