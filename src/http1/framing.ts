import { Http1Error } from './error.ts';
import type { AnswerHead, Fields, RequestHead } from './head.ts';

/** How the end of a body is told (RFC 9112 §6.3): `close`, by the connection's end. */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'close' };

const NONE: Framing = { kind: 'none' };
const CHUNKED: Framing = { kind: 'chunked' };
const CLOSE: Framing = { kind: 'close' };

/** What a head says of its length; undefined: nothing. Throws `bad_length` where it is said in two ways, or in one that nobody knows. */
function told(fields: Fields, minor: 0 | 1, length: RegExp): Framing | undefined {
  let framing: Framing | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name.length === 14 && name.toLowerCase() === 'content-length') {
      const value = fields[i + 1] as string;
      if (framing || !length.test(value)) throw new Http1Error('bad_length', 0);
      framing = { kind: 'length', bytes: Number(value) };
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      if (framing || minor === 0 || (fields[i + 1] as string).toLowerCase() !== 'chunked')
        throw new Http1Error('bad_length', 0);
      framing = CHUNKED;
    }
  }
  return framing;
}

/** Servers write leading zeros; the number is the same. */
const ANSWER_LENGTH = /^\d{1,15}$/;
/** A caller's is refused in every other spelling, since others may read it otherwise. */
const REQUEST_LENGTH = /^(?:0|[1-9]\d{0,14})$/;

/** The body of an answer to a request of that method. Throws `bad_length`. */
export function answerFraming({ status, minor, fields }: AnswerHead, method: string): Framing {
  const framing = told(fields, minor, ANSWER_LENGTH) ?? CLOSE;
  // What it says must be sound even where no body follows.
  return method === 'HEAD' || status === 204 || status === 304 || status < 200 ? NONE : framing;
}

/** The body of a request. Throws `bad_length`. */
export function requestFraming({ minor, fields }: RequestHead): Framing {
  return told(fields, minor, REQUEST_LENGTH) ?? NONE;
}

/** The options that the `Connection` fields name, in lower case (RFC 9110 §7.6.1). */
export function connectionOptions(fields: Fields): string[] {
  const options: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue;
    for (const option of (fields[i + 1] as string).toLowerCase().split(',')) options.push(option.trim());
  }
  return options;
}
