import { ChunkedDecoder, type ChunkedLimits } from './chunked.ts';
import type { Framing } from './framing.ts';

/** Decodes one message body, read by read, and finds where it ends. */
export interface BodyDecoder {
  /** The body bytes that the last `read` found. If that `read` threw, these are the bytes in front of the fault. */
  readonly piece: Buffer | undefined;
  /** Whether the body is complete. A body that ends with its connection never is. */
  readonly isDone: boolean;
  /**
   * Decodes `chunk` from index `from` on. Returns the index of the first byte behind the body, or the length of the chunk.
   * The bytes before that index are used up: a decoder may move them, or free the memory of a chunk that is used up entirely.
   * Throws `Http1Error`.
   */
  read(chunk: Buffer, from: number): number;
}

class LengthDecoder implements BodyDecoder {
  piece: Buffer | undefined;
  #leftBytes: number;

  constructor(bytes: number) {
    this.#leftBytes = bytes;
  }

  get isDone(): boolean {
    return this.#leftBytes === 0;
  }

  read(chunk: Buffer, from: number): number {
    const end = Math.min(chunk.length, from + this.#leftBytes);
    this.#leftBytes -= end - from;
    this.piece = from === 0 && end === chunk.length ? chunk : chunk.subarray(from, end);
    return end;
  }
}

/** Takes every byte until the connection ends. */
class EndlessDecoder implements BodyDecoder {
  piece: Buffer | undefined;
  readonly isDone = false;

  read(chunk: Buffer, from: number): number {
    this.piece = from === 0 ? chunk : chunk.subarray(from);
    return chunk.length;
  }
}

/** Returns the decoder for a framing, or undefined when the body is empty. */
export function bodyDecoder(framing: Framing, limits: ChunkedLimits): BodyDecoder | undefined {
  switch (framing.kind) {
    case 'none':
      return undefined;
    case 'length':
      return framing.bytes > 0 ? new LengthDecoder(framing.bytes) : undefined;
    case 'chunked':
      return new ChunkedDecoder(limits);
    case 'close':
      return new EndlessDecoder();
  }
}
