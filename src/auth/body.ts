import { isUtf8 } from 'node:buffer';
import { headerValues, type RawHeaders } from '../core/headers.ts';
import { formOf } from './form.ts';
import { type MediaType, parametersOf, readMediaType } from './media-type.ts';
import { badBody } from './problem.ts';
import { fitsCharset, isUtf8Name } from './charset.ts';
import { type ByteString, fromBytes } from '../core/byte-string.ts';
import { formDecode } from './text.ts';

/** The formats in which fields of a body can be read and set. */
export type BodyKind = 'json' | 'form';

interface Media {
  /** The Content-Type that a body gets if it came without one. */
  readonly type: string;
  /** Matches the media types of this format, in lower case and without parameters. */
  readonly fits: RegExp;
  /** The name of the format in error messages. */
  readonly called: string;
}

/** The media types of each format. Any `…+json` type (RFC 6839 §3.1) is JSON. */
export const MEDIA: Readonly<Record<BodyKind, Media>> = {
  json: { type: 'application/json', fits: /^[\w.-]+\/(?:[\w.+-]+\+)?json$/, called: 'JSON' },
  form: {
    type: 'application/x-www-form-urlencoded',
    fits: /^(?:application\/x-www-form-urlencoded|multipart\/form-data)$/,
    called: 'a form',
  },
};

/** Matches a text that looks like a URL-encoded form. It decides only when there is no Content-Type. */
const LOOKS_LIKE_FORM = /^[^\s{[<"]\S*$/;

/**
 * Checks that a body can be read as `kind`. Throws `bad_body` with the reason.
 * Content-Type must name that format once; without one, the body must look like it. The body has no content coding and no byte
 * order mark. JSON follows RFC 8259 and is UTF-8. A form is UTF-8, or ASCII under another charset. An empty body is an empty
 * form.
 */
export function checkBody(kind: BodyKind, headers: RawHeaders, bytes: Uint8Array): void {
  const { called } = MEDIA[kind];
  const contentType = typeOf(headers, called);
  if (bytes.length === 0) {
    if (kind === 'json') throw badBody('The body must be JSON; it is empty.');
    if (contentType === undefined || readMediaType(contentType).essence !== 'multipart/form-data') return;
  }
  checkCoding(called, headers);
  const type = contentType === undefined ? undefined : readMediaType(contentType);
  if (type && !MEDIA[kind].fits.test(type.essence)) {
    throw badBody(`The body must be ${called}; its Content-Type says otherwise.`);
  }
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    throw badBody(`The body must be ${called}; it begins with a byte order mark.`);
  }
  if (kind === 'json') checkJson(type, bytes);
  else checkForm(contentType, type, fromBytes(bytes));
}

/** Whether a request with these headers can have a body of that kind: its Content-Type says so, or is missing. */
export function mayBe(kind: BodyKind, headers: RawHeaders): boolean {
  const types = headerValues(headers, 'content-type');
  return types.length === 0 || types.some((type) => MEDIA[kind].fits.test(readMediaType(type).essence));
}

/** Whether to read this body as `kind`: {@link mayBe} allows it and, without a Content-Type, it looks like it. */
export function looksLike(kind: BodyKind, headers: RawHeaders, bytes: Uint8Array): boolean {
  if (bytes.length === 0 || !mayBe(kind, headers)) return false;
  if (headerValues(headers, 'content-type').length > 0) return true;
  return kind === 'json' ? isJson(bytes) : LOOKS_LIKE_FORM.test(fromBytes(bytes));
}

/** Whether the text is base64 (RFC 4648 §4 or §5) of valid JSON. Padding is optional and line breaks are ignored. */
export function isBase64Json(text: ByteString): boolean {
  const digits = text.replaceAll(/[\r\n]/g, '');
  const [, body = '', padding = ''] = /^((?:[A-Za-z0-9+/]+|[\w-]+))(={0,2})$/.exec(digits) ?? [];
  if (body === '' || body.length % 4 === 1 || (padding !== '' && digits.length % 4 !== 0)) return false;
  const bytes = Buffer.from(body, 'base64');
  return isUtf8(bytes) && isJson(bytes);
}

/**
 * The Content-Type, undefined if there is none. Throws `bad_body` for more than one, since programs disagree on which of them
 * counts.
 */
function typeOf(headers: RawHeaders, called: string): string | undefined {
  const [type, another] = headerValues(headers, 'content-type');
  if (another !== undefined) throw badBody(`The body must be ${called}; it came with several Content-Types.`);
  return type;
}

function checkCoding(called: string, headers: RawHeaders): void {
  const codings = headerValues(headers, 'content-encoding').join(',').toLowerCase().trim();
  if (codings === '' || codings === 'identity') return;
  throw badBody(`The body must be ${called} as it stands, but its Content-Encoding says that it is compressed.`);
}

function checkJson(type: MediaType | undefined, bytes: Uint8Array): void {
  const charsets = type ? parametersOf(type, 'charset') : [];
  if (!charsets.every((charset) => isUtf8Name(charset) || /^us-ascii$/i.test(charset))) {
    throw badBody('The body must be JSON in UTF-8; its Content-Type names another charset.');
  }
  if (!isUtf8(bytes)) throw badBody('The body must be JSON; it is not valid UTF-8.');
  if (!isJson(bytes)) throw badBody('The body must be JSON; it is not.');
}

function checkForm(contentType: string | undefined, type: MediaType | undefined, body: ByteString): void {
  if (type?.essence === 'multipart/form-data') {
    formOf(contentType).read(body);
    return;
  }
  const [charset, another] = type ? parametersOf(type, 'charset') : [];
  if (another !== undefined || type?.isWellFormed === false) {
    throw badBody('The body must be a form; its Content-Type can not be read.');
  }
  // In UTF-8, escapes may hold any bytes here: a field that goes into a credential is checked when it is read.
  if (charset === undefined || isUtf8Name(charset)) {
    if (!fitsCharset(body, charset)) throw badBody('The body must be a form; it is not valid UTF-8.');
  } else if (!fitsCharset(formDecode(body), charset)) {
    throw badBody('The body must be a form in ASCII, or in UTF-8 by its charset; it is neither.');
  }
  if (type === undefined && !LOOKS_LIKE_FORM.test(body)) {
    throw badBody('The body must be a form; it has no Content-Type and does not look like one.');
  }
}

// The parser's message is dropped because it quotes the body.
function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
    return true;
  } catch {
    return false;
  }
}
