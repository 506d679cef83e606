import { Http1Error } from './error.ts';

/** What would end a line; of a character that is no byte only the lower half is written, which may be one of these. */
// oxlint-disable-next-line no-control-regex
const BREAK = /[\0\r\n\u0100-\uffff]/;

/**
 * A head as text: its first line and fields (name, value, …), one character for each byte. Throws `bad_field` for what would end a
 * line early; that nothing else is wrong with it is for whoever made it.
 * @param before Whole lines that stand before the fields, with their line ends; they need no check.
 * @param behind The same for those behind them.
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

/** One chunk's line before its data. */
export const chunkLine = (bytes: number): string => `${bytes.toString(16)}\r\n`;

/** The end of a chunked body. */
export const LAST_CHUNK = '0\r\n\r\n';

/**
 * A head and a whole body in one piece: one write costs less than two. `head` is Latin-1.
 */
export function message(head: string, body: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(head.length + body.length);
  bytes.write(head, 0, 'latin1');
  bytes.set(body, head.length);
  return bytes;
}
