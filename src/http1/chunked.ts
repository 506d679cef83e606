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

/** The longest line that gives a chunk's size, with its extensions. */
const LINE_BYTES = 4 * 1024;
/**
 * The largest chunk size that is taken. Sixteen times as much is still a safe integer, so the check can follow the next digit.
 */
const MAX_SIZE = 2 ** 48;

const HEX = new Int8Array(256).fill(-1);
for (let digit = 0; digit < 16; digit++) {
  for (const text of [digit.toString(16), digit.toString(16).toUpperCase()]) HEX[text.charCodeAt(0)] = digit;
}

/** Limits on what a chunked body holds besides its data. */
export interface ChunkedLimits {
  /** The largest trailer section, from behind the last chunk up to and including the blank line. */
  readonly trailerBytes: number;
  /** How much longer than 16 bytes each the lines with the chunk sizes may be, all together; default: no limit. */
  readonly overheadBytes?: number;
  /**
   * Whether a trailer `Transfer-Encoding` is refused: a server that merges trailers into the header section would take it for
   * the framing of the body (RFC 9110 §6.5.1). Default: it is dropped like other trailers.
   */
  readonly refusesCoding?: boolean;
}

/** What every chunk needs beside its data: its size, two line breaks, and a reserve. */
const FAIR_OVERHEAD_BYTES = 16;

/** Smaller chunks are left to the garbage collector. */
const RELEASED_BYTES = 16 * 1024;
/** Up to this length a loop copies faster than `copyWithin`. */
const FEW_BYTES = 16;

/**
 * Decodes one chunked body (RFC 9112 §7.1), however it is split over reads of the socket. Extensions and trailers are checked
 * and dropped. The data of all chunks in one read is moved together, within the memory of that read. So ten thousand chunks of
 * one byte become one piece.
 */
export class ChunkedDecoder {
  /** The body bytes that the last `read` found. If that `read` threw, these are the bytes in front of the fault. */
  piece: Buffer | undefined;
  readonly #limits: ChunkedLimits;
  #trailers: HeadReader | undefined;
  #state = SIZE_FIRST;
  /** How many bytes of the chunk's data are still to come. */
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
   * Decodes `chunk` from index `from` on. What it finds is in `piece` until the next read. Returns the index of the first byte
   * behind the body once that is complete, else the length of the chunk. The bytes before that index are used up, and may have
   * been overwritten. A chunk that is used up entirely may be detached: its length is 0 then. Throws {@link Http1Error} with
   * `bad_chunk`, `chunk_overhead`, `bad_field`, `trailers_too_large`, or `bad_length` for a trailer that tells a length or
   * coding.
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
            // A chunk of 1 to 15 bytes that lies in this read entirely. A body of many chunks is mostly made of these.
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

  /** Takes one byte that is neither data nor trailer, and returns the state behind it. */
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

/** Returns a part of a chunk. A small part is copied: whoever keeps it would keep the memory of the whole chunk otherwise. */
function pieceOf(chunk: Buffer, start: number, end: number): Buffer {
  if (start === 0 && end === chunk.length) return chunk;
  const part = chunk.subarray(start, end);
  return part.length < chunk.length / 2 ? Buffer.from(part) : part;
}

/** Frees the memory of a used-up chunk that shares it with nothing. The garbage collector may be long in coming. */
function release({ buffer, byteLength }: Buffer): void {
  if (buffer.byteLength === byteLength && byteLength >= RELEASED_BYTES) (buffer as ArrayBuffer).transfer(0);
}

function move(chunk: Buffer, to: number, from: number, bytes: number): void {
  if (bytes > FEW_BYTES) chunk.copyWithin(to, from, from + bytes);
  else for (let i = 0; i < bytes; i++) chunk[to + i] = chunk[from + i] as number;
}

/**
 * Refuses trailers that change the length of the message for a server that takes trailers for header fields (RFC 9110 §6.5.1).
 * Throws `bad_length`.
 */
function checkTrailers(fields: readonly string[], refusesCoding: boolean): void {
  for (let i = 0; i < fields.length; i += 2) {
    const name = (fields[i] as string).toLowerCase();
    if (name === 'content-length' || (refusesCoding && name === 'transfer-encoding'))
      throw new Http1Error('bad_trailer', 0);
  }
}
