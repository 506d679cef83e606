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
}

/** What a chunk costs in any case: its size, two line breaks, and some. */
const FAIR_OVERHEAD_BYTES = 16;

/**
 * Decodes one chunked body (RFC 9112 §7.1) in whatever pieces it comes. Extensions and trailers are checked and dropped; nothing of
 * the body is copied.
 */
export class ChunkedDecoder {
  readonly #limits: ChunkedLimits;
  readonly #trailers: HeadReader;
  #state = SIZE_FIRST;
  /** Of the chunk's data still to come. */
  #left = 0;
  #lineBytes = 0;
  #overheadBytes = 0;

  constructor(limits: ChunkedLimits) {
    this.#limits = limits;
    this.#trailers = new HeadReader('trailers', limits.trailerBytes);
  }

  get isDone(): boolean {
    return this.#state === DONE;
  }

  /**
   * Reads on from `from`, and hands each stretch of data to `take`. Returns where the rest begins once the body is whole, else the
   * chunk's length. Throws {@link Http1Error}.
   */
  read(chunk: Buffer, from: number, take: (data: Buffer) => void): number {
    let at = from;
    while (at < chunk.length && this.#state !== DONE) {
      if (this.#state === DATA) {
        const end = Math.min(chunk.length, at + this.#left);
        take(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
        this.#left -= end - at;
        at = end;
        if (this.#left === 0) this.#state = DATA_CR;
      } else if (this.#state === TRAILERS) {
        const end = this.#trailers.read(chunk, at);
        if (end < 0) return chunk.length;
        this.#checkTrailers();
        this.#state = DONE;
        at = end;
      } else {
        this.#step(chunk[at] as number, at);
        at++;
      }
    }
    return at;
  }

  #step(byte: number, at: number): void {
    switch (this.#state) {
      case SIZE_FIRST:
      case SIZE: {
        const digit = HEX[byte] as number;
        if (digit >= 0) {
          this.#left = this.#left * 16 + digit;
          if (this.#left > MAX_SIZE) throw new Http1Error('bad_chunk', at);
          this.#state = SIZE;
        } else if (this.#state === SIZE_FIRST) throw new Http1Error('bad_chunk', at);
        else if (byte === CR) this.#state = SIZE_LF;
        else if (byte === SEMICOLON) this.#state = EXTENSION;
        else throw new Http1Error('bad_chunk', at);
        this.#count();
        break;
      }
      case EXTENSION:
        if (byte === CR) this.#state = SIZE_LF;
        else if (byte !== TAB && (byte < 0x20 || byte === 0x7f)) throw new Http1Error('bad_chunk', at);
        this.#count();
        break;
      case SIZE_LF:
        if (byte !== LF) throw new Http1Error('bad_chunk', at);
        this.#endLine();
        break;
      case DATA_CR:
        if (byte !== CR) throw new Http1Error('bad_chunk', at);
        this.#state = DATA_LF;
        break;
      default:
        if (byte !== LF) throw new Http1Error('bad_chunk', at);
        this.#state = SIZE_FIRST;
    }
  }

  #count(): void {
    if (++this.#lineBytes > LINE_BYTES) throw new Http1Error('chunk_overhead', this.#lineBytes);
  }

  #endLine(): void {
    this.#overheadBytes += Math.max(this.#lineBytes - FAIR_OVERHEAD_BYTES, 0);
    if (this.#overheadBytes > (this.#limits.overheadBytes ?? Infinity)) {
      throw new Http1Error('chunk_overhead', this.#overheadBytes);
    }
    this.#lineBytes = 0;
    this.#state = this.#left > 0 ? DATA : TRAILERS;
  }

  /** Who takes a trailer for a header would take these for the length of another body. */
  #checkTrailers(): void {
    const fields = this.#trailers.fields();
    for (let i = 0; i < fields.length; i += 2) {
      if ((fields[i] as string).toLowerCase() === 'content-length') throw new Http1Error('bad_length', 0);
    }
  }
}
