import { ASCII, type ByteString, percent, toUnicode } from '../core/byte-string.ts';

export { type ByteString, fromBytes, fromUnicode, percentEncode, toBytes, toUnicode } from '../core/byte-string.ts';

/** The WHATWG URL standard's application/x-www-form-urlencoded: a space becomes `+`. */
export function formEncode(text: ByteString): ByteString {
  return text.replaceAll(/[^A-Za-z0-9*\-._ ]/g, percent).replaceAll(' ', '+');
}

/** Decodes a form's or query's name or value; a `%` that starts no escape is itself, as in the WHATWG standard. */
export function formDecode(text: ByteString): ByteString {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  return spaced.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** Whether the bytes can stand in a header's value (RFC 9110 §5.5: no control characters but tab). */
export function fitsHeader(text: ByteString): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}

/** Charsets in which an ASCII byte may be something else than its character. */
const NOT_ASCII =
  /^(?:utf-?(?:7|16|32)|ucs|csunicode|iso-?10646|iso-?2022|hz|cesu|bocu|scsu|ebcdic|ibm|cp-?(?:037|500|1047))/i;

/** Whether a charset is UTF-8 by its name. */
export const isUtf8Name = (charset: string): boolean => /^utf-?8$/i.test(charset);

/** Whether the bytes mean the same by `charset` (undefined: none is named) as by UTF-8: all ASCII, or UTF-8 said to be that. */
export function fitsCharset(text: ByteString, charset: string | undefined): boolean {
  if (charset !== undefined && NOT_ASCII.test(charset)) return false;
  if (ASCII.test(text)) return true;
  return (charset === undefined || isUtf8Name(charset)) && toUnicode(text) !== undefined;
}
