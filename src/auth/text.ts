import { type ByteString, percent } from '../core/byte-string.ts';

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
