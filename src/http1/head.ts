import { Http1Error, type Http1ErrorCode } from './error.ts';
import { LONGEST_METHOD, methodIn } from './methods.ts';

/**
 * The fields of a message in the order and spelling in which they came: name, value, name, value. One character is one byte.
 */
export type Fields = string[];

/** The request line and the fields of a request. `method` and `target` are as they came. */
export interface RequestHead {
  readonly method: string;
  readonly target: string;
  /** The minor version of HTTP/1.x. */
  readonly minor: 0 | 1;
  readonly fields: Fields;
}

/** The status line and the fields of an answer. */
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

/**
 * For each byte, as bits, what it may be part of: 1 a field's name or a method (RFC 9110 §5.6.2), 2 a field's value (§5.5), 4 a
 * target.
 */
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

/** The states of the scan. They are plain numbers to keep the loop fast. */
const BEFORE = 0;
const BEFORE_LF = 1;
const FIELD = 2;
const NAME = 3;
const BLANK = 4;
const VALUE = 5;
const VALUE_LF = 6;
const END_LF = 7;
const DONE = 8;
/** This state and those below lie within the first line. */
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
/** The first size of the buffer for a head that comes in pieces. Most heads fit; a larger one makes the buffer grow. */
const FIRST_BYTES = 1_024;
/** The most bytes of empty lines in front of a message. */
const BLANK_BYTES = 1_024;

/** The kind of head. An answer begins with a status line, a request with a request line; trailers have no line of their own. */
export type HeadKind = 'answer' | 'request' | 'trailers';

/** The limits on a request's head. An error points at the byte that exceeds its limit. */
export interface RequestLimits {
  readonly targetBytes: number;
  /** The length of all field lines together, with their line breaks. */
  readonly fieldBytes: number;
  /** The number of fields. */
  readonly fields: number;
}

/**
 * Reads one head after the other, however each is split over reads of the socket. Every byte is looked at once, and a fault is
 * reported at the byte where it is. The reader is strict: a line break is CRLF, a name is a token right in front of its colon,
 * no line is folded, and a value holds no control character but tab (RFC 9112 §2.2, §5).
 */
export class HeadReader {
  readonly #kind: HeadKind;
  /** The limit on an answer's head or on trailers, from the first byte up to and including the blank line. */
  #maxBytes = Infinity;
  #limits: RequestLimits | undefined;
  #state = BEFORE;
  /** Four offsets for each field, from the head's first byte: name, end of name, value, end of value. */
  readonly #marks: number[] = [];
  /** How many of the marks belong to this head. The list is used again for the next one. */
  #count = 0;
  /** Offset of the end of the method, in a request. */
  #methodEnd = 0;
  /** Offset of the end of a request's target, or of an answer's status line. */
  #lineEnd = 0;
  #method = '';
  #minor: 0 | 1 = 1;
  /** The offset at which the current limit ends. */
  #stop = Infinity;
  /** How many bytes of the head came in earlier chunks; they lie in the buffer. */
  #held = 0;
  #buffer: Buffer | undefined;
  /** How many bytes of empty lines came in front of the head. */
  #skipped = 0;
  #text = '';

  /** @param limit The limits of a request's head; of an answer's head or of trailers the most bytes. */
  constructor(kind: HeadKind, limit: number | RequestLimits) {
    this.#kind = kind;
    this.reset(limit);
  }

  /** Makes the reader ready for the next head. Sets a new limit if one is given. */
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

  /** Whether no byte of a head has come, empty lines aside. */
  get isBefore(): boolean {
    return this.#state === BEFORE;
  }

  /**
   * Reads `chunk` from index `from` on. Returns the index of the first byte behind the head once that is complete. Returns -1
   * before: the bytes are kept, and the next call gets the next chunk. Throws {@link Http1Error} with `bad_start_line`,
   * `bad_method`, `bad_target`, `bad_field`, or the code of the limit that is exceeded. What came in front of the fault can
   * still be read by {@link request} and {@link fields}.
   */
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
      // The part in front of the fault can be asked for.
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

