import { Http1Error } from './error.ts';
import { HeadReader } from './head.ts';

const LF = 0x0a;
const CR = 0x0d;
const SEMICOLON = 0x3b;
const TAB = 0x09;

const SIZE_FIRST = 0;
const SIZE = 1;
const EXTENSION = 2;
const SIZE_LF = 3;
const DATA = 4;
const DATA_CR = 5;
const DATA_LF = 6;
const TRAILERS = 7;
const DONE = 8;

/** Most that a line with a chunk's size may have. */
const LINE_BYTES = 4 * 1024;
/** Beyond this a chunk's size is no safe integer. */
const MAX_SIZE = 2 ** 48;

const HEX = new Int8Array(256).fill(-1);
for (let digit = 0; digit < 16; digit++) {
  for (const text of [digit.toString(16), digit.toString(16).toUpperCase()]) HEX[text.charCodeAt(0)] = digit;
}

/** What a chunked body may cost beyond what it carries. */
export interface ChunkedLimits {
  /** From the last chunk to the blank line. */
  readonly trailerBytes: number;
  /** Overhead beyond 16 bytes a chunk, all together; default: any. */
  readonly overheadBytes?: number;
  /** Whether a trailer that names a coding is refused, for whoever takes it for the body's; default: it is dropped as any other. */
  readonly refusesCoding?: boolean;
}

/** What a chunk costs in any case: its size, two line breaks, and some. */
const FAIR_OVERHEAD_BYTES = 16;

/** Less than that is not worth it. */
const RELEASED_BYTES = 16 * 1024;
/** Up to here moving bytes one by one is quicker than asking for it. */
const FEW_BYTES = 16;

/**
 * Decodes one chunked body (RFC 9112 §7.1) in whatever pieces it comes. Extensions and trailers are checked and dropped. What a
 * read of the socket brings of the body is moved together within its own memory, so ten thousand chunks of one byte are one piece.
 */
export class ChunkedDecoder {
  /** What the last read brought of the body; of a read that failed, what came before the fault. */
  piece: Buffer | undefined;
  readonly #limits: ChunkedLimits;
  #trailers: HeadReader | undefined;
  #state = SIZE_FIRST;
  /** Of the chunk's data still to come. */
  #left = 0;
  #lineBytes = 0;
  #overheadBytes = 0;

  constructor(limits: ChunkedLimits) {
    this.#limits = limits;
  }

  get isDone(): boolean {
    return this.#state === DONE;
  }

