import { Http1Error, type Http1ErrorCode } from './error.ts';
import { LONGEST_METHOD, methodIn } from './methods.ts';

/** A list of fields as they came: name, value, name, value. One character is one byte. */
export type Fields = string[];

export interface RequestHead {
  readonly method: string;
  readonly target: string;
  /** Of HTTP/1.x. */
  readonly minor: 0 | 1;
  readonly fields: Fields;
}

export interface AnswerHead {
  readonly status: number;
  readonly reason: string;
  readonly minor: 0 | 1;
  readonly fields: Fields;
}

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;

/** What a byte may be part of: 1 a field's name or a method (RFC 9110 §5.6.2), 2 a field's value (§5.5), 4 a target. */
const CLASS = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  const isName = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(byte)) && byte < 0x80;
  const isValue = byte === TAB || (byte >= SPACE && byte !== 0x7f);
  const isTarget = byte > SPACE && byte < 0x7f;
  CLASS[byte] = (isName ? 1 : 0) | (isValue ? 2 : 0) | (isTarget ? 4 : 0);
}
const IN_NAME = 1;
const IN_VALUE = 2;
const IN_TARGET = 4;

/** Where a scan stands. Plain numbers, so that the loop stays fast. */
const BEFORE = 0;
const BEFORE_LF = 1;
const FIELD = 2;
const NAME = 3;
const BLANK = 4;
const VALUE = 5;
const VALUE_LF = 6;
const END_LF = 7;
const DONE = 8;
/** From here on it is within the first line. */
const FIRST_LINE_LF = 9;
const METHOD = 10;
const TARGET = 11;
const VERSION_OF_REQUEST = 12;
const STATUS_LINE = 13;

const STATUS = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const VERSION = Buffer.from('HTTP/1.');
const ZERO = 0x30;
const ONE = 0x31;

const NOTHING = Buffer.alloc(0);
/** Of most heads all fits; a larger one makes it grow. */
const FIRST_BYTES = 1_024;
/** Empty lines before a request, at most. */
const BLANK_BYTES = 1_024;

/** What a head begins with: a status line, a request line, or no line of its own (trailers). */
export type HeadKind = 'answer' | 'request' | 'trailers';

/** Of the head of a request, in bytes; a limit is broken at the byte that exceeds it. */
export interface RequestLimits {
  readonly targetBytes: number;
  /** All field lines together, their line ends with them. */
  readonly fieldBytes: number;
  readonly fields: number;
}

/**
 * Reads one head after the other, in whatever pieces it comes; each byte is looked at once, and what is wrong is told at the byte
 * where it is. Strict: line breaks are CRLF, names are tokens right before their colon, nothing is folded, no control character but
 * tab stands in a value.
 */
export class HeadReader {
  readonly #kind: HeadKind;
  /** Of an answer's head or of trailers, from the first byte to the blank line. */
  #maxBytes = Infinity;
  #limits: RequestLimits | undefined;
  #state = BEFORE;
  /** Where fields begin and end, from the head's first byte: name, end of name, value, end of value. */
  readonly #marks: number[] = [];
  /** How many marks are of this head: the list is used again. */
  #count = 0;
  /** Where the first line's parts end: of a request its method and its target, of an answer the line. */
  #methodEnd = 0;
  #lineEnd = 0;
  #method = '';
  #minor: 0 | 1 = 1;
  /** Where the head may go on to, from its first byte, by the limit that holds now. */
  #stop = Infinity;
  /** Bytes of the head that came in earlier pieces. */
  #held = 0;
  #buffer: Buffer | undefined;
  /** Empty lines before the first one. */
  #skipped = 0;
  #text = '';

  constructor(kind: HeadKind, limit: number | RequestLimits) {
    this.#kind = kind;
    this.reset(limit);
  }

  /** Ready for the next head, with another limit where one is given. */
  reset(limit?: number | RequestLimits): void {
    if (typeof limit === 'number') this.#maxBytes = limit;
    else if (limit) this.#limits = limit;
    this.#state = this.#kind === 'trailers' ? FIELD : BEFORE;
    this.#count = 0;
    this.#stop = this.#maxBytes;
    this.#methodEnd = 0;
    this.#lineEnd = 0;
    this.#method = '';
    this.#held = 0;
    this.#buffer = undefined;
    this.#skipped = 0;
    this.#text = '';
  }

  /** Whether nothing of a head has come but empty lines. */
  get isBefore(): boolean {
    return this.#state === BEFORE;
  }

