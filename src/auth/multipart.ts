import { isToken } from '../core/headers.ts';
import { type BodyForm, byName, type FormField } from './fields.ts';
import { parametersOf, readMediaType, type MediaType } from './media-type.ts';
import { badBody } from './problem.ts';
import { fitsCharset } from './charset.ts';
import type { ByteString } from '../core/byte-string.ts';

/**
 * Forms of the type multipart/form-data (RFC 7578) whose parts are all text.
 * Programs disagree on how to read unusual ones: bare line feeds, boundaries after the closing one, folded headers, escapes in
 * names. Those are refused, because the provider must read exactly what is signed here.
 */

/** One part, as offsets into the body. */
interface Part {
  readonly name: ByteString;
  /** The start of its boundary line. */
  readonly start: number;
  /** The end of its boundary line. */
  readonly headStart: number;
  readonly valueStart: number;
  /** The start of the next boundary line. */
  readonly end: number;
}

interface Parts {
  readonly parts: readonly Part[];
  /** The start of the closing boundary line. */
  readonly closing: number;
}

/** Matches a boundary by RFC 2046 §5.1.1. A comma needs quotes, since some programs end an unquoted value at it. */
const BOUNDARY = /^(?! )[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/;
const TEXT_ENCODINGS: ReadonlySet<string> = new Set(['7bit', '8bit', 'binary']);

const refuse = (why: string) => badBody(`The body must be a form; ${why}.`);

/**
 * Whether the Content-Type names one boundary in a way that all programs read alike. Some programs search for the word
 * "boundary" anywhere in the field. So no other parameter may contain it. The boundary itself may, because many clients write
 * it there, but not followed by "=".
 */
function namesOneBoundary({ parameters }: MediaType, boundary: string): boolean {
  const others = parameters.filter(([name]) => name !== 'boundary').flat();
  return (
    others.length === (parameters.length - 1) * 2 &&
    !others.some((text) => /boundary/i.test(text)) &&
    !/boundary *=/i.test(boundary)
  );
}

/** The form format for this multipart Content-Type. Throws `bad_body` if it doesn't name exactly one valid boundary. */
export function multipartForm(type: MediaType): BodyForm {
  const [boundary = ''] = parametersOf(type, 'boundary');
  if (!namesOneBoundary(type, boundary)) throw refuse('its Content-Type must name one boundary');
  if (!type.isWellFormed || !BOUNDARY.test(boundary)) throw refuse('its Content-Type names a boundary that is none');
  const [charset] = parametersOf(type, 'charset');
  const partsOf = (body: ByteString): Parts => readParts(body, `--${boundary}`, charset);
  const list = (body: ByteString): FormField[] =>
    partsOf(body).parts.map(({ name, valueStart, end }) => [name, body.slice(valueStart, end - 2)]);
  return {
    list,
    read: (body) => byName(list(body)),
    drop(body, names) {
      const { parts } = partsOf(body);
      return without(
        body,
        parts.filter(({ name }) => names.has(name)),
      );
    },
    place(body, name, value) {
      if (value.includes(`--${boundary}`)) throw refuse('its boundary stands in a value that is put in');
      const { parts, closing } = partsOf(body);
      const content = `Content-Disposition: form-data; name="${encodeName(name)}"\r\n\r\n${value}\r\n`;
      const [first, ...others] = parts.filter((part) => part.name === name);
      if (!first) return `${body.slice(0, closing)}--${boundary}\r\n${content}${body.slice(closing)}`;
      return body.slice(0, first.headStart) + content + without(body, others, first.end);
    },
  };
}

/** The body from offset `from` on, without the given parts. */
function without(body: ByteString, parts: readonly Part[], from = 0): ByteString {
  let rest = '';
  let at = from;
  for (const { start, end } of parts) {
    rest += body.slice(at, start);
    at = end;
  }
  return rest + body.slice(at);
}

/**
 * Splits a body into parts. `delimiter` is the boundary with its two leading hyphens. Throws `bad_body` for anything but a form
 * whose parts are all text.
 */
function readParts(body: ByteString, delimiter: string, charset: string | undefined): Parts {
  const lines = boundaryLines(body, delimiter);
  const last = lines.at(-1);
  if (!last?.isClosing) throw refuse('its last boundary is missing');
  if (lines.filter(({ isClosing }) => isClosing).length > 1) throw refuse('a boundary stands behind the last one');
  const parts = lines.slice(0, -1).map(({ start, end: headStart }, index): Part => {
    const end = lines[index + 1]?.start ?? 0;
    const head = readHead(body, headStart, end, index + 1);
    const value = body.slice(head.end, end - 2);
    if (!fitsCharset(value, head.charset ?? charset)) {
      throw refuse(`the part "${head.name}" is neither ASCII nor UTF-8 by its charset`);
    }
    return { name: head.name, start, headStart, valueStart: head.end, end };
  });
  return { parts, closing: last.start };
}

interface BoundaryLine {
  readonly start: number;
  /** The offset after its line break. */
  readonly end: number;
  readonly isClosing: boolean;
}

/** All lines that begin with the boundary. Throws `bad_body` if one of them is not a valid boundary line. */
function boundaryLines(body: ByteString, delimiter: string): BoundaryLine[] {
  const lines: BoundaryLine[] = [];
  for (let start = body.indexOf(delimiter); start >= 0; start = body.indexOf(delimiter, start + 1)) {
    const before = body[start - 1];
    if (start > 0 && before !== '\n' && before !== '\r') continue;
    const pattern = /(--)?[ \t]*(\r\n|$)/y;
    pattern.lastIndex = start + delimiter.length;
    const match = pattern.exec(body);
    const isClosing = match?.[1] !== undefined;
    const isWhole = match?.[2] === '\r\n' || (match !== null && isClosing);
    const isOwnLine = start === 0 || body.slice(start - 2, start) === '\r\n';
    if (!match || !isWhole || !isOwnLine) throw refuse('a line begins with its boundary and is not one by RFC 2046');
    lines.push({ start, end: pattern.lastIndex, isClosing });
  }
  if (lines.slice(0, -1).some(({ isClosing }) => isClosing)) throw refuse('a boundary stands behind the last one');
  return lines;
}

/**
 * Reads the head of the part that begins at `start`. `number` counts from 1 and names the part in errors while its name is
 * unknown. `end` is the offset of the value.
 */
function readHead(
  body: ByteString,
  start: number,
  partEnd: number,
  number: number,
): { readonly name: ByteString; readonly charset: string | undefined; readonly end: number } {
  const empty = body.indexOf('\r\n\r\n', start);
  // The line break before the next boundary belongs to the boundary (RFC 2046 §5.1.1).
  if (empty < 0 || empty + 4 > partEnd - 2) throw refuse(`part ${number} has no head`);
  const headers = body
    .slice(start, empty)
    .split('\r\n')
    .map((line) => /^([^:]*):[ \t]*([^\0\r\n]*)$/.exec(line));
  if (headers.some((header) => !header || !isToken(header[1] as string))) {
    throw refuse(`part ${number} has a header that can not be read`);
  }
  const valuesOf = (name: string): string[] =>
    headers.flatMap((header) => (header?.[1]?.toLowerCase() === name ? [(header[2] as string).trim()] : []));
  const [disposition, another] = valuesOf('content-disposition');
  if (disposition === undefined || another !== undefined) throw refuse(`part ${number} needs one Content-Disposition`);
  const name = readName(disposition, number);
  const encodings = valuesOf('content-transfer-encoding').map((text) => text.toLowerCase());
  if (encodings.length > 1 || encodings.some((encoding) => !TEXT_ENCODINGS.has(encoding))) {
    throw refuse(`the part "${name}" has a Content-Transfer-Encoding`);
  }
  const types = valuesOf('content-type').map(readMediaType);
  if (types.length > 1 || types.some(({ essence }) => /^(?:multipart|message)\//.test(essence))) {
    throw refuse(`the part "${name}" is no text by its Content-Type`);
  }
  return { name, charset: types[0] && parametersOf(types[0], 'charset')[0], end: empty + 4 };
}

const DISPOSITION_PARAMETER = /[ \t]*;[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:"((?:[^"\\]|\\["\\])*)"|([^\s;",\\]+))/y;

/** Reads the name from a Content-Disposition (RFC 7578 §4.2). Throws `bad_body` for a file, since a file is no text field. */
function readName(disposition: string, number: number): ByteString {
  const [kind = ''] = /^[^;\s]*/.exec(disposition) ?? [];
  const parameters = new Map<string, ByteString>();
  let at = kind.length;
  let isReadable = kind.toLowerCase() === 'form-data';
  while (isReadable && at < disposition.length) {
    DISPOSITION_PARAMETER.lastIndex = at;
    const match = DISPOSITION_PARAMETER.exec(disposition);
    const name = match?.[1]?.toLowerCase() ?? '';
    isReadable = match !== null && name !== 'name*' && !parameters.has(name);
    parameters.set(name, match?.[2] ?? match?.[3] ?? '');
    at += match?.[0].length ?? 0;
  }
  const name = decodeName(parameters.get('name') ?? '');
  const called = name === '' ? `part ${number}` : `the part "${name}"`;
  if (parameters.has('filename') || parameters.has('filename*')) throw refuse(`${called} is a file`);
  if (!isReadable || name === '') throw refuse(`${called} has a Content-Disposition that can not be read`);
  return name;
}

const ESCAPES: Readonly<Record<string, string>> = { '%22': '"', '%0D': '\r', '%0A': '\n' };

/** Decodes a name: the percent escapes of the WHATWG HTML standard, and the older backslash escapes. */
const decodeName = (raw: ByteString): ByteString =>
  raw.replaceAll(/\\(.)/g, '$1').replaceAll(/%(?:22|0D|0A)/g, (escape) => ESCAPES[escape] as string);

function encodeName(name: ByteString): ByteString {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}
