import { ERRORS, OutriderError } from '../../core/errors.ts';
import { headerValue, type RawHeaders } from '../../core/headers.ts';
import { systemCode } from '../../core/system-code.ts';
import { formatDuration } from '../../core/units.ts';

/** The kind of a failure of a token endpoint. It decides how long the endpoint is left alone. */
export type FailureClass = 'refused' | 'busy' | 'down' | 'timeout' | 'bad_answer';

/** What an operator can do about a failure. */
export const REMEDIES = {
  credentials: "Check the provider's credentials, in the config or where their values come from.",
  call: "Compare the token call that `outrider explain` shows with the provider's documentation: scope, fields, headers.",
  address: "Check the provider's `endpoints.token`.",
  network:
    'Check the name and the port in `endpoints.token`, DNS and the firewall. A CA of your own is trusted by NODE_EXTRA_CA_CERTS.',
  egress: 'Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY, and the proxy that they name.',
  time: 'Check the firewall, and `timeouts.token`; else the provider has to recover: try again later.',
  provider: 'The provider has to recover: try again later.',
  ours: 'This is a fault of Outrider: report it with what the log says.',
  program: "Run the profile's `token.command` by hand, with PATH, HOME and what `token.env` says.",
  answer: "Check that `endpoints.token` is a token endpoint, and that the profile's `token.read` fits its answers.",
} as const;

/** What kind of thing a person can do. */
export type Advice = keyof typeof REMEDIES;

/** A longer `Retry-After` is shortened to this. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/** What a {@link TokenFailure} holds besides its kind and detail. `remedy` is that of a provider's outage by default. */
export interface FailureOptions {
  /** Default: `provider`. */
  readonly advice?: Advice;
  /** In place of what the advice says. */
  readonly remedy?: string;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/**
 * A token call that brought no token. `detail` and `remedy` are for people to read. They hold no more of the answer's body than
 * a known error code, and no more of the URL than its host.
 */
export class TokenFailure extends Error {
  override readonly name = 'TokenFailure';
  readonly failure: FailureClass;
  readonly detail: string;
  readonly advice: Advice;
  readonly remedy: string;
  /** The `Retry-After` of a 429 answer in milliseconds, if it has one. */
  readonly retryAfterMs: number | undefined;

