/** Whether the provider can have seen the request. */
export type Outcome = 'not_sent' | 'unknown';

interface ErrorKind {
  readonly status: number;
  readonly title: string;
  readonly remedy: string;
  readonly outcome: Outcome;
  /** The error type of RFC 9209 §2.3. */
  readonly proxyError: string;
}

const kind = (
  status: number,
  proxyError: string,
  title: string,
  remedy: string,
  outcome: Outcome = 'not_sent',
): ErrorKind => ({
  status,
  title,
  remedy,
  outcome,
  proxyError,
});

/** Everything that Outrider itself answers, by stable code (spec: the table of errors). */
export const ERRORS = {
  bad_request: kind(
    400,
    'http_request_error',
    'The request is not acceptable',
    'Correct the request as `detail` says.',
  ),
  request_timeout: kind(
    408,
    'http_request_error',
    'The request took too long to arrive',
    'Send the whole request head within 10 seconds.',
  ),
  uri_too_long: kind(
    414,
    'http_request_error',
    'The request target is too long',
    'Shorten the URL, or raise `limits.url_bytes`.',
  ),
  headers_too_large: kind(
    431,
    'http_request_error',
    'The request headers are too large',
    'Send fewer or shorter headers, or raise `limits.header_bytes` or `limits.headers`.',
  ),
  client_unauthenticated: kind(
    401,
    'http_request_denied',
    'The caller is not authenticated',
    'Send one of the configured access tokens, as `Proxy-Authorization: Bearer` or `X-Outrider-Token`.',
  ),
  host_denied: kind(
    403,
    'http_request_denied',
    'The Host is not allowed',
    'Call by a loopback name, or add the name to `listen.allowed_hosts`.',
  ),
  origin_denied: kind(
    403,
    'http_request_denied',
    'The browser origin is not allowed',
    'Add the origin to `listen.allowed_origins` if that site may spend these credentials.',
  ),
  destination_denied: kind(
    403,
    'destination_ip_prohibited',
    'The destination is not allowed',
    'Add a route for this destination, or use a base URL of this proxy.',
  ),
  token_endpoint_denied: kind(
    403,
    'http_request_denied',
    'The token endpoint is not for callers',
    'Leave the token call out: the token is put on for you. An SDK that insists on one gets a placeholder, as `detail` says.',
  ),
  route_not_found: kind(
    404,
    'destination_not_found',
    'No route matches',
    'Compare the path with the routes of the config: `outrider explain METHOD URL` tells what is missing.',
  ),
  method_not_allowed: kind(
    405,
    'http_request_denied',
    'The method is not allowed',
    'Use one of the methods in `Allow`.',
  ),
  body_too_large: kind(
    413,
    'http_request_error',
    'The body is too large',
    'Send a smaller body, or raise `limits.signed_body`.',
  ),
  bad_body: kind(
    400,
    'http_request_error',
    'The body is not what the credential needs',
    'Send the body in the form that `detail` names.',
  ),
  unsupported_expectation: kind(
    417,
    'http_request_error',
    'The expectation is not supported',
    'Send no `Expect` other than `100-continue`.',
  ),
  loop_detected: kind(
    508,
    'proxy_loop_detected',
    'The request came from this proxy itself',
    "Point the route's `upstream` at the provider, not at this proxy.",
  ),
  upstream_unreachable: kind(
    502,
    'destination_unavailable',
    'The provider could not be reached',
    'Check the address, DNS, firewall and certificate. It is safe to send the request again.',
  ),
  upstream_failed: kind(
    502,
    'connection_terminated',
    'The connection to the provider broke',
    'The provider may have acted on the request: ask for its status before sending it again.',
    'unknown',
  ),
  upstream_bad_response: kind(
    502,
    'http_protocol_error',
    'The provider answered something that is not valid HTTP',
    'The provider may have acted on the request: ask for its status before sending it again.',
    'unknown',
  ),
  upstream_timeout: kind(
    504,
    'http_response_timeout',
    'The provider did not answer in time',
    'If `outcome` is `unknown`, ask for the status before sending the request again.',
    'unknown',
  ),
  token_unavailable: kind(
    503,
    'http_request_denied',
    'No usable token can be had',
    'Send the request again after `Retry-After`; `detail` says what is wrong with the token endpoint.',
  ),
  unauthenticated: kind(
    401,
    'http_request_denied',
    'The admin API needs its token',
    'Send the `admin.token` of the config as `Authorization: Bearer`; where there is none, set one and start again.',
  ),
  not_found: kind(404, 'http_request_error', 'There is nothing of that name', 'Use one of the names in `detail`.'),
  invalid_config: kind(
    422,
    'proxy_configuration_error',
    'The config has errors',
    'Correct the file as `diagnostics` say.',
  ),
  renewed_recently: kind(
    429,
    'http_request_denied',
    'The token was renewed a moment ago',
    'Wait for `Retry-After`: a token younger than `renew.cooldown` is not renewed by hand.',
  ),
  overloaded: kind(
    503,
    'connection_limit_reached',
    'Too much is under way',
    'Send the request again after `Retry-After`.',
  ),
  internal_error: kind(
    500,
    'proxy_internal_error',
    'Outrider itself failed',
    'Report it with the `request_id`; the log has the cause.',
    'unknown',
  ),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorOptions {
  /** One sentence for the caller: what exactly was wrong. Never holds a secret. */
  readonly detail: string;
  /** Replaces the outcome of the table, e.g. `not_sent` for a timeout while connecting. */
  readonly outcome?: Outcome;
  readonly cause?: unknown;
  /** Further response headers: name, value, … (`Retry-After`, `Allow`, `WWW-Authenticate`). */
  readonly headers?: readonly string[];
  /** Replaces the remedy of the table. */
  readonly remedy?: string;
  /** Replaces the status of the table (407 in place of 401). */
  readonly status?: number;
  /** Replaces the RFC 9209 error type of the table. */
  readonly proxyError?: string;
  /** Close the caller's connection after the answer. */
  readonly close?: boolean;
  /** It was the egress proxy that failed, and not what lies behind it. */
  readonly isEgress?: boolean;
}

/** The one error that becomes an answer. Its status, title and remedy come from {@link ERRORS}. */
export class OutriderError extends Error {
  override readonly name = 'OutriderError';
  readonly code: ErrorCode;
  readonly detail: string;
  readonly remedy: string;
  readonly status: number;
  readonly outcome: Outcome;
  readonly proxyError: string;
  readonly headers: readonly string[];
  readonly close: boolean;
  readonly isEgress: boolean;

  constructor(code: ErrorCode, options: ErrorOptions) {
    super(`${code}: ${options.detail}`, { cause: options.cause });
    const entry: ErrorKind = ERRORS[code];
    this.code = code;
    this.detail = options.detail;
    this.remedy = options.remedy ?? entry.remedy;
    this.status = options.status ?? entry.status;
    this.outcome = options.outcome ?? entry.outcome;
    this.proxyError = options.proxyError ?? entry.proxyError;
    this.headers = options.headers ?? [];
    this.close = options.close ?? false;
    this.isEgress = options.isEgress ?? false;
  }
}
