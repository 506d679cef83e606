import { OutriderError } from '../core/errors.ts';
import { systemCode } from '../core/system-code.ts';

/** Failures of the network while a connection is made: nothing was sent, and another try may fare better. */
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
  'UND_ERR_SOCKET',
]);

/** Whether a connection that failed with `error` may be tried once more; a certificate that doesn't verify may not. */
export const isConnectRetryable = (error: unknown): boolean =>
  CONNECT_RETRYABLE.has(systemCode(error instanceof OutriderError ? error.cause : error));

interface Reason {
  readonly proxyError: string;
  readonly detail: string;
}

/** Error types of RFC 9209 §2.3 by the system's or the TLS library's code. */
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

/** How far an attempt had come. */
export interface Progress {
  /** The request's first byte may have been written. */
  readonly isStarted: boolean;
  /** The answer's head has arrived. */
  readonly hasHead: boolean;
}

/** What undici makes of a head whose lengths contradict each other, and of a body that ends too early. */
const LENGTH_MISMATCH = 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH';
/** Messages of undici for an answer that is not HTTP as we asked for it. */
const BAD_RESPONSE = /^bad (?:response|upgrade)$/;

/**
 * What a failed attempt means to the caller: `upstream_unreachable` when nothing can have been sent (`isStarted` false),
 * else `upstream_bad_response` or `upstream_failed`. An `OutriderError` (a broken request body, say) stays what it is.
 */
export function upstreamError(error: unknown, { isStarted, hasHead }: Progress): OutriderError {
  if (error instanceof OutriderError) return error;
  const code = systemCode(error);
  if (!isStarted) return new OutriderError('upstream_unreachable', { ...reasonWhyUnreachable(code), cause: error });
  const { message, name } = error as Error;
  if (
    name === 'HTTPParserError' ||
    code.startsWith('HPE_') ||
    code === 'UND_ERR_HEADERS_OVERFLOW' ||
    (!hasHead && code === LENGTH_MISMATCH) ||
    BAD_RESPONSE.test(message)
  ) {
    return new OutriderError('upstream_bad_response', { detail: 'the answer is not valid HTTP/1.1', cause: error });
  }
  return new OutriderError('upstream_failed', {
    detail: 'the connection broke before the answer was complete',
    cause: error,
  });
}
