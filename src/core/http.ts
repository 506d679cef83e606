import type { RawHeaders } from './headers.ts';
import type { TlsIdentity } from './tls.ts';

/** A value that is here, or will be. */
export type MaybePromise<T> = T | Promise<T>;

/** A request of our own, to a token endpoint. */
export interface HttpCall {
  readonly method: string;
  /** An absolute http or https URL. */
  readonly url: string;
  /** How TLS is spoken there; undefined: without a certificate of ours, and with the system's roots. */
  readonly tls?: TlsIdentity | undefined;
  /** The headers without Host and framing. */
  readonly headers: RawHeaders;
  readonly body: Uint8Array | null;
  /** The time limit for the whole call, in milliseconds. */
  readonly timeoutMs: number;
  /** The longest body that is read, before and after decoding. Of a longer one only the head of its answer is returned. */
  readonly maxBytes: number;
}

/** The answer to an {@link HttpCall}. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: RawHeaders;
  /** The body without its content coding. It is empty when {@link flaw} says why it can't be read. */
  readonly body: Uint8Array;
  /**
   * Why the body can't be read: it is too long (`too_long`), its content coding is unknown or broken, or yields too much
   * (`coding`), or it broke off (`broken`, only with a status other than 2xx).
   */
  readonly flaw?: 'too_long' | 'coding' | 'broken' | undefined;
}

/**
 * Sends one call and reads the whole answer. It follows no redirects. Rejects with an `OutriderError`: `upstream_unreachable`,
 * `upstream_failed`, `upstream_bad_response`, `upstream_timeout`.
 */
export type HttpClient = (call: HttpCall) => Promise<HttpAnswer>;
