import { Http1Error } from './error.ts';

/**
 * Characters that could end a line. Latin-1 writes the low byte alone of a character above U+00FF, and that may be a line
 * break.
 */
// oxlint-disable-next-line no-control-regex
const BREAK = /[\0\r\n\u0100-\uffff]/;

/**
 * Writes a head as text, with its blank line: the first line, then the fields (name, value, …). One character is one byte.
 * Throws `bad_field` for a character that could end a line early. The maker of the fields answers for everything else in them.
 * @param before Whole lines, with their line breaks, to put in front of the fields; they are not checked.
 * @param behind The same, to put behind the fields.
 */
export function headText(firstLine: string, fields: readonly string[], before = '', behind = ''): string {
  if (BREAK.test(firstLine)) throw new Http1Error('bad_field', 0);
  let text = `${firstLine}\r\n${before}`;
  for (let i = 0; i < fields.length; i += 2) {
    const line = `${fields[i]}: ${fields[i + 1]}`;
    if (BREAK.test(line)) throw new Http1Error('bad_field', text.length);
    text += `${line}\r\n`;
  }
  return `${text}${behind}\r\n`;
}

/** The line in front of a chunk's data (RFC 9112 §7.1). */
export const chunkLine = (bytes: number): string => `${bytes.toString(16)}\r\n`;

/** The end of a chunked body. */
export const LAST_CHUNK = '0\r\n\r\n';

/** Joins a head, one character for each byte, and a whole body into one buffer: one write costs less than two. */
export function message(head: string, body: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(head.length + body.length);
  bytes.write(head, 0, 'latin1');
  bytes.set(body, head.length);
  return bytes;
}
