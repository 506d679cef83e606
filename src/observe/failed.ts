const BROKEN_OFF = 'caller_gone';

/**
 * Whether a request counts as an error: an answer of 5xx, one that broke, or none at all. It doesn't count when the caller left. A
 * refusal with 4xx, by the provider or by us, is an answer.
 */
export const hasFailed = (status: number, code: string | undefined): boolean =>
  code !== BROKEN_OFF && (status >= 500 || status === 0 || (code !== undefined && status < 400));
