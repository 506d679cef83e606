import { isUtf8 } from 'node:buffer';

/**
 * Texts in this room are byte strings: one character is one byte, as node:http hands over headers and targets.
 * Unicode becomes its UTF-8 bytes on the way in, so that a target, a form field, a JSON string and a digest can stand in
 * one signed text and each keeps exactly its bytes.
 */
export type ByteString = string;

// oxlint-disable-next-line no-control-regex
const ASCII = /^[\x00-\x7f]*$/;

export const isAscii = (text: ByteString): boolean => ASCII.test(text);

/** The UTF-8 bytes of a Unicode text. */
export function fromUnicode(text: string): ByteString {
  return ASCII.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** The Unicode text of UTF-8 bytes; undefined when they are none. */
export function toUnicode(text: ByteString): string | undefined {
  if (ASCII.test(text)) return text;
  const bytes = toBytes(text);
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

export function toBytes(text: ByteString): Buffer {
  return Buffer.from(text, 'latin1');
}

export function fromBytes(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

const percent = (byte: string): string => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;

/** RFC 3986 §2.3: everything but unreserved characters becomes `%XX`. */
export function percentEncode(text: ByteString): ByteString {
  return text.replaceAll(/[^A-Za-z0-9\-._~]/g, percent);
}

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
