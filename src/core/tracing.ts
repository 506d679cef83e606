import type { ExchangeRecord, RenewalReason } from './events.ts';
import type { RawHeaders } from './headers.ts';
import type { TraceContext } from './trace-context.ts';

/** Traces requests and renewals. Rooms get one only while tracing is on. */
export interface Tracing {
  /** Starts the span of a request, in the trace that its headers name, else in a new one. */
  request(method: string, headers: RawHeaders): RequestTrace;
  /** Starts the span of a renewal that no request began. It is a trace of its own. */
  renewal(provider: string, reason: RenewalReason): RenewalTrace;
}

/** The span of one request, from its head to its end. */
export interface RequestTrace {
  /** 32 hex digits. */
  readonly traceId: string;
  /**
   * Returns `headers` with the `traceparent` of the next attempt. A `tracestate` stays as it came, unless it is not valid or
   * belongs to no trace.
   */
  propagate(headers: RawHeaders): RawHeaders;
  /** Starts the span of the attempt for which `propagate` was called last. */
  attempt(method: string, origin: string, target: string): AttemptTrace;
  /** Starts the span of a wait for a token. */
  waitForToken(provider: string): WaitTrace;
  /** Ends the span. `scheme` is that of the URL which the caller asked for. */
  end(record: ExchangeRecord, scheme: 'http' | 'https'): void;
}

/** The span of one attempt, until the head of its answer. */
export interface AttemptTrace {
  /** `status` is 0 when no answer came, and `error` says why. */
  end(status: number, error: string | undefined): void;
}

/** The span of a wait for a token. */
export interface WaitTrace {
  /** Starts the span of the renewal that this wait began. */
  renewal(provider: string, reason: RenewalReason): RenewalTrace;
  /** Links to a renewal that another one began. */
  link(renewal: RenewalTrace): void;
  end(error: string | undefined): void;
}

/** The span of a renewal: until there is a token, or none can be had. */
export interface RenewalTrace {
  readonly context: Omit<TraceContext, 'state'>;
  /**
   * Tells of the token call that is sent, and returns its headers with a `traceparent`.
   * @param url The URL with its secrets masked.
   */
  call(method: string, url: string, headers: RawHeaders): RawHeaders;
  /** Tells the status of the answer to the last call. */
  answered(status: number): void;
  end(error: string | undefined): void;
}
