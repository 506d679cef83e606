import { type ByteString, percent, percentDecode } from '../core/byte-string.ts';

/** Encodes a name or value as application/x-www-form-urlencoded by the WHATWG URL standard: a space becomes `+`. */
export function formEncode(text: ByteString): ByteString {
  return text.replaceAll(/[^A-Za-z0-9*\-._ ]/g, percent).replaceAll(' ', '+');
}

/** Decodes a name or value of a form or query. As in the WHATWG URL standard, a `%` that starts no escape stays as it is. */
export function formDecode(text: ByteString): ByteString {
  return percentDecode(text.includes('+') ? text.replaceAll('+', ' ') : text);
}

/** Whether the bytes can be sent as a field value (RFC 9110 §5.5): no control characters but the tab. */
export function fitsHeader(text: ByteString): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}
