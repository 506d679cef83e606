/** The fields of a body in their order, or why it can't be read: one sentence without any value of the body. */
export type Fields =
  | { readonly fields: readonly (readonly [name: string, value: Buffer])[] }
  | { readonly wrong: string };

const TOKEN = String.raw`[!#$%&'*+.^_\`|~0-9A-Za-z-]+`;
/** Matches a parameter after a value: `; name=token` or `; name="text"`, without escapes in the text. */
const PARAMETER = new RegExp(String.raw`\s*;\s*(${TOKEN})=(?:(${TOKEN})|"([^"\\]*)")`, 'y');
/** A head may hold no bare line feed: PHP ends a line at it, other programs don't. */
const HEADER = new RegExp(String.raw`^(${TOKEN}):[ \t]*([^\0\r\n]*)$`);
const PLAIN_ENCODINGS = ['7bit', '8bit', 'binary'];
const END_OF_LINE = Buffer.from('\r\n');
const END_OF_HEAD = Buffer.from('\r\n\r\n');

/**
 * Splits a field value into the value and its parameters, by lower-case name. Undefined for another syntax or a parameter that
 * occurs twice.
 */
function readParameters(text: string): { value: string; parameters: ReadonlyMap<string, string> } | undefined {
  const end = text.indexOf(';');
  const value = (end < 0 ? text : text.slice(0, end)).trim().toLowerCase();
  const parameters = new Map<string, string>();
  for (let at = end < 0 ? text.length : end; at < text.trimEnd().length; at = PARAMETER.lastIndex) {
    PARAMETER.lastIndex = at;
    const [, name = '', token, quoted] = PARAMETER.exec(text) ?? [];
    if (!name || parameters.has(name.toLowerCase())) return undefined;
    parameters.set(name.toLowerCase(), token ?? quoted ?? '');
  }
  return { value, parameters };
}

/** Reads the name of a text field from the head of its part. */
function readHead(head: string): { readonly name: string } | { readonly wrong: string } {
  const headers = new Map<string, string>();
  for (const line of head.split('\r\n').filter(Boolean)) {
    const [, name, value] = HEADER.exec(line) ?? [];
    if (name === undefined || value === undefined) return { wrong: 'a part has a line in its head that is no header' };
    if (headers.has(name.toLowerCase())) return { wrong: 'a part has a header twice' };
    headers.set(name.toLowerCase(), value.trim());
  }
  const encoding = headers.get('content-transfer-encoding')?.toLowerCase() ?? 'binary';
  if (!PLAIN_ENCODINGS.includes(encoding)) return { wrong: 'a part has a transfer encoding' };
  const disposition = readParameters(headers.get('content-disposition') ?? '');
  if (disposition?.value !== 'form-data') return { wrong: 'a part has no Content-Disposition: form-data' };
  const { parameters } = disposition;
  if (parameters.has('filename') || parameters.has('filename*')) return { wrong: 'a part is a file' };
  const name = parameters.get('name');
  return name ? { name } : { wrong: 'a part has no name' };
}

/**
 * Reads `multipart/form-data` (RFC 7578), strictly and so that PHP reads the same. There must be one boundary, and only text
 * parts; each has one name, and neither a file name nor a transfer encoding. Text before the first part and after the last is
 * skipped.
 */
export function readMultipart(contentType: string, body: Buffer): Fields {
  const boundary = readParameters(contentType)?.parameters.get('boundary');
  if (!boundary || boundary.length > 70) return { wrong: 'Content-Type must have one boundary' };
  const delimiter = Buffer.from(`\n--${boundary}`, 'latin1');
  // The first delimiter may be at the start of the body, so a line break is put before it.
  const bytes = Buffer.concat([END_OF_LINE, body]);
  const textAt = (from: number, to: number): string => bytes.toString('latin1', from, to);
  const fields: (readonly [string, Buffer])[] = [];
  for (let at = bytes.indexOf(delimiter); at >= 0;) {
    const headAt = at + delimiter.length + END_OF_LINE.length;
    const rest = textAt(headAt - END_OF_LINE.length, headAt);
    if (textAt(at - 1, at) !== '\r' || !['\r\n', '--'].includes(rest)) return { wrong: 'the body has a bad delimiter' };
    if (rest === '--') return { fields };
    const next = bytes.indexOf(delimiter, headAt);
    const valueAt = bytes.indexOf(END_OF_HEAD, headAt - END_OF_LINE.length) + END_OF_HEAD.length;
    if (next >= 0 && (valueAt < headAt || valueAt > next - 1)) return { wrong: 'a part has no head' };
    const head = readHead(textAt(headAt, valueAt - END_OF_HEAD.length));
    if ('wrong' in head) return head;
    fields.push([head.name, bytes.subarray(valueAt, next - 1)]);
    at = next;
  }
  return { wrong: 'the body has no closing delimiter' };
}
