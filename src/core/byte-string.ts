import { isUtf8 } from 'node:buffer';

/**
 * A string in which one character is one byte (U+0000 to U+00FF). The texts of requests and signatures are byte strings, like
 * the headers and targets of `node:http`. Unicode text becomes its UTF-8 bytes on the way in. So a target, a form field, a JSON
 * string and a digest can stand in one signed text, and each keeps exactly its bytes.
 */
export type ByteString = string;

// oxlint-disable-next-line no-control-regex
const ASCII = /^[\x00-\x7f]*$/;

/** Whether every character is ASCII (below U+0080). */
export const isAscii = (text: ByteString): boolean => ASCII.test(text);

/** Encodes a Unicode text as its UTF-8 bytes. */
export function fromUnicode(text: string): ByteString {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** Decodes UTF-8 bytes to their Unicode text. Returns undefined when the bytes are not UTF-8. */
export function toUnicode(text: ByteString): string | undefined {
  if (isAscii(text)) return text;
  const bytes = toBytes(text);
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

/** Decodes bytes to a text: as UTF-8, or else each byte to the character with its number. */
export const asText = (text: ByteString): string => toUnicode(text) ?? text;

/** Returns the bytes of a byte string, as a copy. */
export function toBytes(text: ByteString): Buffer {
  return Buffer.from(text, 'latin1');
}

/** Returns the byte string of bytes. */
export function fromBytes(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** Returns the percent escape (`%XX`) of a byte, which is given as one character. */
export const percent = (byte: string): string => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;

/** Replaces every byte that is not an unreserved character (RFC 3986 §2.3) by its percent escape. */
export function percentEncode(text: ByteString): ByteString {
  return text.replaceAll(/[^A-Za-z0-9\-._~]/g, percent);
}

/** Replaces every percent escape by its byte. A `%` that starts no escape stays as it is. */
export function percentDecode(text: ByteString): ByteString {
  if (!text.includes('%')) return text;
  return text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/**
 * Returns the JSON string literal for `text`, as UTF-8 bytes. In a text that is not UTF-8, each byte stands for the character
 * with its number (U+0080 to U+00FF).
 */
export function encodeString(text: ByteString): ByteString {
  return fromUnicode(JSON.stringify(toUnicode(text) ?? text));
}