  constructor(failure: FailureClass, detail: string, options: FailureOptions = {}) {
    super(detail, { cause: options.cause });
    this.failure = failure;
    this.detail = detail;
    this.advice = options.advice ?? 'provider';
    this.remedy = options.remedy ?? REMEDIES[this.advice];
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** What a failed call tells of itself. */
export interface FailedCall {
  /** The host for people to read, as {@link hostOf} gives it. */
  readonly host: string;
  readonly timeoutMs: number;
}

type Reading = (call: FailedCall, error: OutriderError) => TokenFailure;

const TRANSPORT: Readonly<Record<string, Reading>> = {
  upstream_timeout: ({ host, timeoutMs }, cause) =>
    new TokenFailure('timeout', `no answer from ${host} within ${formatDuration(timeoutMs)}`, {
      advice: 'time',
      cause,
    }),
  upstream_bad_response: ({ host }, cause) =>
    new TokenFailure('bad_answer', `${host} answered something that is not HTTP`, { advice: 'address', cause }),
  upstream_failed: ({ host }, cause) => new TokenFailure('down', `the connection to ${host} broke`, { cause }),
  upstream_unreachable: ({ host }, cause) =>
    new TokenFailure('down', `can't reach ${host}: ${reasonOf(cause)}`, {
      advice: cause.isEgress ? 'egress' : 'network',
      cause,
    }),
};

/** Turns an error of the HTTP client, or of building the call, into a failure. */
export function toFailure(error: unknown, call: FailedCall): TokenFailure {
  if (error instanceof TokenFailure || !(error instanceof OutriderError)) return asFailure(error);
  const read = TRANSPORT[error.code];
  if (read) return read(call, error);
  // The remedies in the table of errors are for the sender of a request, not for the operator of a token call.
  const remedy = error.remedy === ERRORS[error.code].remedy ? REMEDIES.call : error.remedy;
  return new TokenFailure('down', error.detail, { advice: 'call', remedy, cause: error });
}

/** Turns anything that was thrown into a failure. An unforeseen error becomes its cause. */
export function asFailure(error: unknown): TokenFailure {
  if (error instanceof TokenFailure) return error;
  return new TokenFailure('down', 'the token call failed', { advice: 'ours', cause: error });
}

/** What TLS can break on. */
export interface TlsFault {
  /** The code is stable. */
  readonly code: string;
  readonly meaning: string;
}

/** What the error codes of OpenSSL and of Node's certificate checks mean. The first row that fits counts. */
const TLS: readonly (readonly [pattern: RegExp, code: string, meaning: string])[] = [
  [/CERT_HAS_EXPIRED/, 'certificate_expired', 'its certificate has expired'],
  [/CERT_NOT_YET_VALID/, 'certificate_not_yet_valid', 'its certificate is not valid yet'],
  [/ALTNAME_INVALID|HOSTNAME_MISMATCH/, 'certificate_for_another_name', 'its certificate is for another name'],
  [/CERTIFICATE_REQUIRED/, 'client_certificate_wanted', 'it asks for a client certificate'],
  [
    /ALERT_.*(?:CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE)/,
    'client_certificate_refused',
    'it does not accept the client certificate',
  ],
  [/^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/, 'no_tls', 'no TLS is spoken there'],
  [/^(?:ERR_SSL|ERR_TLS_(?!CERT))|^EPROTO$/, 'tls_failed', 'TLS failed'],
  [/CERT|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET)/, 'certificate_untrusted', 'its certificate is not trusted'],
];

/** What a system code means for TLS. Undefined when it has nothing to do with TLS. */
export function tlsFault(systemCode: string): TlsFault | undefined {
  const [, code, meaning] = TLS.find(([pattern]) => pattern.test(systemCode)) ?? [];
  return code === undefined || meaning === undefined ? undefined : { code, meaning };
}

/** The TLS fault that a connection broke on, if it was one. A client certificate is asked for in more ways than one. */
export function tlsFaultOf({ proxyError, detail, cause }: OutriderError): TlsFault | undefined {
  const isAsked = proxyError === 'tls_alert_received' && detail.includes('asks for');
  return tlsFault(isAsked ? 'CERTIFICATE_REQUIRED' : systemCode(cause));
}

/** Why a connection failed: what TLS broke on, else the system's code. If the egress proxy failed, its own detail says why. */
function reasonOf(error: OutriderError): string {
  if (error.isEgress) return error.detail;
  const code = systemCode(error.cause);
  const fault = tlsFaultOf(error);
  if (fault) return `${fault.meaning} (${code})`;
  return /^[A-Z][A-Z0-9_]*$/.test(code) ? code : 'no connection';
}

const USUAL_PORTS = { 'http:': '80', 'https:': '443' } as const;

/**
 * The host of a URL for people to read, with its port unless it is the default one. The URL may contain masked secrets, so it
 * may not parse as a URL; without a host, the result is "the token endpoint".
 */
export function hostOf(url: string): string {
  const [, scheme = '', authority = ''] = /^(https?:)\/\/([^/?#]*)/i.exec(url) ?? [];
  const host = authority.slice(authority.lastIndexOf('@') + 1).toLowerCase();
  const usual = `:${USUAL_PORTS[scheme.toLowerCase() as keyof typeof USUAL_PORTS]}`;
  return (host.endsWith(usual) ? host.slice(0, -usual.length) : host) || 'the token endpoint';
}

/**
 * Reads `Retry-After` (RFC 9110 §10.2.3) in milliseconds from now, at most an hour; undefined if it is missing or invalid. A
 * date is compared with the `Date` of the answer, so that clocks may differ; without `Date`, with `nowMs`.
 */
export function retryAfterMs(headers: RawHeaders, nowMs: number): number | undefined {
  const value = headerValue(headers, 'retry-after')?.trim();
  if (value === undefined) return undefined;
  const delay = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - (dateOf(headers) ?? nowMs);
  return Number.isNaN(delay) ? undefined : Math.min(Math.max(delay, 0), LONGEST_RETRY_AFTER_MS);
}

/** The `Date` of an answer (RFC 9110 §6.6.1) in epoch milliseconds; undefined if it is missing or invalid. */
export function dateOf(headers: RawHeaders): number | undefined {
  const date = Date.parse(headerValue(headers, 'date') ?? '');
  return Number.isNaN(date) ? undefined : date;
}
