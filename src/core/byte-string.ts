import { isUtf8 } from 'node:buffer';

/**
 * The texts of requests and signatures are byte strings: one character is one byte, as node:http hands over headers and targets.
 * Unicode becomes its UTF-8 bytes on the way in, so that a target, a form field, a JSON string and a digest can stand in
 * one signed text and each keeps exactly its bytes.
 */
export type ByteString = string;

// oxlint-disable-next-line no-control-regex
const ASCII = /^[\x00-\x7f]*$/;

export const isAscii = (text: ByteString): boolean => ASCII.test(text);

/** The UTF-8 bytes of a Unicode text. */
export function fromUnicode(text: string): ByteString {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** The Unicode text of UTF-8 bytes; undefined when they are none. */
export function toUnicode(text: ByteString): string | undefined {
  if (isAscii(text)) return text;
  const bytes = toBytes(text);
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

export function toBytes(text: ByteString): Buffer {
  return Buffer.from(text, 'latin1');
}

export function fromBytes(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

export const percent = (byte: string): string => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;

/** RFC 3986 §2.3: everything but unreserved characters becomes `%XX`. */
export function percentEncode(text: ByteString): ByteString {
  return text.replaceAll(/[^A-Za-z0-9\-._~]/g, percent);
}

/** A JSON string holding `text`; bytes that are no UTF-8 stand for themselves (U+0080–U+00FF). */
export function encodeString(text: ByteString): ByteString {
  return fromUnicode(JSON.stringify(toUnicode(text) ?? text));
}
