/**
 * What an upstream's bytes mean by the letter of RFC 9112, read in one go and apart from everything in `src`.
 * Bytes are latin1 strings.
 */
export type Meaning =
  /** No answer: what came is not valid HTTP/1.1. */
  | { readonly kind: 'invalid' }
  /** No answer yet: its head has not ended. */
  | { readonly kind: 'unfinished' }
  | Meant;

export interface Meant {
  readonly kind: 'answer';
  readonly status: number;
  readonly reason: string;
  /** Name, value, … */
  readonly headers: readonly string[];
  /** As much of it as came. */
  readonly body: string;
  /** `open`: it ends with the connection, and that has not ended. */
  readonly end: 'whole' | 'broken' | 'open';
  /** Valid, and yet so odd that refusing or cutting it is all right. */
  readonly isOdd: boolean;
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([\t -~\x80-\xff]*))?$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*([\t -~\x80-\xff]*)$/;
const CHUNK_SIZE = /^([0-9A-Fa-f]+)((?:;[\t -~\x80-\xff]*)?)$/;
/** An extension that nobody could read in two ways. */
const PLAIN_EXTENSION = /^(?:;[0-9A-Za-z]+(?:=[0-9A-Za-z]+)?)*$/;
const FRAMING_NAME = /^(?:content-length|transfer-encoding|connection|trailer)$/i;

export function meaningOf(bytes: string, method: string, ending: 'stay' | 'end' | 'reset'): Meaning {
  let rest = bytes;
  for (;;) {
    rest = rest.replace(/^(?:\r\n)+/, '');
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) return { kind: 'unfinished' };
    const [first = '', ...lines] = rest.slice(0, end).split('\r\n');
    rest = rest.slice(end + 4);
    const line = STATUS_LINE.exec(first);
    const headers = fieldsOf(lines);
    if (!line || !headers || line[2] === '101') return { kind: 'invalid' };
    if (line[2]?.startsWith('1')) continue;
    const status = Number(line[2]);
    const head = { kind: 'answer', status, reason: line[3] ?? '', headers: headers.pairs } as const;
    const framing = framingOf(headers.pairs, line[1] === '0');
    if (framing === 'ambiguous') return { kind: 'invalid' };
    const isOdd = headers.isOdd;
    if (method === 'HEAD' || status === 204 || status === 304) return { ...head, body: '', end: 'whole', isOdd };
    if (framing === 'chunked') {
      const chunked = dechunk(rest);
      return { ...head, ...chunked, isOdd: isOdd || chunked.isOdd };
    }
    if (framing === 'close')
      return { ...head, body: rest, end: ending === 'end' ? 'whole' : ending === 'reset' ? 'broken' : 'open', isOdd };
    return { ...head, body: rest.slice(0, framing), end: rest.length < framing ? 'broken' : 'whole', isOdd };
  }
}

function fieldsOf(lines: readonly string[]): { pairs: string[]; isOdd: boolean } | undefined {
  const pairs: string[] = [];
  let isOdd = false;
  for (const line of lines) {
    const [, name, value] = FIELD.exec(line) ?? [];
    if (name === undefined || value === undefined) return undefined;
    if (FRAMING_NAME.test(name) && /[\t ]$/.test(value)) isOdd = true;
    pairs.push(name, value.replace(/[\t ]+$/, ''));
  }
  return { pairs, isOdd };
}

const valuesOf = (pairs: readonly string[], name: string): string[] =>
  pairs.filter((_, i) => i % 2 === 1 && pairs[i - 1]?.toLowerCase() === name);

function framingOf(pairs: readonly string[], isHttp10: boolean): number | 'chunked' | 'close' | 'ambiguous' {
  const lengths = valuesOf(pairs, 'content-length');
  const codings = valuesOf(pairs, 'transfer-encoding');
  if (lengths.length + codings.length > 1) return 'ambiguous';
  if (codings[0] !== undefined) return !isHttp10 && codings[0].toLowerCase() === 'chunked' ? 'chunked' : 'ambiguous';
  if (lengths[0] === undefined) return 'close';
  return /^\d{1,15}$/.test(lengths[0]) ? Number(lengths[0]) : 'ambiguous';
}

function dechunk(text: string): { body: string; end: 'whole' | 'broken'; isOdd: boolean } {
  let body = '';
  let isOdd = false;
  for (let at = 0; ;) {
    const lineEnd = text.indexOf('\r\n', at);
    const [, digits, extension = ''] = (lineEnd >= 0 && CHUNK_SIZE.exec(text.slice(at, lineEnd))) || [];
    if (digits === undefined) return { body, end: 'broken', isOdd };
    if (!PLAIN_EXTENSION.test(extension)) isOdd = true;
    const size = Number.parseInt(digits, 16);
    const start = lineEnd + 2;
    if (size === 0) {
      const trailers = trailersOf(text.slice(lineEnd));
      return { body, end: trailers ? 'whole' : 'broken', isOdd: isOdd || trailers !== '\r\n' };
    }
    body += text.slice(start, start + size);
    at = start + size + 2;
    if (text.slice(start + size, at) !== '\r\n') return { body, end: 'broken', isOdd };
  }
}

/** What follows the last chunk, from the line break before it on: `\r\n` for no trailers, undefined when it is not valid. */
function trailersOf(text: string): string | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const lines = text.slice(2, end + 2).split('\r\n');
  return lines.every((line, i) => (i === lines.length - 1 ? line === '' : FIELD.test(line)))
    ? text.slice(0, end + 2)
    : undefined;
}
