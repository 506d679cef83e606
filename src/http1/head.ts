import { Http1Error } from './error.ts';

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

/** What a byte may be part of: 1 a field's name (RFC 9110 §5.6.2), 2 its value (§5.5). */
const CLASS = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  const isName = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(byte)) && byte < 0x80;
  const isValue = byte === TAB || (byte >= SPACE && byte !== 0x7f);
  CLASS[byte] = (isName ? 1 : 0) | (isValue ? 2 : 0);
}
const IN_NAME = 1;
const IN_VALUE = 2;

/** Where a scan stands. Plain numbers, so that the loop stays fast. */
const BEFORE = 0;
const BEFORE_LF = 1;
const FIRST_LINE = 2;
const FIRST_LINE_LF = 3;
const FIELD = 4;
const NAME = 5;
const BLANK = 6;
const VALUE = 7;
const VALUE_LF = 8;
const END_LF = 9;
const DONE = 10;

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e\x80-\xff]+) HTTP\/1\.([01])$/;
const VERSION = Buffer.from('HTTP/1.');

/** Of most heads all fits; a larger one makes it grow. */
const FIRST_BYTES = 1_024;

/** What a head begins with: a status line, a request line, or no line of its own (trailers). */
export type HeadKind = 'answer' | 'request' | 'trailers';

/**
 * Reads one head after the other, in whatever pieces it comes; each byte is looked at once. Strict: line breaks are CRLF, names are
 * tokens right before their colon, nothing is folded, no control character but tab stands in a value.
 */
export class HeadReader {
  readonly #kind: HeadKind;
  #maxBytes: number;
  #state = BEFORE;
  /** Where fields begin and end, from the head's first byte: name, end of name, value, end of value. */
  #marks: number[] = [];
  #lineEnd = 0;
  /** Bytes of the head that came in earlier pieces. */
  #held = 0;
  #buffer: Buffer | undefined;
  /** Empty lines before the first one. */
  #skipped = 0;
  #text = '';

  /** @param maxBytes From the first byte to the blank line. */
  constructor(kind: HeadKind, maxBytes: number) {
    this.#kind = kind;
    this.#maxBytes = maxBytes;
    this.reset();
  }

  /** Ready for the next head, with another limit where one is given. */
  reset(maxBytes = this.#maxBytes): void {
    this.#maxBytes = maxBytes;
    this.#state = this.#kind === 'trailers' ? FIELD : BEFORE;
    this.#marks = [];
    this.#lineEnd = 0;
    this.#held = 0;
    this.#buffer = undefined;
    this.#skipped = 0;
  }

