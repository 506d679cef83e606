import { OutriderError } from '../core/errors.ts';
import type { RawHeaders } from '../core/headers.ts';
import { problemJson, PROBLEM_TYPE, proxyStatus } from '../core/problem.ts';
import { reasonOf } from '../core/reasons.ts';
import type { Answering, Downstream } from './downstream.ts';
import { isEventStream } from './event-stream.ts';
import { answerHeaders } from './forwarded-headers.ts';
import type { Scrubber } from './scrub.ts';
import type { UpstreamAnswer } from './upstream-answer.ts';

/** Turns anything that was thrown into an error that can be answered. Something unforeseen becomes `internal_error`. */
export const asOutriderError = (error: unknown): OutriderError =>
  error instanceof OutriderError
    ? error
    : new OutriderError('internal_error', { detail: 'something went wrong in this proxy', cause: error });

/** The content of an answer of ours. */
interface OwnContent {
  readonly type: string;
  readonly body: string;
}

/**
 * The headers of every answer of ours. A provider's answer gets its own in {@link answerForwarded}.
 * @param extra What else this answer says: Proxy-Status, CORS, a challenge.
 */
function ownHeaders(content: OwnContent | undefined, extra: RawHeaders): string[] {
  const headers = ['Date', new Date().toUTCString()];
  if (content) {
    const length = String(Buffer.byteLength(content.body));
    headers.push('Content-Type', content.type, 'Content-Length', length, 'Cache-Control', 'no-store');
  }
  return [...headers, ...extra];
}

/** Makes an error's headers and its body (RFC 9457, RFC 9209). */
function problem(
  error: OutriderError,
  requestId: string,
  route: string | undefined,
  extra: RawHeaders,
): { headers: string[]; body: string } {
  const body = problemJson(error, requestId, route);
  const own = ['Proxy-Status', proxyStatus(error), ...error.headers, ...extra];
  return { headers: ownHeaders({ type: PROBLEM_TYPE, body }, own), body };
}

/**
 * Answers with an error of ours: a problem document (RFC 9457) and Proxy-Status (RFC 9209).
 * @param extra Further headers: name, value, …
 */
export function answerError(
  downstream: Answering,
  error: OutriderError,
  requestId: string,
  route: string | undefined,
  extra: RawHeaders,
): void {
  const { headers, body } = problem(error, requestId, route, extra);
  if (error.close) downstream.closeAfterAnswer();
  downstream.answer(error.status, reasonOf(error.status), headers, body);
}

/** As {@link answerError}. Where part of an answer has gone out already, it breaks the connection off. */
export function answerErrorOrCut(...args: Parameters<typeof answerError>): void {
  const [downstream] = args;
  try {
    answerError(...args);
  } catch {
    downstream.cut();
  }
}

/** Answers 200 with a body of ours, which must not be cached. */
export function answerOk(
  downstream: Answering,
  { contentType, body }: { readonly contentType: string; readonly body: string },
  extra: RawHeaders,
): void {
  downstream.answer(200, 'OK', ownHeaders({ type: contentType, body }, extra), body);
}

/** Answers 200 without a body. */
export function answerEmpty(downstream: Downstream): void {
  downstream.answer(200, 'OK', ownHeaders(undefined, ['Content-Length', '0']), '');
}

/** Returns the headers for a listed origin's preflight (Fetch §3.2): `cors`, and permission for everything it asks for. */
function preflightHeaders(cors: RawHeaders, headers: RawHeaders): RawHeaders {
  const answer = [...cors];
  for (let i = 0; i < headers.length; i += 2) {
    const value = headers[i + 1] as string;
    switch ((headers[i] as string).toLowerCase()) {
      case 'access-control-request-method':
        answer.push('Access-Control-Allow-Methods', value);
        break;
      case 'access-control-request-headers':
        answer.push('Access-Control-Allow-Headers', value);
        break;
      case 'access-control-request-private-network':
        answer.push('Access-Control-Allow-Private-Network', 'true');
        break;
    }
  }
  answer.push('Access-Control-Max-Age', '600');
  return answer;
}

/** Answers the preflight of a listed origin. `cors` are its CORS headers. */
export function answerPreflight(downstream: Downstream, cors: RawHeaders): void {
  downstream.answer(204, 'No Content', ownHeaders(undefined, preflightHeaders(cors, downstream.headers)), '');
}

/**
 * Writes an error of ours as the bytes of an answer, for a connection without a request that could be answered. It says
 * `Connection: close`. The answer to a HEAD has no body.
 */
export function errorBytes(error: OutriderError, requestId: string, method = ''): Buffer {
  const { headers, body } = problem(error, requestId, undefined, ['Connection', 'close']);
  let head = `HTTP/1.1 ${error.status} ${reasonOf(error.status)}\r\n`;
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return Buffer.from(`${head}\r\n${method === 'HEAD' ? '' : body}`);
}

/** How an answer is forwarded. */
export interface Forwarding {
  /** Headers to add at the end: Via, Proxy-Status, CORS. */
  readonly extra: RawHeaders;
  /** Whether `extra` holds CORS headers, which replace the provider's. */
  readonly isBrowser: boolean;
  /** The longest silence within the body, in milliseconds. An event stream has no such limit. */
  readonly idleMs: number;
  /** Overwrites the secrets of the request; undefined when nothing is searched for. */
  readonly scrubber: Scrubber | undefined;
  /** Called when the answer breaks after its head has gone out. */
  readonly onBroken: (error: OutriderError) => void;
}

/**
 * Streams a provider's answer to the caller. When it breaks, the caller's connection is cut, so that it can't look complete.
 */
export function answerForwarded(
  downstream: Answering,
  answer: UpstreamAnswer,
  { extra, isBrowser, idleMs, scrubber, onBroken }: Forwarding,
): void {
  const { status, whole } = answer;
  const reason = scrubber ? scrubber.text(answer.reason) : answer.reason;
  const received = scrubber ? scrubber.headers(answer.headers) : answer.headers;
  const headers = answerHeaders({ status, headers: received }, extra, isBrowser);
  if (whole) {
    downstream.answer(status, reason, headers, scrubber ? scrubber.end(whole) : whole);
    return;
  }
  downstream.startAnswer(status, reason, headers);
  downstream.onDrain = answer.resume.bind(answer);
  answer.pipe(
    {
      write: (chunk) => downstream.write(scrubber ? scrubber.push(chunk) : chunk),
      end() {
        if (scrubber) downstream.write(scrubber.end());
        downstream.end();
      },
      abort: (error) => {
        onBroken(error);
        downstream.cut();
      },
    },
    isEventStream(answer.headers) ? 0 : idleMs,
  );
}
