import { OutriderError } from '../core/errors.ts';
import type { RawHeaders } from '../core/headers.ts';
import { problemJson, PROBLEM_TYPE, proxyStatus } from '../core/problem.ts';
import { reasonOf } from '../core/reasons.ts';
import type { Downstream } from './downstream.ts';
import { forwardAnswer } from './forward.ts';
import type { UpstreamAnswer } from './answer.ts';

/** Whatever was thrown, as an error that can be answered. What we didn't foresee may have been sent. */
export const asOutriderError = (error: unknown): OutriderError =>
  error instanceof OutriderError
    ? error
    : new OutriderError('internal_error', { detail: 'something went wrong in this proxy', cause: error });

function problem(
  error: OutriderError,
  requestId: string,
  route: string | undefined,
  extra: RawHeaders,
): { headers: string[]; body: string } {
  const body = problemJson(error, requestId, route);
  const headers = [
    'Content-Type',
    PROBLEM_TYPE,
    'Content-Length',
    String(Buffer.byteLength(body)),
    'Cache-Control',
    'no-store',
  ];
  headers.push('Date', new Date().toUTCString(), 'Proxy-Status', proxyStatus(error), ...error.headers, ...extra);
  return { headers, body };
}

/** Answers with an error of our own (RFC 9457, RFC 9209). */
export function answerError(
  downstream: Downstream,
  error: OutriderError,
  requestId: string,
  route: string | undefined,
  extra: RawHeaders,
): void {
  const { headers, body } = problem(error, requestId, route, extra);
  if (error.close) downstream.closeAfterAnswer();
  downstream.answer(error.status, reasonOf(error.status), headers, body);
}

/** Answers 200 with a body of our own, which nobody keeps. */
export function answerOk(
  downstream: Downstream,
  { contentType, body }: { readonly contentType: string; readonly body: string },
  extra: RawHeaders,
): void {
  const length = String(Buffer.byteLength(body));
  const headers = ['Content-Type', contentType, 'Content-Length', length, 'Cache-Control', 'no-store'];
  downstream.answer(200, 'OK', [...headers, 'Date', new Date().toUTCString(), ...extra], body);
}

/** The headers of an answer to a listed origin's preflight (Fetch §3.2): `cors` and what was asked for. */
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

/** Answers the preflight of a listed origin. */
export function answerPreflight(downstream: Downstream, cors: RawHeaders): void {
  downstream.answer(204, 'No Content', preflightHeaders(cors, downstream.headers), '');
}

/** An error as bytes, for a connection on which there is no request that could be answered; it closes after them. One to a HEAD has no body. */
export function errorBytes(error: OutriderError, requestId: string, method = ''): Buffer {
  const { headers, body } = problem(error, requestId, undefined, ['Connection', 'close']);
  let head = `HTTP/1.1 ${error.status} ${reasonOf(error.status)}\r\n`;
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return Buffer.from(`${head}\r\n${method === 'HEAD' ? '' : body}`);
}

export interface Forwarding {
  /** Added at the end: Via, Proxy-Status, CORS. */
  readonly extra: RawHeaders;
  readonly isBrowser: boolean;
  /** Longest silence within the body, milliseconds. */
  readonly idleMs: number;
  /** The answer broke after its head had gone out. */
  readonly onBroken: (error: OutriderError) => void;
}

/** An answer that may stay silent for long, and never ends by itself. */
const isEventStream = (headers: RawHeaders): boolean =>
  headers.some(
    (name, i) =>
      i % 2 === 0 &&
      name.length === 12 &&
      name.toLowerCase() === 'content-type' &&
      /^text\/event-stream/i.test(headers[i + 1] as string),
  );

/** Streams a provider's answer to the caller; one that breaks is cut, never ended. */
export function answerForwarded(
  downstream: Downstream,
  answer: UpstreamAnswer,
  { extra, isBrowser, idleMs, onBroken }: Forwarding,
): void {
  const headers = forwardAnswer(answer, extra, isBrowser);
  if (answer.whole) {
    downstream.answer(answer.status, answer.reason, headers, answer.whole);
    return;
  }
  downstream.startAnswer(answer.status, answer.reason, headers);
  downstream.onDrain = answer.resume.bind(answer);
  answer.pipe(
    {
      write: (chunk) => downstream.write(chunk),
      end: () => downstream.end(),
      abort: (error) => {
        onBroken(error);
        downstream.cut();
      },
    },
    isEventStream(answer.headers) ? 0 : idleMs,
  );
}
