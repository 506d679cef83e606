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

/**
 * What a head says of its length; undefined: nothing. Throws where it is said in two ways, or in one that nobody knows:
 * `bad_length`, `two_lengths`, `bad_coding`, `two_codings`, `length_and_coding`, `coding_in_1_0`.
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

/** Servers write leading zeros; the number is the same. */
const ANSWER_LENGTH = /^\d{1,15}$/;
/** A caller's is refused in every other spelling, since others may read it otherwise. */
const REQUEST_LENGTH = /^(?:0|[1-9]\d{0,14})$/;

/** The body of an answer to a request of that method. Throws what {@link readFraming} throws. */
export function answerFraming({ status, minor, fields }: AnswerHead, method: string): Framing {
  const framing = readFraming(fields, minor, ANSWER_LENGTH) ?? CLOSE;
  // What it says must be sound even where no body follows.
  return method === 'HEAD' || status === 204 || status === 304 || status < 200 ? NONE : framing;
}

/** What the head of a request says of its body and of the connection. */
export interface RequestFraming {
  readonly framing: Framing;
  /** Whether the connection can be used again behind the answer (RFC 9112 §9.3). */
  readonly persists: boolean;
  /** Whether the body may be held back until a 100 (RFC 9110 §10.1.1). */
  readonly expectsContinue: boolean;
}

/** Of a request whose framing can't be understood. */
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
      // A caller of HTTP/1.0 can't have meant it.
      expectsContinue = minor === 1 && (fields[i + 1] as string).toLowerCase() === '100-continue';
    }
  }
  return { framing, persists: persists && !closes, expectsContinue };
}

/** The options that one `Connection` field names, in lower case (RFC 9110 §7.6.1). */
export function optionsOf(value: string): readonly string[] {
  const lower = value.toLowerCase();
  if (lower === 'keep-alive') return KEEP_ALIVE;
  if (lower === 'close') return CLOSES;
  // `trim` would take more for a blank than HTTP does.
  return lower.split(',').map((option) => option.replaceAll(/^[\t ]+|[\t ]+$/g, ''));
}

const KEEP_ALIVE: readonly string[] = ['keep-alive'];
const CLOSES: readonly string[] = ['close'];
const NO_OPTIONS: readonly string[] = [];

/** Whether an option is about the connection itself, and names no field. */
export const isOwnOption = (option: string): boolean => option === 'keep-alive' || option === 'close' || option === '';

/** The options of all `Connection` fields. */
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
