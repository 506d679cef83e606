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
  /** Of a longer answer nothing is handed on but its head. */
  readonly maxBytes: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: RawHeaders;
  /** Content codings removed; empty where {@link flaw} says why it can't be read. */
  readonly body: Uint8Array;
  /** It is longer than wanted; its content coding is unknown or broken; it broke off (told only of a status other than 2xx). */
  readonly flaw?: 'too_long' | 'coding' | 'broken' | undefined;
}

/**
 * Sends one call and reads the whole answer, redirects not followed.
 * Rejects with an `OutriderError` (`upstream_unreachable`, `upstream_failed`, `upstream_bad_response`, `upstream_timeout`).
 */
export type HttpClient = (call: HttpCall) => Promise<HttpAnswer>;