  /** Reads on from `from`; returns where the rest begins once the head is whole, else -1. Throws {@link Http1Error}. */
  read(chunk: Buffer, from: number): number {
    let at = from;
    if (this.#state <= BEFORE_LF) {
      at = this.#skipBlank(chunk, from);
      if (this.#state <= BEFORE_LF) return -1;
    }
    const start = at;
    const base = this.#held;
    try {
      at = this.#scan(chunk, start, start - base);
    } catch (error) {
      // What was read before may be asked for.
      this.#finish(chunk, start, base, Math.min(chunk.length, start - base + (error as Http1Error).at));
      throw error;
    }
    if (this.#state !== DONE) {
      this.#keep(chunk, start, base, chunk.length);
      return -1;
    }
    this.#finish(chunk, start, base, at);
    return at;
  }

  /** Skips the empty lines before a head; returns where it begins. */
  #skipBlank(chunk: Buffer, from: number): number {
    let at = from;
    const maxBytes = Math.min(BLANK_BYTES, this.#maxBytes);
    for (; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (this.#state === BEFORE_LF) {
        if (byte !== LF) throw new Http1Error('bad_start_line', 0);
        this.#state = BEFORE;
      } else if (byte === CR) this.#state = BEFORE_LF;
      else break;
    }
    this.#skipped += at - from;
    if (this.#skipped > maxBytes)
      throw new Http1Error(this.#kind === 'answer' ? 'head_too_large' : 'bad_start_line', 0);
    if (at < chunk.length) {
      this.#stop = this.#maxBytes - this.#skipped;
      this.#state = this.#kind === 'answer' ? STATUS_LINE : METHOD;
    }
    return at;
  }

  /**
   * Reads on, first line and fields.
   * @param zero Where in the chunk the head's first byte would be: offsets count from it.
   */
  #scan(chunk: Buffer, from: number, zero: number): number {
    let at = from;
    while (at < chunk.length && this.#state >= FIRST_LINE_LF) at = this.#scanFirstLine(chunk, at, zero);
    return at < chunk.length ? this.#scanFields(chunk, at, zero) : at;
  }

  /** Reads one part of the first line, or what there is of it. */
  #scanFirstLine(chunk: Buffer, from: number, zero: number): number {
    const last = Math.min(chunk.length, zero + this.#stop);
    let at = from;
    switch (this.#state) {
      case METHOD:
        while (at < last && (CLASS[chunk[at] as number] as number) & IN_NAME && at - zero <= LONGEST_METHOD) at++;
        if (at === last) return at;
        if (chunk[at] !== SPACE || at === zero)
          throw new Http1Error(at - zero > LONGEST_METHOD ? 'bad_method' : 'bad_start_line', at - zero);
        this.#method = this.#methodBefore(chunk, at, zero);
        if (this.#method === '') throw new Http1Error('bad_method', at - zero);
        this.#methodEnd = at - zero;
        this.#state = TARGET;
        // One byte more, for the blank behind the longest target.
        this.#stop = this.#methodEnd + 1 + (this.#limits?.targetBytes ?? Infinity) + 1;
        return at + 1;
      case TARGET: {
        while (at < last && (CLASS[chunk[at] as number] as number) & IN_TARGET) at++;
        if (at - zero >= this.#stop) throw this.#exceeded(TARGET, at - zero);
        if (at === last) return at;
        const byte = chunk[at] as number;
        if (byte !== SPACE || at - zero === this.#methodEnd + 1)
          throw new Http1Error(byte === SPACE || byte === CR ? 'bad_start_line' : 'bad_target', at - zero);
        this.#lineEnd = at - zero;
        this.#state = VERSION_OF_REQUEST;
        this.#stop = Infinity;
        return at + 1;
      }
      case VERSION_OF_REQUEST:
        for (; at < last && this.#state === VERSION_OF_REQUEST; at++) {
          const offset = at - zero - this.#lineEnd - 1;
          const byte = chunk[at] as number;
          const isMinor = offset === VERSION.length && (byte === ZERO || byte === ONE);
          if (isMinor) this.#minor = byte === ONE ? 1 : 0;
          else if (offset > VERSION.length && byte === CR) this.#state = FIRST_LINE_LF;
          else if (byte !== VERSION[offset]) throw new Http1Error('bad_start_line', at - zero);
        }
        return at;
      case STATUS_LINE:
        for (; at < last && this.#state === STATUS_LINE; at++) {
          const offset = at - zero;
          const byte = chunk[at] as number;
          if (offset < VERSION.length && byte !== VERSION[offset]) throw new Http1Error('bad_start_line', offset);
          if (byte === CR) {
            this.#lineEnd = offset;
            this.#state = FIRST_LINE_LF;
          } else if (!((CLASS[byte] as number) & IN_VALUE)) throw new Http1Error('bad_start_line', offset);
        }
        if (at < chunk.length && this.#state === STATUS_LINE) throw this.#exceeded(STATUS_LINE, at - zero);
        return at;
      default:
        if (chunk[at] !== LF) throw new Http1Error('bad_start_line', at - zero);
        this.#state = FIELD;
        if (this.#limits) this.#stop = at + 1 - zero + this.#limits.fieldBytes;
        return at + 1;
    }
  }

  /** Reads the fields, to the blank line. Most of all bytes pass here, so what it works with is local. */
  #scanFields(chunk: Buffer, from: number, zero: number): number {
    const { length } = chunk;
    const marks = this.#marks;
    const maxCount = 4 * (this.#limits?.fields ?? Infinity);
    const stop = zero + this.#stop;
    const last = Math.min(length, stop);
    let count = this.#count;
    let state = this.#state;
    let at = from;
    const wrong = (code: Http1ErrorCode): Http1Error => {
      this.#count = count;
      return new Http1Error(code, at - zero);
    };
    while (at < length) {
      if (state === FIELD) {
        const byte = chunk[at] as number;
        if (byte === CR) {
          state = END_LF;
          at++;
          continue;
        }
        if (!((CLASS[byte] as number) & IN_NAME)) throw wrong('bad_field');
        if (at >= stop) break;
        if (count >= maxCount) throw wrong('too_many_fields');
        marks[count++] = at - zero;
        state = NAME;
      }
      if (state === NAME) {
        while (at < last && (CLASS[chunk[at] as number] as number) & IN_NAME) at++;
        if (at >= last) break;
        if (chunk[at] !== COLON) throw wrong('bad_field');
        marks[count++] = at - zero;
        state = BLANK;
        at++;
      }
      if (state === BLANK) {
        while (at < last && (chunk[at] === SPACE || chunk[at] === TAB)) at++;
        if (at >= last) break;
        marks[count++] = at - zero;
        state = VALUE;
      }
      if (state === VALUE) {
        while (at < last && (CLASS[chunk[at] as number] as number) & IN_VALUE) at++;
        if (at >= last) break;
        if (chunk[at] !== CR) throw wrong('bad_field');
        marks[count++] = at - zero;
        state = VALUE_LF;
        at++;
      }
      // The blank line is no field, and so counts for a request no more.
      if (at >= last && (state === VALUE_LF || this.#kind !== 'request' || at >= length)) break;
      if (chunk[at] !== LF) throw wrong('bad_field');
      at++;
      if (state === END_LF) {
        state = DONE;
        break;
      }
      state = FIELD;
    }
    this.#count = count;
    this.#state = state;
    // What stopped it was the end of the chunk, or the limit.
    if (state !== DONE && at < length) throw this.#exceeded(state, at - zero);
    return at;
  }

  #exceeded(state: number, at: number): Http1Error {
    if (this.#kind === 'answer') return new Http1Error('head_too_large', at);
    if (this.#kind === 'trailers') return new Http1Error('trailers_too_large', at);
    return new Http1Error(state === TARGET ? 'target_too_long' : 'fields_too_large', at);
  }

  /** The method that ends at a place in the chunk; empty: it is none. */
  #methodBefore(chunk: Buffer, at: number, zero: number): string {
    if (zero >= 0) return methodIn(chunk, zero, at);
    const held = this.#buffer?.subarray(0, this.#held) ?? NOTHING;
    const bytes = Buffer.concat([held, chunk.subarray(0, at)]);
    return methodIn(bytes, 0, bytes.length);
  }

  /** The head ends here, or what can be read of it. */
  #finish(chunk: Buffer, start: number, base: number, end: number): void {
    if (base === 0) {
      this.#text = chunk.toString('latin1', start, end);
      return;
    }
    this.#keep(chunk, start, base, end);
    this.#text = (this.#buffer as Buffer).toString('latin1', 0, this.#held);
  }

  /** Copies what there is of the head: its bytes are in a chunk that belongs to the socket's next read. */
  #keep(chunk: Buffer, start: number, base: number, end: number): void {
    const held = base + end - start;
    if (!this.#buffer || this.#buffer.length < held) {
      const larger = Buffer.allocUnsafe(Math.max(FIRST_BYTES, held * 2));
      this.#buffer?.copy(larger, 0, 0, base);
      this.#buffer = larger;
    }
    chunk.copy(this.#buffer, base, start, end);
    this.#held = held;
  }

  /** The fields of the head that was read; of one that was broken off those that are whole. */
  fields(): Fields {
    const text = this.#text;
    const marks = this.#marks;
    const count = this.#count;
    const fields: Fields = [];
    for (let i = 0; i + 3 < count; i += 4) {
      let end = marks[i + 3] as number;
      const value = marks[i + 2] as number;
      // Blanks behind a value are none of it (RFC 9112 §5.1).
      while (end > value && (text.charCodeAt(end - 1) === SPACE || text.charCodeAt(end - 1) === TAB)) end--;
      fields.push(text.slice(marks[i] as number, marks[i + 1] as number), text.slice(value, end));
    }
    return fields;
  }

  /** The answer whose head was read. Throws `bad_start_line`. */
  answer(): AnswerHead {
    const match = STATUS.exec(this.#text.slice(0, this.#lineEnd));
    if (!match) throw new Http1Error('bad_start_line', 0);
    const [, minor, status, reason = ''] = match;
    return { status: Number(status), reason, minor: minor === '1' ? 1 : 0, fields: this.fields() };
  }

  /** The request whose head was read; of one that was broken off what is whole of it. */
  request(): RequestHead {
    const target = this.#method === '' ? '' : this.#text.slice(this.#methodEnd + 1, this.#lineEnd || undefined);
    return { method: this.#method, target, minor: this.#minor, fields: this.fields() };
  }
}
