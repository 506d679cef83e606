import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import { headerValue } from '../core/headers.ts';
import type { UpstreamAnswer } from './upstream-answer.ts';

type Decoder = (body: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;

const DECODERS: Readonly<Record<string, Decoder>> = {
  gzip: gunzipSync,
  'x-gzip': gunzipSync,
  // Some servers leave out the zlib header. With it, the low bits of the first byte are 8, the method (RFC 1950 §2.2).
  deflate: (body, options) => (((body[0] ?? 0) & 0x0f) === 8 ? inflateSync : inflateRawSync)(body, options),
  br: brotliDecompressSync,
  identity: (body) => body,
};

const decoderOf = (coding: string | undefined): Decoder | undefined => {
  const name = (coding ?? 'identity').trim().toLowerCase();
  return Object.hasOwn(DECODERS, name) ? DECODERS[name] : undefined;
};

/**
 * Removes the content coding of a body (RFC 9110 §8.4.1). Returns undefined when the coding is unknown or broken, or when the
 * result is longer than `maxBytes`.
 * @param coding The value of Content-Encoding; undefined: none.
 */
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

/**
 * Makes a function that is called with the chunks of a body in turn. It returns false once the body can't be a JSON object or
 * array: when its first byte, behind a byte order mark and white space, opens neither.
 */
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

/** Returns the decoded body of an answer, to judge by; undefined when it can't be had. The caller gets the body as it came. */
export async function decodedBody(answer: UpstreamAnswer, maxBytes: number): Promise<Uint8Array | undefined> {
  const type = headerValue(answer.headers, 'content-type') ?? '';
  const coding = headerValue(answer.headers, 'content-encoding');
  const decoder = decoderOf(coding);
  // Event streams must not wait, and a body in an unknown coding can't be judged.
  if (decoder === undefined || /^text\/event-stream\b/i.test(type)) return undefined;
  // Some servers send JSON without saying so. The sniffer lets downloads and streams that can't be JSON pass at once.
  const mustSniff = !/json/i.test(type) && decoder === DECODERS['identity'];
  const body = await answer.peek(maxBytes, mustSniff ? createJsonSniffer() : undefined);
  return body && decode(body, coding, maxBytes);
}
