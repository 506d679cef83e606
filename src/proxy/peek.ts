import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
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
