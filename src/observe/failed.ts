const BROKEN_OFF = 'caller_gone';

/**
 * Whether a request counts as an error: 5xx, an answer that broke, or none at all, unless it was the caller who left. What the
 * provider or we refuse with 4xx is an answer.
 */
export const hasFailed = (status: number, code: string | undefined): boolean =>
  code !== BROKEN_OFF && (status >= 500 || status === 0 || (code !== undefined && status < 400));
