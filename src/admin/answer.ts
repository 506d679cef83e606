import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { OutriderError } from '../core/errors.ts';
import { PROBLEM_TYPE, problemJson, proxyStatus } from '../core/problem.ts';

/** A request at the admin address. */
export interface AdminRequest {
  readonly query: URLSearchParams;
  /** The segment of the path where the page's pattern has `NAME`, decoded. */
  readonly name: string;
  readonly requestId: string;
  /** The value of `Last-Event-ID`. */
  readonly lastEventId: string | undefined;
  /** Reads the body as JSON; undefined when there is none. Throws `bad_request`, `body_too_large`. */
  json(): Promise<unknown>;
}

/** An answer with a body that is known. */
export interface AdminAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: OutgoingHttpHeaders;
}

/** An answer without an end. It is written until its reader leaves. */
export interface EventStream {
  open(response: ServerResponse): void;
}

/** One resource of the admin address. */
export interface Page {
  readonly GET?: (request: AdminRequest) => AdminAnswer | EventStream | Promise<AdminAnswer>;
  readonly POST?: (request: AdminRequest) => AdminAnswer | Promise<AdminAnswer>;
}

/** Makes an answer of plain text. */
export const text = (status: number, body: string): AdminAnswer => ({
  status,
  type: 'text/plain; charset=utf-8',
  body,
});

/** Makes an answer of JSON. */
export const json = (value: object, status = 200): AdminAnswer => ({
  status,
  type: 'application/json',
  body: `${JSON.stringify(value)}\n`,
});

/** Makes a problem document (RFC 9457) of an error. `more` are further members. */
export function problem(error: OutriderError, requestId: string, more: object = {}): AdminAnswer {
  const headers: OutgoingHttpHeaders = { 'Proxy-Status': proxyStatus(error) };
  for (let i = 0; i < error.headers.length; i += 2) headers[error.headers[i] as string] = error.headers[i + 1];
  const body = JSON.stringify({ ...(JSON.parse(problemJson(error, requestId)) as object), ...more });
  return { status: error.status, type: PROBLEM_TYPE, body, headers };
}
