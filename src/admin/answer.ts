import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { OutriderError } from '../core/errors.ts';
import { PROBLEM_TYPE, problemJson, proxyStatus } from '../core/problem.ts';

/** A request at the admin address. */
export interface AdminRequest {
  readonly query: URLSearchParams;
  /** The part of the path that the page's pattern has a place for. */
  readonly name: string;
  readonly requestId: string;
  /** `Last-Event-ID`. */
  readonly lastEventId: string | undefined;
  /** The body as JSON; an empty one is undefined. Throws `bad_request`, `body_too_large`. */
  json(): Promise<unknown>;
}

export interface AdminAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: OutgoingHttpHeaders;
}

/** An answer without an end: it is written to until its reader leaves. */
export interface EventStream {
  open(response: ServerResponse): void;
}

/** One resource of the admin address. */
export interface Page {
  readonly GET?: (request: AdminRequest) => AdminAnswer | EventStream | Promise<AdminAnswer>;
  readonly POST?: (request: AdminRequest) => AdminAnswer | Promise<AdminAnswer>;
}

export const text = (status: number, body: string): AdminAnswer => ({
  status,
  type: 'text/plain; charset=utf-8',
  body,
});

export const json = (value: object, status = 200): AdminAnswer => ({
  status,
  type: 'application/json',
  body: `${JSON.stringify(value)}\n`,
});

/** An error as problem+json; `more` are further members of it. */
export function problem(error: OutriderError, requestId: string, more: object = {}): AdminAnswer {
  const headers: OutgoingHttpHeaders = { 'Proxy-Status': proxyStatus(error) };
  for (let i = 0; i < error.headers.length; i += 2) headers[error.headers[i] as string] = error.headers[i + 1];
  const body = JSON.stringify({ ...(JSON.parse(problemJson(error, requestId)) as object), ...more });
  return { status: error.status, type: PROBLEM_TYPE, body, headers };
}