  /** Reads on from `from`; returns where the rest begins once the head is whole, else -1. Throws {@link Http1Error}. */
  read(chunk: Buffer, from: number): number {
    const marks = this.#marks;
    let state = this.#state;
    let start = from;
    let base = this.#held;
    // Offsets count from the head's first byte: at - start + base.
    const last = Math.min(chunk.length, start + this.#maxBytes - base - this.#skipped);
    let at = from;
    for (; at < last && state !== DONE; at++) {
      const byte = chunk[at] as number;
      switch (state) {
        case VALUE:
          if ((CLASS[byte] as number) & IN_VALUE) break;
          if (byte !== CR) throw this.#wrong('bad_field', at - start + base);
          marks.push(at - start + base);
          state = VALUE_LF;
          break;
        case NAME:
          if ((CLASS[byte] as number) & IN_NAME) break;
          if (byte !== COLON) throw this.#wrong('bad_field', at - start + base);
          marks.push(at - start + base);
          state = BLANK;
          break;
        case BLANK:
          if (byte === SPACE || byte === TAB) break;
          marks.push(at - start + base);
          if (byte === CR) {
            marks.push(at - start + base);
            state = VALUE_LF;
          } else if ((CLASS[byte] as number) & IN_VALUE) state = VALUE;
          else throw this.#wrong('bad_field', at - start + base);
          break;
        case VALUE_LF:
          if (byte !== LF) throw this.#wrong('bad_field', at - start + base);
          state = FIELD;
          break;
        case FIELD:
          if ((CLASS[byte] as number) & IN_NAME) {
            marks.push(at - start + base);
            state = NAME;
          } else if (byte === CR) state = END_LF;
          else throw this.#wrong('bad_field', at - start + base);
          break;
        case FIRST_LINE:
          if (byte === CR) {
            this.#lineEnd = at - start + base;
            state = FIRST_LINE_LF;
          } else if (!((CLASS[byte] as number) & IN_VALUE)) throw this.#wrong('bad_start_line', at - start + base);
          else if (this.#kind === 'answer') {
            const offset = at - start + base;
            if (offset < VERSION.length && byte !== VERSION[offset]) throw this.#wrong('bad_start_line', offset);
          }
          break;
        case FIRST_LINE_LF:
          if (byte !== LF) throw this.#wrong('bad_start_line', at - start + base);
          state = FIELD;
          break;
        case BEFORE:
          if (byte === CR) {
            state = BEFORE_LF;
            break;
          }
          // The head begins here.
          this.#skipped += at - start + base;
          start = at;
          base = 0;
          if (this.#kind === 'answer' ? byte !== VERSION[0] : !((CLASS[byte] as number) & IN_NAME))
            throw this.#wrong('bad_start_line', 0);
          state = FIRST_LINE;
          break;
        case BEFORE_LF:
          if (byte !== LF) throw this.#wrong('bad_start_line', at - start + base);
          state = BEFORE;
          break;
        case END_LF:
          if (byte !== LF) throw this.#wrong('bad_field', at - start + base);
          state = DONE;
          break;
      }
    }
    this.#state = state;
    if (state !== DONE) {
      if (at === last && last < chunk.length) throw this.#wrong(this.#tooLarge, this.#maxBytes);
      if (state === BEFORE || state === BEFORE_LF) this.#skipped += at - start;
      else this.#keep(chunk, start, base);
      return -1;
    }
    if (this.#buffer) {
      this.#keep(chunk, start, base, at);
      this.#text = this.#buffer.toString('latin1', 0, this.#held);
    } else this.#text = chunk.toString('latin1', start, at);
    return at;
  }

  get #tooLarge(): 'trailers_too_large' | 'head_too_large' {
    return this.#kind === 'trailers' ? 'trailers_too_large' : 'head_too_large';
  }

  #wrong(code: ConstructorParameters<typeof Http1Error>[0], at: number): Http1Error {
    return new Http1Error(code, at);
  }

  /** Copies what there is of the head: its bytes are in a chunk that belongs to the socket's next read. */
  #keep(chunk: Buffer, start: number, base: number, end = chunk.length): void {
    const held = base + end - start;
    if (!this.#buffer || this.#buffer.length < held) {
      const larger = Buffer.allocUnsafe(Math.max(FIRST_BYTES, held * 2));
      this.#buffer?.copy(larger, 0, 0, base);
      this.#buffer = larger;
    }
    chunk.copy(this.#buffer, base, start, end);
    this.#held = held;
  }

  /** The fields of the head that was read. */
  fields(): Fields {
    const text = this.#text;
    const marks = this.#marks;
    const fields: Fields = [];
    for (let i = 0; i < marks.length; i += 4) {
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
    const match = STATUS_LINE.exec(this.#text.slice(0, this.#lineEnd));
    if (!match) throw this.#wrong('bad_start_line', 0);
    const [, minor, status, reason = ''] = match;
    return { status: Number(status), reason, minor: minor === '1' ? 1 : 0, fields: this.fields() };
  }

  /** The request whose head was read. Throws `bad_start_line`. */
  request(): RequestHead {
    const match = REQUEST_LINE.exec(this.#text.slice(0, this.#lineEnd));
    if (!match) throw this.#wrong('bad_start_line', 0);
    const [, method = '', target = '', minor] = match;
    return { method, target, minor: minor === '1' ? 1 : 0, fields: this.fields() };
  }
}
