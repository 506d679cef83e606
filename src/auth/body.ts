import { isUtf8 } from 'node:buffer';
import { OutriderError } from '../core/errors.ts';
import { headerValue, headerValues, type RawHeaders } from '../core/headers.ts';
import { type ByteString, fromBytes } from './text.ts';

/** What a body must be so that a field of it can be read or set. */
export type BodyKind = 'json' | 'form';

export const MEDIA: Readonly<
  Record<BodyKind, { readonly type: string; readonly fits: RegExp; readonly called: string }>
> = {
  json: { type: 'application/json', fits: /^[\w.-]+\/(?:[\w.+-]+\+)?json$/i, called: 'JSON' },
  form: { type: 'application/x-www-form-urlencoded', fits: /^application\/x-www-form-urlencoded$/i, called: 'a form' },
};

/**
 * Throws `bad_body`, with the reason, unless the body is whole and plain and of that kind: its Content-Type says so, or
 * there is none and it looks so; valid UTF-8 without a byte order mark; JSON by RFC 8259. An empty body is an empty form.
 */
export function checkBody(kind: BodyKind, headers: RawHeaders, bytes: Uint8Array): void {
  const { called } = MEDIA[kind];
  if (bytes.length === 0) {
    if (kind === 'json') throw badBody('The body must be JSON; it is empty.');
    return;
  }
  checkCoding(called, headers);
  const type = headerValue(headers, 'content-type');
  if (type !== undefined) checkType(kind, type);
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    throw badBody(`The body must be ${called}; it begins with a byte order mark.`);
  }
  if (!isUtf8(bytes)) throw badBody(`The body must be ${called}; it is not valid UTF-8.`);
  if (kind === 'json' && !isJson(bytes)) throw badBody('The body must be JSON; it is not.');
  if (kind === 'form' && type === undefined && !/^[^\s{[<"]\S*$/.test(fromBytes(bytes))) {
    throw badBody('The body must be a form; it has no Content-Type and does not look like one.');
  }
}

/** Whether the text is the base64 (RFC 4648 §4, padded) of JSON. */
export function isBase64Json(text: ByteString): boolean {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text && isUtf8(bytes) && isJson(bytes);
}

export function badBody(detail: string): OutriderError {
  return new OutriderError('bad_body', { detail });
}

function checkCoding(called: string, headers: RawHeaders): void {
  const codings = headerValues(headers, 'content-encoding').join(',').toLowerCase().trim();
  if (codings === '' || codings === 'identity') return;
  throw badBody(`The body must be ${called} as it stands, but its Content-Encoding says that it is compressed.`);
}

function checkType(kind: BodyKind, contentType: string): void {
  const { fits, called } = MEDIA[kind];
  const [media = '', ...parameters] = contentType.split(';').map((piece) => piece.trim());
  if (!fits.test(media)) throw badBody(`The body must be ${called}; its Content-Type says otherwise.`);
  const charset = parameters.find((parameter) => /^charset=/i.test(parameter));
  if (charset !== undefined && !/^charset="?(?:utf-?8|us-ascii)"?$/i.test(charset)) {
    throw badBody(`The body must be ${called} in UTF-8; its Content-Type names another charset.`);
  }
}

// The parser's own message quotes the body, so it goes nowhere.
function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
    return true;
  } catch {
    return false;
  }
}
