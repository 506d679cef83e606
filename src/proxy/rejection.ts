import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import type { Authorized, Authorizer } from '../auth/authorizer.ts';
import { headerValue } from '../core/headers.ts';
import type { MaybePromise } from '../core/http.ts';
import type { UpstreamAnswer } from './answer.ts';

type Decoder = (body: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;

const DECODERS: Readonly<Record<string, Decoder>> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  // Some servers leave out the zlib header, whose first byte has the method, 8, in its low bits (RFC 1950 §2.2).
  deflate: (body, options) => (((body[0] ?? 0) & 0x0f) === 8 ? inflateSync : inflateRawSync)(body, options),
  br: brotliDecompressSync,
  identity: (body) => body,
};

const decoderOf = (coding: string | undefined): Decoder | undefined => {
  const name = (coding ?? 'identity').trim().toLowerCase();
  return Object.hasOwn(DECODERS, name) ? DECODERS[name] : undefined;
};

/** `body` without its content coding (RFC 9110 §8.4.1); undefined when that is unknown, broken, or yields more than `maxBytes`. */
export function decode(body: Uint8Array, coding: string | undefined, maxBytes: number): Uint8Array | undefined {
  try {
    const decoded = decoderOf(coding)?.(body, { maxOutputLength: maxBytes });
    return decoded && decoded.length <= maxBytes ? decoded : undefined;
  } catch {
    return undefined;
  }
}

const WHITE_SPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);
const BOM = [0xef, 0xbb, 0xbf];
const OPENING: ReadonlySet<number> = new Set([0x7b, 0x5b]);

/** Judges a body chunk by chunk: false as soon as it is no JSON object or array, by what stands before it. */
function createJsonSniffer(): (chunk: Uint8Array) => boolean {
  let offset = 0;
  let isJson: boolean | undefined;
  return (chunk) => {
    for (let i = 0; i < chunk.length && isJson === undefined; i++, offset++) {
      const byte = chunk[i] as number;
      if (byte !== BOM[offset] && !WHITE_SPACE.has(byte)) isJson = OPENING.has(byte);
    }
    return isJson !== false;
  };
}

/** The body of an answer, decoded for looking only: what goes to the caller stays as it came. */
async function decodedBody(answer: UpstreamAnswer, maxBytes: number): Promise<Uint8Array | undefined> {
  const type = headerValue(answer.headers, 'content-type') ?? '';
  const coding = headerValue(answer.headers, 'content-encoding');
  const decoder = decoderOf(coding);
  // Events go on as they are sent, and so does what can't be decoded.
  if (decoder === undefined || /^text\/event-stream\b/i.test(type)) return undefined;
  // Not every server that sends JSON says so; a download or a stream that can't be any goes on at once.
  const mustSniff = !/json/i.test(type) && decoder === DECODERS['identity'];
  const body = await answer.peek(maxBytes, mustSniff ? createJsonSniffer() : undefined);
  return body && decode(body, coding, maxBytes);
}

const REJECTION_BODY_BYTES = 64 * 1024;

/**
 * Whether an answer rejects the token that was put into its request. At once, unless only the body can tell.
 * @param sent What was sent; undefined: without a credential.
 * @param isConditional The caller sent a precondition, which a 412 may answer.
 */
export function isRejection(
  authorizer: Authorizer | undefined,
  sent: Authorized | undefined,
  answer: UpstreamAnswer,
  isConditional: boolean,
): MaybePromise<boolean> {
  const { status, headers } = answer;
  if (!authorizer || !sent || sent.generation === 0 || !authorizer.rejectStatuses.has(status)) return false;
  if (status === 412 && isConditional) return false;
  const judgement = authorizer.judge(status, headers);
  if (judgement !== 'needs_body') return judgement === 'rejected';
  return decodedBody(answer, REJECTION_BODY_BYTES).then(
    (body) => body !== undefined && authorizer.judge(status, headers, body) === 'rejected',
  );
}
