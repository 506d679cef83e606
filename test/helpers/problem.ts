import type { ExecutionContext } from 'ava';

/** The parts of an answer that a problem is read from. */
export interface AnswerLike {
  readonly status: number;
  readonly text: string;
  readonly header: (name: string) => string | undefined;
}

export interface Expected {
  readonly status: number;
  readonly code: string;
  /** Default: `not_sent`. */
  readonly outcome?: 'not_sent' | 'unknown';
  readonly route?: string;
  readonly detail?: RegExp;
}

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly remedy: string;
  readonly request_id: string;
  readonly outcome: string;
  readonly route?: string;
}

/** The error types of RFC 9209 §2.3. */
const PROXY_ERRORS: ReadonlySet<string> = new Set(
  `dns_timeout dns_error destination_not_found destination_unavailable destination_ip_prohibited destination_ip_unroutable
  connection_refused connection_terminated connection_timeout connection_read_timeout connection_write_timeout
  connection_limit_reached tls_protocol_error tls_certificate_error tls_alert_received http_request_error
  http_request_denied http_response_incomplete http_response_header_section_size http_response_header_size
  http_response_body_size http_response_trailer_section_size http_response_trailer_size http_response_transfer_coding
  http_response_content_coding http_response_timeout http_upgrade_failed http_protocol_error
  proxy_internal_response proxy_internal_error proxy_configuration_error proxy_loop_detected`.split(/\s+/),
);

/** Asserts that `answer` is one of Outrider's own, whole and to the letter, and yields it. */
export function assertProblem(t: ExecutionContext, answer: AnswerLike, expected: Expected): Problem {
  t.is(answer.status, expected.status, answer.text);
  t.regex(answer.header('content-type') ?? '', /^application\/problem\+json(; *charset=utf-8)?$/i);
  const problem = JSON.parse(answer.text) as Problem;
  t.is(problem.code, expected.code, answer.text);
  t.is(problem.status, expected.status);
  t.is(problem.outcome, expected.outcome ?? 'not_sent', answer.text);
  for (const key of ['type', 'title', 'detail', 'remedy', 'request_id'] as const) {
    t.is(typeof problem[key], 'string', key);
    t.not(problem[key], '', key);
  }
  t.regex(problem.request_id, /^[\w-]{1,64}$/);
  if (expected.route !== undefined) t.is(problem.route, expected.route);
  if (expected.detail) t.regex(problem.detail, expected.detail);
  const error = /^outrider; error=([a-z_]+)(?:;.*)?$/.exec(answer.header('proxy-status') ?? '')?.[1];
  t.true(PROXY_ERRORS.has(error ?? ''), `Proxy-Status: ${answer.header('proxy-status')}`);
  return problem;
}