  /** Skips empty lines in front of a head (RFC 9112 §2.2). Returns the index at which the head begins. */
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
   * Reads the first line, then the fields. Returns the index behind what was read.
   * @param zero The index of the head's first byte, by which offsets count. It is negative when that byte came in an earlier
   * chunk.
   */
  #scan(chunk: Buffer, from: number, zero: number): number {
    let at = from;
    while (at < chunk.length && this.#state >= FIRST_LINE_LF) at = this.#scanFirstLine(chunk, at, zero);
    return at < chunk.length ? this.#scanFields(chunk, at, zero) : at;
  }

  /** Reads one part of the first line, as far as the chunk has it. */
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
        // One byte more, for the space behind the longest target.
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

  /** Reads the fields up to the blank line. Most bytes of all heads pass here, so the loop works on local variables. */
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
      // The blank line is no field, so it doesn't count against a request's limit on fields.
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
    // The loop stopped in front of the end of the chunk, so it was the limit that stopped it.
    if (state !== DONE && at < length) throw this.#exceeded(state, at - zero);
    return at;
  }

  #exceeded(state: number, at: number): Http1Error {
    if (this.#kind === 'answer') return new Http1Error('head_too_large', at);
    if (this.#kind === 'trailers') return new Http1Error('trailers_too_large', at);
    return new Http1Error(state === TARGET ? 'target_too_long' : 'fields_too_large', at);
  }

  /** Returns the method that ends at index `at`; '' when it is not a known one. */
  #methodBefore(chunk: Buffer, at: number, zero: number): string {
    if (zero >= 0) return methodIn(chunk, zero, at);
    const held = this.#buffer?.subarray(0, this.#held) ?? NOTHING;
    const bytes = Buffer.concat([held, chunk.subarray(0, at)]);
    return methodIn(bytes, 0, bytes.length);
  }

  /** Makes the text of the head, which ends at index `end`, or of its part in front of a fault. */
  #finish(chunk: Buffer, start: number, base: number, end: number): void {
    if (base === 0) {
      this.#text = chunk.toString('latin1', start, end);
      return;
    }
    this.#keep(chunk, start, base, end);
    this.#text = (this.#buffer as Buffer).toString('latin1', 0, this.#held);
  }

  /** Copies what the chunk has of the head into the buffer, to join it with the next chunk. */
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

  /** Returns the fields of the head that was read. If `read` threw, these are the fields in front of the fault. */
  fields(): Fields {
    const text = this.#text;
    const marks = this.#marks;
    const count = this.#count;
    const fields: Fields = [];
    for (let i = 0; i + 3 < count; i += 4) {
      let end = marks[i + 3] as number;
      const value = marks[i + 2] as number;
      // Whitespace behind a value is no part of it (RFC 9112 §5.1).
      while (end > value && (text.charCodeAt(end - 1) === SPACE || text.charCodeAt(end - 1) === TAB)) end--;
      fields.push(text.slice(marks[i] as number, marks[i + 1] as number), text.slice(value, end));
    }
    return fields;
  }

  /** Returns the answer's head that was read. Throws `bad_start_line`. */
  answer(): AnswerHead {
    const match = STATUS.exec(this.#text.slice(0, this.#lineEnd));
    if (!match) throw new Http1Error('bad_start_line', 0);
    const [, minor, status, reason = ''] = match;
    return { status: Number(status), reason, minor: minor === '1' ? 1 : 0, fields: this.fields() };
  }

  /**
   * Returns the request's head that was read. If `read` threw, it holds what came in front of the fault; '' for what is
   * missing.
   */
  request(): RequestHead {
    const target = this.#method === '' ? '' : this.#text.slice(this.#methodEnd + 1, this.#lineEnd || undefined);
    return { method: this.#method, target, minor: this.#minor, fields: this.fields() };
  }
}
