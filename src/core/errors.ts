/** Whether the provider may have seen the request. */
export const OUTCOMES = {
  not_sent: 'the provider has not seen the request',
  unknown: 'the provider may have seen the request',
} as const;
export type Outcome = keyof typeof OUTCOMES;

interface ErrorKind {
  readonly status: number;
  /** The error type for `Proxy-Status` (RFC 9209 §2.3). */
  readonly proxyError: string;
  readonly title: string;
  /** When it is answered, in a sentence. */
  readonly cause: string;
  readonly remedy: string;
  readonly outcome: Outcome;
  /** What one such answer says. */
  readonly example: Pick<ErrorOptions, 'detail' | 'remedy'>;
}

/** The errors that Outrider itself answers with, by their stable codes. */
export const ERRORS = {
  bad_request: {
    status: 400,
    proxyError: 'http_request_error',
    title: 'The request is not acceptable',
    cause:
      'It breaks a rule of HTTP, or one that keeps two programs from reading it in two ways: framing, Host, target or path.',
    remedy: 'Correct the request as `detail` says.',
    outcome: 'not_sent',
    example: { detail: 'the path has a dot segment' },
  },
  request_timeout: {
    status: 408,
    proxyError: 'http_request_error',
    title: 'The request took too long to arrive',
    cause: 'The head was not whole within 10 seconds, or no more of the body came for `timeouts.caller`.',
    remedy: 'Send the whole request head within 10 seconds.',
    outcome: 'not_sent',
    example: { detail: 'the head did not arrive in time' },
  },
  uri_too_long: {
    status: 414,
    proxyError: 'http_request_error',
    title: 'The request target is too long',
    cause: 'The target is longer than `limits.url_bytes`.',
    remedy: 'Shorten the URL, or raise `limits.url_bytes`.',
    outcome: 'not_sent',
    example: { detail: 'the target is longer than the limit' },
  },
  headers_too_large: {
    status: 431,
    proxyError: 'http_request_error',
    title: 'The request headers are too large',
    cause: 'The header lines are more than `limits.headers`, or larger than `limits.header_bytes` all together.',
    remedy: 'Send fewer or shorter headers, or raise `limits.header_bytes` or `limits.headers`.',
    outcome: 'not_sent',
    example: { detail: 'the header fields are larger than the limit' },
  },
  client_unauthenticated: {
    status: 401,
    proxyError: 'http_request_denied',
    title: 'The caller is not authenticated',
    cause:
      'The config has `callers` or `listen.access_tokens`, and none of them came, or one that has expired. At the forward doors the status is 407.',
    remedy:
      'Send the token of a caller, or one of the access tokens, as `Proxy-Authorization: Bearer` or `X-Outrider-Token`.',
    outcome: 'not_sent',
    example: { detail: 'the token is not that of a caller' },
  },
  caller_denied: {
    status: 403,
    proxyError: 'http_request_denied',
    title: 'The caller may not do that',
    cause:
      'The `routes`, `methods` or `paths` of the caller do not have it. The answer is the same whether a route is there or not.',
    remedy: 'Ask the operator: `outrider explain --caller NAME METHOD URL` tells which of them is missing.',
    outcome: 'not_sent',
    example: { detail: 'this caller may not make this request' },
  },
  caller_limited: {
    status: 429,
    proxyError: 'connection_limit_reached',
    title: 'The caller does too much at once',
    cause: 'The caller is over its `rate`, or has as many requests under way as its `concurrent` allows.',
    remedy: 'Send the request again after `Retry-After`.',
    outcome: 'not_sent',
    example: { detail: 'this caller makes more requests than its rate' },
  },
  host_denied: {
    status: 403,
    proxyError: 'http_request_denied',
    title: 'The Host is not allowed',
    cause:
      '`Host` is no loopback name, no host of a route and none of `listen.allowed_hosts`: a page of a stranger may have led a browser here.',
    remedy: 'Call by a loopback name, or add the name to `listen.allowed_hosts`.',
    outcome: 'not_sent',
    example: { detail: 'the Host header names none of the names of this proxy' },
  },
  origin_denied: {
    status: 403,
    proxyError: 'http_request_denied',
    title: 'The browser origin is not allowed',
    cause: 'A browser sent it for a page whose origin is not among `listen.allowed_origins`.',
    remedy: 'Add the origin to `listen.allowed_origins` if that site may spend these credentials.',
    outcome: 'not_sent',
    example: { detail: 'the request comes from a web page whose origin is not allowed' },
  },
  destination_denied: {
    status: 403,
    proxyError: 'destination_ip_prohibited',
    title: 'The destination is not allowed',
    cause: 'It came as to a forward proxy, and no route leads where it wants to go.',
    remedy: 'Add a route for this destination, or use a base URL of this proxy.',
    outcome: 'not_sent',
    example: { detail: 'this proxy forwards to its routes alone' },
  },
  token_endpoint_denied: {
    status: 403,
    proxyError: 'http_request_denied',
    title: 'The token endpoint is not for callers',
    cause: 'It would reach the token endpoint of a provider, and is not the call that gets a placeholder.',
    remedy:
      'Leave the token call out: the token is put on for you. An SDK that insists on one gets a placeholder, as `detail` says.',
    outcome: 'not_sent',
    example: { detail: 'No caller reaches a token endpoint: only POST gets a placeholder.' },
  },
  route_not_found: {
    status: 404,
    proxyError: 'destination_not_found',
    title: 'No route matches',
    cause: 'No route of the config matches its path, host, headers and method.',
    remedy: 'Compare the path with the routes of the config: `outrider explain METHOD URL` tells what is missing.',
    outcome: 'not_sent',
    example: { detail: 'no route matches GET /nowhere' },
  },
  method_not_allowed: {
    status: 405,
    proxyError: 'http_request_denied',
    title: 'The method is not allowed',
    cause:
      'TRACE is never forwarded, CONNECT wants forwarding, and a profile that signs lets no method pass that it does not sign.',
    remedy: 'Use one of the methods in `Allow`.',
    outcome: 'not_sent',
    example: { detail: 'The profile signs no DELETE request to this path, and an unsigned one is not sent.' },
  },
  body_too_large: {
    status: 413,
    proxyError: 'http_request_error',
    title: 'The body is too large',
    cause: 'Its credential needs the whole body, which is larger than `limits.signed_body`.',
    remedy: 'Send a smaller body, or raise `limits.signed_body`.',
    outcome: 'not_sent',
    example: { detail: 'a body that must be whole may have 2048 bytes at most' },
  },
  bad_body: {
    status: 400,
    proxyError: 'http_request_error',
    title: 'The body is not what the credential needs',
    cause:
      'Its credential goes into a form or JSON, or is computed from a field, and the body is none, or can be read in two ways.',
    remedy: 'Send the body in the form that `detail` names.',
    outcome: 'not_sent',
    example: { detail: 'The body must be JSON; it is not.' },
  },
  unsupported_expectation: {
    status: 417,
    proxyError: 'http_request_error',
    title: 'The expectation is not supported',
    cause: '`Expect` asks for something that no proxy can promise.',
    remedy: 'Send no `Expect` other than `100-continue`.',
    outcome: 'not_sent',
    example: { detail: 'the only Expect taken is "100-continue"' },
  },
  loop_detected: {
    status: 508,
    proxyError: 'proxy_loop_detected',
    title: 'The request came from this proxy itself',
    cause: '`Via` names this very process: the upstream of a route leads back here.',
    remedy: "Point the route's `upstream` at the provider, not at this proxy.",
    outcome: 'not_sent',
    example: { detail: 'Via names this very process' },
  },
  upstream_unreachable: {
    status: 502,
    proxyError: 'destination_unavailable',
    title: 'The provider could not be reached',
    cause: 'No connection came about: name, network, TLS or certificate.',
    remedy: 'Check the address, DNS, firewall and certificate. It is safe to send the request again.',
    outcome: 'not_sent',
    example: { detail: 'the provider refused the connection' },
  },
  upstream_failed: {
    status: 502,
    proxyError: 'connection_terminated',
    title: 'The connection to the provider broke',
    cause: 'The connection broke when the request was on its way and the answer not there.',
    remedy: 'The provider may have acted on the request: ask for its status before sending it again.',
    outcome: 'unknown',
    example: { detail: 'the connection broke before the answer was complete' },
  },
  upstream_bad_response: {
    status: 502,
    proxyError: 'http_protocol_error',
    title: 'The provider answered something that is not valid HTTP',
    cause:
      'What came back can not be read for certain: no HTTP, two lengths, a head beyond `limits.answer_header_bytes`. Or `scrub: strict` can not search it: it has a content coding.',
    remedy: 'The provider may have acted on the request: ask for its status before sending it again.',
    outcome: 'unknown',
    example: { detail: 'the answer does not begin as one of HTTP/1.1' },
  },
  upstream_timeout: {
    status: 504,
    proxyError: 'http_response_timeout',
    title: 'The provider did not answer in time',
    cause: 'No answer came within `timeouts.response`, or (then `not_sent`) no connection within `timeouts.connect`.',
    remedy: 'If `outcome` is `unknown`, ask for the status before sending the request again.',
    outcome: 'unknown',
    example: { detail: 'no answer from the provider within 100 ms' },
  },
  token_unavailable: {
    status: 503,
    proxyError: 'http_request_denied',
    title: 'No usable token can be had',
    cause: 'There is no token that is still good, and the token endpoint gives no new one.',
    remedy: 'Send the request again after `Retry-After`; `detail` says what is wrong with the token endpoint.',
    outcome: 'not_sent',
    example: {
      detail: 'id.example refused the credentials: invalid_client (status 401)',
      remedy:
        "Check the provider's credentials, in the config or where their values come from. Send the request again after `Retry-After`.",
    },
  },
  callback_rejected: {
    status: 401,
    proxyError: 'http_request_denied',
    title: 'The callback is not verified',
    cause:
      'It came to `callbacks_listen` and its signature is not right, it came too late, or it can be read in two ways. The log says which.',
    remedy: 'The log of the proxy says why; `outrider explain --callback` shows how a callback is looked at.',
    outcome: 'not_sent',
    example: { detail: 'the callback could not be verified' },
  },
  callback_undeliverable: {
    status: 503,
    proxyError: 'destination_unavailable',
    title: 'The application did not take the callback',
    cause: 'The application at `forward` was not there, answered with a 5xx, or took longer than `timeout`.',
    remedy: 'Send the callback again after `Retry-After`.',
    outcome: 'unknown',
    example: { detail: 'the application answered with status 500' },
  },
  unauthenticated: {
    status: 401,
    proxyError: 'http_request_denied',
    title: 'The admin API needs its token',
    cause:
      '`admin.token` did not come. The API needs it beyond loopback, with `listen.access_tokens`, and wherever it is set.',
    remedy:
      'Send the `admin.token` of the config as `Authorization: Bearer`; where there is none, set one and start again.',
    outcome: 'not_sent',
    example: { detail: 'this needs `Authorization: Bearer` with the `admin.token` of the config' },
  },
  not_found: {
    status: 404,
    proxyError: 'http_request_error',
    title: 'There is nothing of that name',
    cause: 'The admin address has no such path, or the config no provider, caller or simulator of the name in it.',
    remedy: 'Use one of the names in `detail`.',
    outcome: 'not_sent',
    example: { detail: 'the config has no provider of that name; there is oauth' },
  },
  invalid_config: {
    status: 422,
    proxyError: 'proxy_configuration_error',
    title: 'The config has errors',
    cause: 'The config has errors: a reload changed nothing, or a command other than `outrider check` could not begin.',
    remedy: 'Correct the file as `outrider check` says; the `diagnostics` of an answer say the same.',
    outcome: 'not_sent',
    example: { detail: 'the changed config has errors: the one before it serves on' },
  },
  renewed_recently: {
    status: 429,
    proxyError: 'http_request_denied',
    title: 'The token was renewed a moment ago',
    cause: 'A renewal was asked for at the admin address, and the token is younger than `renew.cooldown`.',
    remedy: 'Wait for `Retry-After`: a token younger than `renew.cooldown` is not renewed by hand.',
    outcome: 'not_sent',
    example: { detail: 'the token is 3 s old, younger than renew.cooldown 5s' },
  },
  overloaded: {
    status: 503,
    proxyError: 'connection_limit_reached',
    title: 'Too much is under way',
    cause:
      'There are more connections than `limits.connections`, more requests that wait for a token than `limits.waiting`, or no memory left for a body that must be whole (`limits.body_memory`).',
    remedy: 'Send the request again after `Retry-After`.',
    outcome: 'not_sent',
    example: { detail: 'more than 2 connections' },
  },
  internal_error: {
    status: 500,
    proxyError: 'proxy_internal_error',
    title: 'Outrider itself failed',
    cause: 'A fault that nobody foresaw.',
    remedy: 'Report it with the `request_id`; the log has the cause.',
    outcome: 'unknown',
    example: { detail: 'something went wrong in this proxy' },
  },
} as const satisfies Record<string, ErrorKind>;

/** The stable code of an error of ours. */
export type ErrorCode = keyof typeof ERRORS;

/** What one error says beside its code. */
export interface ErrorOptions {
  /** One sentence for the caller that says what exactly was wrong. It never holds a secret. */
  readonly detail: string;
  /** Replaces the outcome of the table: `not_sent` for a timeout while connecting, for example. */
  readonly outcome?: Outcome;
  /** What led to the error. The log shows it; the caller never sees it. */
  readonly cause?: unknown;
  /** Further headers of the answer: name, value, … (`Retry-After`, `Allow`, `WWW-Authenticate`). */
  readonly headers?: readonly string[];
  /** Replaces the remedy of the table. */
  readonly remedy?: string;
  /** Replaces the status of the table: 407 instead of 401, for example. */
  readonly status?: number;
  /** Replaces the RFC 9209 error type of the table. */
  readonly proxyError?: string;
  /** Whether the caller's connection closes after the answer. */
  readonly close?: boolean;
  /** Whether the egress proxy failed, rather than the provider behind it. */
  readonly isEgress?: boolean;
}

/**
 * The only error that becomes an answer. Its status, title, remedy and outcome come from {@link ERRORS}, unless options replace
 * them.
 */
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
