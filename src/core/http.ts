import type { RawHeaders } from './headers.ts';

export type MaybePromise<T> = T | Promise<T>;

/** One whole request of our own, to a token endpoint. */
export interface HttpCall {
  readonly method: string;
  /** Absolute, http or https. */
  readonly url: string;
  /** Without Host and framing headers. */
  readonly headers: RawHeaders;
  readonly body: Uint8Array | null;
  readonly timeoutMs: number;
  /** A longer answer is a failure. */
  readonly maxBytes: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: RawHeaders;
  /** Content codings removed. */
  readonly body: Uint8Array;
}

/**
 * Sends one call and reads the whole answer, redirects not followed.
 * Rejects with an `OutriderError` (`upstream_unreachable`, `upstream_failed`, `upstream_bad_response`, `upstream_timeout`).
 */
export type HttpClient = (call: HttpCall) => Promise<HttpAnswer>;
