import { OutriderError, type ErrorCode, type Outcome } from '../core/errors.ts';
import { Http1Error, type Http1ErrorCode } from '../http1/error.ts';
import { systemCode } from '../core/system-code.ts';

/** The system's codes for failures of the network while connecting. Nothing was sent, and a second try may succeed. */
const CONNECT_RETRYABLE: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);

/** Whether to try once more after connecting failed with `error`. A certificate that doesn't verify is no reason to. */
export const isConnectRetryable = (error: unknown): boolean =>
  CONNECT_RETRYABLE.has(systemCode(error instanceof OutriderError ? error.cause : error));

interface Reason {
  readonly proxyError: string;
  readonly detail: string;
}

/** The error type (RFC 9209 §2.3) and the detail for a code of the system. */
const UNREACHABLE: Readonly<Record<string, Reason>> = {
  EAI_AGAIN: { proxyError: 'dns_error', detail: "the provider's name could not be resolved" },
  ENOTFOUND: { proxyError: 'dns_error', detail: "the provider's name could not be resolved" },
  ECONNREFUSED: { proxyError: 'connection_refused', detail: 'the provider refused the connection' },
  ECONNRESET: { proxyError: 'connection_terminated', detail: 'the connection was reset while it was being made' },
  EHOSTUNREACH: { proxyError: 'destination_ip_unroutable', detail: "there is no way to the provider's address" },
  ENETUNREACH: { proxyError: 'destination_ip_unroutable', detail: "there is no way to the provider's address" },
};

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET)|HOSTNAME_MISMATCH/;

function reasonWhyUnreachable(code: string): Reason {
  const known = UNREACHABLE[code];
  if (known) return known;
  if (CERTIFICATE.test(code))
    return { proxyError: 'tls_certificate_error', detail: `the provider's certificate is not trusted (${code})` };
  if (code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS') || code === 'EPROTO') {
    return { proxyError: 'tls_protocol_error', detail: `TLS with the provider failed (${code})` };
  }
  return {
    proxyError: 'destination_unavailable',
    detail: `no connection to the provider${code === '' ? '' : ` (${code})`}`,
  };
}

/** The alert of a server that wants a client certificate and got none. In TLS 1.3 it comes after the handshake. */
const WANTS_CERTIFICATE = /TLSV13_ALERT_CERTIFICATE_REQUIRED/;

/**
 * The alerts of a server that doesn't accept the certificate that it was shown (RFC 8446 §6.2). They are about nothing else: we
 * verify the server's own certificate ourselves.
 */
const REFUSES_CERTIFICATE =
  /ALERT_(?:UNKNOWN_CA|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_(?:EXPIRED|REVOKED|UNKNOWN)|ACCESS_DENIED)/;

const AMBIGUOUS = 'the length of the answer is ambiguous';

/** The details for faults of an answer that deserve more than "not valid HTTP/1.1". */
const DETAILS: Readonly<Partial<Record<Http1ErrorCode, string>>> = {
  bad_start_line: 'the answer does not begin as one of HTTP/1.1',
  bad_length: AMBIGUOUS,
  two_lengths: AMBIGUOUS,
  bad_coding: AMBIGUOUS,
  two_codings: AMBIGUOUS,
  length_and_coding: AMBIGUOUS,
  coding_in_1_0: AMBIGUOUS,
  unexpected_switch: 'the provider switches protocols, and nobody asked for it',
  head_too_large: 'the head of the answer is larger than `limits.answer_header_bytes`',
  trailers_too_large: 'the trailers of the answer are larger than `limits.answer_header_bytes`',
};

/**
 * Returns the caller's error for a failed attempt: `upstream_unreachable` when nothing can have been sent, else
 * `upstream_bad_response` or `upstream_failed`. An `OutriderError`, such as that of a broken request body, stays as it is.
 * @param isStarted Whether the request may have been written.
 */
export function upstreamError(error: unknown, isStarted: boolean): OutriderError {
  if (error instanceof OutriderError) return error;
  const code = systemCode(error);
  // A server that insists on a client certificate has not read the request.
  if (WANTS_CERTIFICATE.test(code)) return wantsCertificate(error);
  if (REFUSES_CERTIFICATE.test(code)) return refusesCertificate(error);
  if (!isStarted) return new OutriderError('upstream_unreachable', { ...reasonWhyUnreachable(code), cause: error });
  const isMalformed = error instanceof Http1Error ? error.code !== 'truncated' : code.startsWith('HPE_');
  if (isMalformed) {
    const detail = (error instanceof Http1Error && DETAILS[error.code]) || 'the answer is not valid HTTP/1.1';
    return new OutriderError('upstream_bad_response', { detail, cause: error });
  }
  return new OutriderError('upstream_failed', {
    detail: 'the connection broke before the answer was complete',
    cause: error,
  });
}

/** Makes the error for a provider that wants a client certificate: `upstream_unreachable`, `not_sent`. */
export const wantsCertificate = (cause: unknown): OutriderError =>
  new OutriderError('upstream_unreachable', {
    detail: 'the provider asks for a client certificate',
    proxyError: 'tls_alert_received',
    outcome: 'not_sent',
    cause,
  });

/** Makes the error for a provider that doesn't accept the client certificate: `upstream_unreachable`, `not_sent`. */
export const refusesCertificate = (cause: unknown): OutriderError =>
  new OutriderError('upstream_unreachable', {
    detail: `the provider does not accept the client certificate (${systemCode(cause)})`,
    proxyError: 'tls_alert_received',
    outcome: 'not_sent',
    cause,
  });

/** The error codes for faults of a request that are not `bad_request`. */
const REQUEST_CODES: Readonly<Partial<Record<Http1ErrorCode, ErrorCode>>> = {
  target_too_long: 'uri_too_long',
  fields_too_large: 'headers_too_large',
  too_many_fields: 'headers_too_large',
  trailers_too_large: 'headers_too_large',
  head_timeout: 'request_timeout',
  body_timeout: 'request_timeout',
};

/** The remedies for faults of a request that the remedy of their code doesn't fit. */
const REQUEST_REMEDIES: Readonly<Partial<Record<Http1ErrorCode, string>>> = {
  body_timeout: 'Send the body without such pauses, or raise `timeouts.caller`.',
};

/**
 * Turns the `Http1Error` of a request into the error that answers it and closes its connection. Other errors stay as they are;
 * only an `OutriderError` gets the given outcome, and closes the connection then.
 * @param outcome Replaces the outcome of the error's code: `unknown` once the upstream may have seen the request.
 */
export function requestError(error: unknown, outcome?: Outcome): unknown {
  if (error instanceof Http1Error) {
    const remedy = REQUEST_REMEDIES[error.code];
    return new OutriderError(REQUEST_CODES[error.code] ?? 'bad_request', {
      detail: error.message,
      close: true,
      ...(outcome && { outcome }),
      ...(remedy && { remedy }),
    });
  }
  if (!(error instanceof OutriderError) || !outcome) return error ?? new Error('the request body broke');
  const { code, detail, cause } = error;
  return new OutriderError(code, { detail, cause, outcome, close: true });
}
