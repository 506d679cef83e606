import { ChunkedDecoder, type ChunkedLimits } from './chunked.ts';
import type { Framing } from './framing.ts';

/** Finds the bytes of one body in what is read, and its end. */
export interface BodyDecoder {
  /** What the last read brought of the body; of a read that failed, what came before the fault. */
  readonly piece: Buffer | undefined;
  readonly isDone: boolean;
  /** Reads on from `from`; returns where the rest begins. Throws `Http1Error`. */
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

/** All that comes, until the connection ends. */
class EndlessDecoder implements BodyDecoder {
  piece: Buffer | undefined;
  readonly isDone = false;

  read(chunk: Buffer, from: number): number {
    this.piece = from === 0 ? chunk : chunk.subarray(from);
    return chunk.length;
  }
}

/** The decoder of a body by its framing; undefined where there is nothing to decode. */
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
