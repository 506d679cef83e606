/**
 * HTTP/1.1 requests read off bytes to the letter of RFC 9112, to judge by what others make of the same bytes.
 * Text is latin1: one character for each byte.
 */

export interface Request {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  /** In order and spelling, values without the blanks around them. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly framing: 'none' | 'length' | 'chunked';
  readonly body: string;
  readonly trailers: readonly (readonly [name: string, value: string])[];
  /** Where the next request begins. */
  readonly end: number;
  /** What a recipient may bear or refuse: the RFC says "MAY", "SHOULD ignore", or leaves it open. */
  readonly doubts: readonly string[];
}

export type Reading =
  | { readonly kind: 'request'; readonly request: Request }
  /** More bytes are needed. `head`: it is there, and so is this much of the body. */
  | { readonly kind: 'incomplete'; readonly head?: Request }
  /** No bytes that follow can make it a request. `head`: it was good up to the body. */
  | { readonly kind: 'invalid'; readonly why: string; readonly head?: Request };

class Invalid extends Error {}
class Incomplete extends Error {}

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const REQUEST_LINE = new RegExp(`^(${TOKEN})( +)([^ ]+)( +)(HTTP|RTSP|ICE)/(\\d\\.\\d)$`);
const FIELD = new RegExp(`^(${TOKEN}):([\\t\\x20-\\x7e\\x80-\\xff]*)$`);
const QUOTED = '"(?:[\\t\\x20!#-\\[\\]-\\x7e\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"';
// Without "bad whitespace", which nobody sends and parsers differ about.
const CHUNK_LINE = new RegExp(`^([0-9A-Fa-f]+)(?:;(?:${TOKEN})?(?:=(?:${TOKEN}|${QUOTED})?)?)*$`);
/** Never of a trailer section (RFC 9110 §6.5.1), so that some refuse them there, and some heed them. */
const NO_TRAILER =
  /^(?:connection|content-length|expect|host|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/i;

/** One line, and where the next begins (RFC 9112 §2.2). */
function line(text: string, at: number): [line: string, next: number] {
  const lf = text.indexOf('\n', at);
  const cr = text.indexOf('\r', at);
  if (cr >= 0 && cr + 1 < text.length && cr !== lf - 1 && (lf < 0 || cr < lf)) throw new Invalid('a bare CR');
  if (lf < 0) throw new Incomplete();
  if (cr !== lf - 1) throw new Invalid('a bare LF');
  return [text.slice(at, cr), lf + 1];
}

function fieldsAt(text: string, at: number): [fields: [name: string, value: string][], next: number] {
  const fields: [string, string][] = [];
  for (let next = at; ;) {
    const [content, after] = line(text, next);
    if (content === '') return [fields, after];
    const match = FIELD.exec(content);
    if (!match) throw new Invalid(/^[\t ]/.test(content) ? 'a folded line' : 'not a header');
    fields.push([match[1] as string, (match[2] as string).replaceAll(/^[\t ]+|[\t ]+$/g, '')]);
    next = after;
  }
}

/** Every value of that name (lower case). */
export const valuesOf = ({ fields }: Pick<Request, 'fields'>, name: string): string[] =>
  fields.filter(([candidate]) => candidate.toLowerCase() === name).map(([, value]) => value);

/** The length of the body, or that it is chunked (§6.3); what can be read in two ways is invalid (§6.1, RFC 9110 §8.6). */
function framingOf(head: Request): number | 'chunked' {
  const codings = valuesOf(head, 'transfer-encoding');
  const lengths = valuesOf(head, 'content-length');
  if (codings.length + lengths.length > 1) throw new Invalid('more than one framing header');
  if (codings[0] !== undefined) {
    if (codings[0].toLowerCase() !== 'chunked') throw new Invalid('an unknown Transfer-Encoding');
    if (head.version === '1.0') throw new Invalid('Transfer-Encoding in HTTP/1.0');
    return 'chunked';
  }
  if (lengths[0] === undefined) return 0;
  if (!/^(?:0|[1-9]\d*)$/.test(lengths[0]) || Number(lengths[0]) > Number.MAX_SAFE_INTEGER)
    throw new Invalid('an odd Content-Length');
  return Number(lengths[0]);
}

/** Reads the chunks from `at` on (§7.1) into `request`. */
function readChunks(text: string, at: number, request: Draft): void {
  for (let next = at; ;) {
    const [content, data] = line(text, next);
    const match = CHUNK_LINE.exec(content);
    if (!match) throw new Invalid('an odd chunk size');
    if (/;(?:[;=]|$)|=(?:;|$)/.test(content)) request.doubts.push('a chunk extension without a name or a value');
    if (BigInt(`0x${match[1]}`) >= 2n ** 64n) throw new Invalid('a chunk size beyond all bounds');
    const size = Number.parseInt(content, 16);
    if (size === 0) {
      [request.trailers, request.end] = fieldsAt(text, data);
      if (request.trailers.some(([name]) => NO_TRAILER.test(name)))
        request.doubts.push('a trailer that must not be one');
      return;
    }
    request.body += text.slice(data, data + size);
    next = data + size + 2;
    const ending = text.slice(data + size, next);
    if (!'\r\n'.startsWith(ending)) throw new Invalid('a chunk longer than its size');
    if (ending.length < 2) throw new Incomplete();
  }
}

type Draft = { -readonly [K in keyof Request]: Request[K] } & { doubts: string[] };

function readHead(text: string, at: number): Draft {
  const doubts: string[] = [];
  const empty = /^[\r\n]*/.exec(text.slice(at))?.[0] ?? '';
  if (empty !== '') doubts.push('empty lines before the request line');
  const [start, next] = line(text, at + empty.length);
  const match = REQUEST_LINE.exec(start);
  if (!match) throw new Invalid('not a request line');
  const [, method = '', before = '', target = '', after = '', protocol, version = ''] = match;
  if (before.length + after.length > 2) doubts.push('more than one blank in the request line');
  if (protocol !== 'HTTP') doubts.push('another protocol that has the form of HTTP');
  const [fields, end] = fieldsAt(text, next);
  if (version !== '1.1' && version !== '1.0') throw new Invalid('another version');
  if (/^transfer-encoding:.*\t/im.test(text.slice(next, end))) doubts.push('a tab about a Transfer-Encoding');
  return { method, target, version, fields, framing: 'none', body: '', trailers: [], end, doubts };
}

/** Reads the request that begins at `at`. */
export function readRequest(text: string, at = 0): Reading {
  let head: Draft | undefined;
  try {
    const request = readHead(text, at);
    const framing = framingOf(request);
    head = request;
    if (framing === 'chunked') {
      request.framing = 'chunked';
      readChunks(text, request.end, request);
    } else if (valuesOf(request, 'content-length').length > 0) {
      request.framing = 'length';
      request.body = text.slice(request.end, request.end + framing);
      request.end += framing;
      if (request.body.length < framing) throw new Incomplete();
    }
    return { kind: 'request', request };
  } catch (error) {
    const good = head && { head };
    if (error instanceof Incomplete) return { kind: 'incomplete', ...good };
    if (error instanceof Invalid) return { kind: 'invalid', why: error.message, ...good };
    throw error;
  }
}

/** The members of lists, in lower case. */
export const membersOf = (values: readonly string[]): string[] =>
  values.flatMap((value) => value.split(',').map((member) => member.replaceAll(/^[\t ]+|[\t ]+$/g, '').toLowerCase()));

/** Whether more requests may follow on the connection (§9.3); undefined: readers differ. */
export function persists(request: Pick<Request, 'version' | 'fields' | 'trailers'>): boolean | undefined {
  const options = membersOf(valuesOf(request, 'connection'));
  const isElsewhere = request.trailers.some(([name]) => name.toLowerCase() === 'connection');
  // Nobody's standard, and some heed it.
  if (isElsewhere || valuesOf(request, 'proxy-connection').length > 0) return undefined;
  if (request.version === '1.1') return !options.includes('close');
  if (options.includes('close') && options.includes('keep-alive')) return undefined;
  return options.includes('keep-alive');
}