  /**
   * Reads on from `from`; what it finds of the body is `piece` until the next read. The bytes before the one whose place is returned
   * are used up, and the chunk with its last one. Returns where the rest begins once the body is whole, else the chunk's length. Throws {@link Http1Error}.
   */
  read(chunk: Buffer, from: number): number {
    this.piece = undefined;
    const { length } = chunk;
    let at = from;
    let state = this.#state;
    let start = -1;
    let end = -1;
    try {
      while (at < length && state !== DONE) {
        if (state === DATA) {
          const bytes = Math.min(length - at, this.#left);
          if (start < 0) start = end = at;
          if (end !== at) move(chunk, end, at, bytes);
          at += bytes;
          end += bytes;
          this.#left -= bytes;
          if (this.#left === 0) state = DATA_CR;
        } else if (state === TRAILERS) {
          this.#trailers ??= new HeadReader('trailers', this.#limits.trailerBytes);
          const rest = this.#trailers.read(chunk, at);
          if (rest < 0) {
            at = length;
            break;
          }
          checkTrailers(this.#trailers.fields(), this.#limits.refusesCoding === true);
          state = DONE;
          at = rest;
        } else {
          if (state === SIZE_FIRST) {
            // A small chunk that is here as a whole, as most of many are: nothing about it is left for later.
            const bytes = HEX[chunk[at] as number] as number;
            const next = at + 5 + bytes;
            if (bytes > 0 && next <= length && isLineEnd(chunk, at + 1) && isLineEnd(chunk, next - 2)) {
              if (start < 0) start = end = at + 3;
              for (let i = at + 3; i < next - 2; i++) chunk[end++] = chunk[i] as number;
              at = next;
              continue;
            }
          }
          state = this.#step(state, chunk[at] as number, at);
          at++;
        }
      }
    } finally {
      if (start >= 0) this.piece = pieceOf(chunk, start, end);
    }
    if (at === length && this.piece && this.piece.buffer !== chunk.buffer) release(chunk);
    this.#state = state;
    return at;
  }

  /** What is expected behind a byte that belongs to no data and no trailer. */
  #step(state: number, byte: number, at: number): number {
    switch (state) {
      case SIZE_FIRST:
      case SIZE: {
        if (++this.#lineBytes > LINE_BYTES) throw new Http1Error('chunk_overhead', this.#lineBytes);
        const digit = HEX[byte] as number;
        if (digit >= 0) {
          this.#left = this.#left * 16 + digit;
          if (this.#left > MAX_SIZE) throw new Http1Error('bad_chunk', at);
          return SIZE;
        }
        if (state === SIZE_FIRST) throw new Http1Error('bad_chunk', at);
        if (byte === CR) return SIZE_LF;
        if (byte === SEMICOLON) return EXTENSION;
        throw new Http1Error('bad_chunk', at);
      }
      case EXTENSION:
        if (++this.#lineBytes > LINE_BYTES) throw new Http1Error('chunk_overhead', this.#lineBytes);
        if (byte === CR) return SIZE_LF;
        if (byte !== TAB && (byte < 0x20 || byte === 0x7f)) throw new Http1Error('bad_chunk', at);
        return EXTENSION;
      case SIZE_LF:
        if (byte !== LF) throw new Http1Error('bad_chunk', at);
        return this.#endLine();
      case DATA_CR:
        if (byte !== CR) throw new Http1Error('bad_chunk', at);
        return DATA_LF;
      default:
        if (byte !== LF) throw new Http1Error('bad_chunk', at);
        return SIZE_FIRST;
    }
  }

  #endLine(): number {
    this.#overheadBytes += Math.max(this.#lineBytes - FAIR_OVERHEAD_BYTES, 0);
    if (this.#overheadBytes > (this.#limits.overheadBytes ?? Infinity)) {
      throw new Http1Error('chunk_overhead', this.#overheadBytes);
    }
    this.#lineBytes = 0;
    return this.#left > 0 ? DATA : TRAILERS;
  }
}

const isLineEnd = (chunk: Buffer, at: number): boolean => chunk[at] === CR && chunk[at + 1] === LF;

/** A part of a chunk, by itself where it is small: it may be kept, and would keep all of the chunk. */
function pieceOf(chunk: Buffer, start: number, end: number): Buffer {
  if (start === 0 && end === chunk.length) return chunk;
  const part = chunk.subarray(start, end);
  return part.length < chunk.length / 2 ? Buffer.from(part) : part;
}

/** Gives back at once the memory of a chunk that is used up, where it has that to itself; a collection may be long in coming. */
function release({ buffer, byteLength }: Buffer): void {
  if (buffer.byteLength === byteLength && byteLength >= RELEASED_BYTES) (buffer as ArrayBuffer).transfer(0);
}

function move(chunk: Buffer, to: number, from: number, bytes: number): void {
  if (bytes > FEW_BYTES) chunk.copyWithin(to, from, from + bytes);
  else for (let i = 0; i < bytes; i++) chunk[to + i] = chunk[from + i] as number;
}

/** Who takes a trailer for a header would take these for the length of another body (RFC 9110 §6.5.1). */
function checkTrailers(fields: readonly string[], refusesCoding: boolean): void {
  for (let i = 0; i < fields.length; i += 2) {
    const name = (fields[i] as string).toLowerCase();
    if (name === 'content-length' || (refusesCoding && name === 'transfer-encoding'))
      throw new Http1Error('bad_length', 0);
  }
}
