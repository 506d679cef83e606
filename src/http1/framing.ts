import { Http1Error } from './error.ts';
import type { AnswerHead, Fields, RequestHead } from './head.ts';

/** How a message tells where its body ends (RFC 9112 §6.3). `close`: the body ends with the connection. */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'close' };

const NONE: Framing = { kind: 'none' };
const CHUNKED: Framing = { kind: 'chunked' };
const CLOSE: Framing = { kind: 'close' };

/**
 * Reads the framing that the fields give; undefined when they give none. Throws when they give more than one, or one that is
 * not understood: `bad_length`, `two_lengths`, `bad_coding`, `two_codings`, `length_and_coding`, `coding_in_1_0`.
 * @param length The spelling of `Content-Length` that is taken.
 */
function readFraming(fields: Fields, minor: 0 | 1, length: RegExp): Framing | undefined {
  let framing: Framing | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name.length === 14 && name.toLowerCase() === 'content-length') {
      const value = fields[i + 1] as string;
      if (framing) throw new Http1Error(framing === CHUNKED ? 'length_and_coding' : 'two_lengths', 0);
      if (!length.test(value)) throw new Http1Error('bad_length', 0);
      framing = { kind: 'length', bytes: Number(value) };
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      if (framing) throw new Http1Error(framing === CHUNKED ? 'two_codings' : 'length_and_coding', 0);
      if ((fields[i + 1] as string).toLowerCase() !== 'chunked') throw new Http1Error('bad_coding', 0);
      if (minor === 0) throw new Http1Error('coding_in_1_0', 0);
      framing = CHUNKED;
    }
  }
  return framing;
}

/** Some servers write leading zeros, which don't change the number. */
const ANSWER_LENGTH = /^\d{1,15}$/;
/** A request's length is taken in one spelling only, since the servers behind us may read others differently. */
const REQUEST_LENGTH = /^(?:0|[1-9]\d{0,14})$/;

/** Reads the framing of an answer to a request with `method`. Throws what {@link readFraming} throws. */
export function answerFraming({ status, minor, fields }: AnswerHead, method: string): Framing {
  const framing = readFraming(fields, minor, ANSWER_LENGTH) ?? CLOSE;
  // The fields must be sound even where no body follows, so this comes after the check.
  return method === 'HEAD' || status === 204 || status === 304 || status < 200 ? NONE : framing;
}

/** What a request's head says about its body and its connection. */
export interface RequestFraming {
  readonly framing: Framing;
  /** Whether the caller keeps the connection after the answer (RFC 9112 §9.3). */
  readonly persists: boolean;
  /** Whether the caller may wait for a 100 before it sends the body (RFC 9110 §10.1.1). */
  readonly expectsContinue: boolean;
}

/** Stands in for the framing of a request whose framing can't be understood. */
export const UNKNOWN_FRAMING: RequestFraming = { framing: NONE, persists: false, expectsContinue: false };

/** Reads the framing of a request. Throws what {@link readFraming} throws. */
export function requestFraming({ minor, fields }: RequestHead): RequestFraming {
  const framing = readFraming(fields, minor, REQUEST_LENGTH) ?? NONE;
  let persists = minor === 1;
  let closes = false;
  let expectsContinue = false;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name.length === 10 && name.toLowerCase() === 'connection') {
      const options = optionsOf(fields[i + 1] as string);
      persists ||= options.includes('keep-alive');
      closes ||= options.includes('close');
    } else if (name.length === 6 && name.toLowerCase() === 'expect') {
      // A server must ignore the expectation in HTTP/1.0 (RFC 9110 §10.1.1).
      expectsContinue = minor === 1 && (fields[i + 1] as string).toLowerCase() === '100-continue';
    }
  }
  return { framing, persists: persists && !closes, expectsContinue };
}

/** Returns the options of one `Connection` field, in lower case (RFC 9110 §7.6.1). An empty list element becomes ''. */
export function optionsOf(value: string): readonly string[] {
  const lower = value.toLowerCase();
  if (lower === 'keep-alive') return KEEP_ALIVE;
  if (lower === 'close') return CLOSES;
  // `trim` removes more than HTTP's whitespace.
  return lower.split(',').map((option) => option.replaceAll(/^[\t ]+|[\t ]+$/g, ''));
}

const KEEP_ALIVE: readonly string[] = ['keep-alive'];
const CLOSES: readonly string[] = ['close'];
const NO_OPTIONS: readonly string[] = [];

/** Whether a connection option (lower case) is about the connection itself, and so names no field. */
export const isOwnOption = (option: string): boolean => option === 'keep-alive' || option === 'close' || option === '';

/** Returns the options of all `Connection` fields, in lower case. */
export function connectionOptions(fields: readonly string[]): readonly string[] {
  let options = NO_OPTIONS;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue;
    const more = optionsOf(fields[i + 1] as string);
    options = options.length === 0 ? more : [...options, ...more];
  }
  return options;
}
