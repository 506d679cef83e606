import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import type { Authorized, Authorizer } from '../auth/authorizer.ts';
import { headerValue } from '../core/headers.ts';
import type { Answer } from './answer.ts';

const DECODERS: Readonly<Record<string, (body: Uint8Array, options: { maxOutputLength: number }) => Uint8Array>> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
  identity: (body) => body,
};

/** `body` without its content coding (RFC 9110 §8.4.1); undefined when that is unknown, broken, or yields more than `maxBytes`. */
export function decode(body: Uint8Array, coding: string | undefined, maxBytes: number): Uint8Array | undefined {
  const decoder = DECODERS[(coding ?? 'identity').trim().toLowerCase()];
  try {
    const decoded = decoder?.(body, { maxOutputLength: maxBytes });
    return decoded && decoded.length <= maxBytes ? decoded : undefined;
  } catch {
    return undefined;
  }
}

/** The body of an answer, decoded for looking only: what goes to the caller stays as it came. */
export async function decodedBody(answer: Answer, maxBytes: number): Promise<Uint8Array | undefined> {
  const body = await answer.peek(maxBytes);
  return body && decode(body, headerValue(answer.headers, 'content-encoding'), maxBytes);
}

const REJECTION_BODY_BYTES = 64 * 1024;

/**
 * Whether an answer rejects the token that was put into its request (rule 19).
 * @param isConditional The caller sent a precondition, which a 412 may answer.
 */
export async function isRejection(
  authorizer: Authorizer,
  sent: Authorized,
  answer: Answer,
  isConditional: boolean,
): Promise<boolean> {
  const { status, headers } = answer;
  if (sent.generation === 0 || !authorizer.rejectStatuses.has(status)) return false;
  if (status === 412 && isConditional) return false;
  const judgement = authorizer.judge(status, headers);
  if (judgement !== 'needs_body') return judgement === 'rejected';
  // What can't be JSON goes on at once, as it comes.
  if (!/json|^text\/plain|^$/i.test(headerValue(headers, 'content-type') ?? '')) return false;
  const body = await decodedBody(answer, REJECTION_BODY_BYTES);
  return body !== undefined && authorizer.judge(status, headers, body) === 'rejected';
}
