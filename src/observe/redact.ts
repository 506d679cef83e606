import { inspect } from 'node:util';
import { Secret } from '../core/secret.ts';

export const REDACTED = '[redacted]';

/** Shorter texts are hidden by key only: hiding every `1` would leave no log. */
const MIN_LENGTH = 4;
/** Shorter texts (a password `test`, say) are hidden where they stand alone, not inside of words. */
const MIN_INSIDE = 8;
/** What was a secret before a rotation stays hidden, until there are so many more of these than of current ones. */
const MAX_OLD = 1_000;
/** Spreads four characters over the table (2^32 divided by the golden ratio). */
const SPREAD = 0x9e3779b1;

const SECRET_KEY =
  /(?:authorization|cookies?|secrets?|tokens?|password|passwd|signature|salt|saltkey|hash|xverify|apikey|privatekey|encryptionkey|assertion)$/;

/** Whether what stands under this key (a field, a header, a form field; any case) is never shown. */
export function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(key.toLowerCase().replaceAll(/[-_. ]/g, ''));
}

// In free text: `client_secret=…`, `"access_token":"…"`, `authorization: …`, `O-Bearer …`, and anything that looks like a JWT.
const PAIR = /(?<![\w-])([\w-]+)((?:=|"\s*:\s*)"?)([^\s"'&,;}\])]+)/g;
const HEADER =
  /\b((?:proxy-)?authorization|(?:set-)?cookie|x-verify|x-access-token|x-grant-token)(\s*:\s*)[^\r\n"']+/gi;
const SCHEME = /\b((?:o-)?bearer|basic)\s+(?=\S*\d)[\w\-.~+/]{8,}=*/gi;
const JWT = /\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g;

/** Hides what looks like a credential in a text that other people wrote: an error's message, say. */
export function redactByLook(text: string): string {
  return text
    .replace(HEADER, `$1$2${REDACTED}`)
    .replace(PAIR, (all, key: string, sign: string) => (isSecretKey(key) ? `${key}${sign}${REDACTED}` : all))
    .replace(SCHEME, `$1 ${REDACTED}`)
    .replace(JWT, REDACTED);
}

/** The characters of a base64 text that depend on `text` alone, wherever it stands within what was encoded. */
function base64Cores(text: string): string[] {
  return [0, 1, 2].map((shift) => {
    const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(text)]);
    const whole = bytes.toString('base64').replaceAll('=', '');
    return whole.slice([0, 2, 3][shift], Math.floor((bytes.length * 8) / 6));
  });
}

/** How a text may be written down: as it is, within JSON, percent-encoded, as a form field, in base64 and hex. */
function spellings(text: string): Set<string> {
  const url = encodeURIComponent(text.toWellFormed());
  const base64 = [Buffer.from(text).toString('base64').replaceAll('=', ''), ...base64Cores(text)];
  const long = [...base64, ...base64.map((core) => core.replaceAll('+', '-').replaceAll('/', '_'))];
  return new Set([
    text,
    JSON.stringify(text).slice(1, -1),
    url,
    url.replaceAll(/%../g, (escape) => escape.toLowerCase()),
    url.replaceAll('%20', '+'),
    Buffer.from(text).toString('hex'),
    ...long.filter((core) => core.length >= MIN_INSIDE),
  ]);
}

const isWordChar = (code: number): boolean =>
  (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122);

/** Hides known secrets wherever they stand in a text. */
export interface Redactor {
  /** Reads the secret texts again; true when there are new ones. What was known before stays hidden. */
  refresh(): boolean;
  /** About a nanosecond a character, however many secrets there are. */
  text(text: string): string;
}

/**
 * Redaction by value. `secretTexts` is asked at once and at each {@link Redactor.refresh}; texts are found in all their
 * {@link spellings}. A table over the last four characters tells in one step where nothing can begin.
 */
export function createRedactor(secretTexts: () => Iterable<string>): Redactor {
  const known = new Set<string>();
  const all = new Set<string>();
  /** First characters → the lengths of the spellings that begin with them, longest first. */
  const lengths = new Map<string, number[]>();
  const table = new Uint8Array(1 << 16);

  function add(text: string): void {
    known.add(text);
    for (const spelling of spellings(text)) {
      all.add(spelling);
      const head = spelling.slice(0, MIN_LENGTH);
      const those = lengths.get(head);
      if (those === undefined) lengths.set(head, [spelling.length]);
      else if (!those.includes(spelling.length)) those.push(spelling.length);
      lengths.get(head)?.sort((a, b) => b - a);
      let code = 0;
      for (let i = 0; i < MIN_LENGTH; i++) code = (code << 8) ^ head.charCodeAt(i);
      table[Math.imul(code, SPREAD) >>> 16] = 1;
    }
  }

  /** How long the secret is that stands at `start`; 0: none does. */
  function lengthAt(text: string, start: number): number {
    for (const length of lengths.get(text.slice(start, start + MIN_LENGTH)) ?? []) {
      if (!all.has(text.slice(start, start + length))) continue;
      const isAlone = !isWordChar(text.charCodeAt(start - 1)) && !isWordChar(text.charCodeAt(start + length));
      if (length >= MIN_INSIDE || isAlone) return length;
    }
    return 0;
  }

  function refresh(): boolean {
    const current = [...secretTexts()].filter((text) => text.length >= MIN_LENGTH);
    if (known.size > 2 * current.length + MAX_OLD) {
      for (const collection of [known, all, lengths]) collection.clear();
      table.fill(0);
    }
    const before = known.size;
    for (const text of current) if (!known.has(text)) add(text);
    return known.size > before;
  }

  function redact(text: string): string {
    let code = 0;
    let done = 0;
    let result = '';
    for (let i = 0; i < text.length; i++) {
      code = (code << 8) ^ text.charCodeAt(i);
      if (table[Math.imul(code, SPREAD) >>> 16] === 0) continue;
      const start = i - MIN_LENGTH + 1;
      if (start < done) continue;
      const length = lengthAt(text, start);
      if (length === 0) continue;
      result += text.slice(done, start) + REDACTED;
      done = start + length;
      // The characters skipped take part in no other find.
      i = done - 1;
    }
    return done === 0 ? text : result + text.slice(done);
  }

  refresh();
  return { refresh, text: redact };
}

const MAX_DEPTH = 6;
/** A longer text in a log line is cut, after its secrets are hidden. */
const MAX_TEXT = 4_096;

/** Hides secrets by value and by look, and cuts what is too long. */
export function redactText(raw: string, redactor: Redactor): string {
  const hidden = redactor.text(raw);
  return redactByLook(hidden.length > MAX_TEXT ? `${hidden.slice(0, MAX_TEXT)}…` : hidden);
}

/** What a value looks like in a log line: plain JSON data, errors spelled out, secrets hidden by key, by look and by value. */
export function redactValue(value: unknown, redactor: Redactor, stacks: boolean, depth = 0): unknown {
  const text = (raw: string): string => redactText(raw, redactor);
  if (typeof value === 'string') return text(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? '[function]' : value;
  if (depth >= MAX_DEPTH) return '[…]';
  const deeper = (inner: unknown): unknown => redactValue(inner, redactor, stacks, depth + 1);
  if (value instanceof Error) {
    const { code, cause } = value as Error & { code?: unknown };
    return {
      name: value.name,
      message: text(value.message),
      ...(code === undefined ? {} : { code: deeper(code) }),
      ...(cause === undefined ? {} : { cause: deeper(cause) }),
      ...(value instanceof AggregateError ? { errors: value.errors.slice(0, 5).map(deeper) } : {}),
      ...(stacks && value.stack !== undefined ? { stack: text(value.stack) } : {}),
    };
  }
  if (value instanceof Secret) return REDACTED;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof URL) return text(value.href);
  if (Array.isArray(value)) return value.slice(0, 100).map(deeper);
  if (value instanceof Map) return redactValue(Object.fromEntries(value), redactor, stacks, depth);
  if (value instanceof Set) return deeper([...value]);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return text(inspect(value, { depth: 1 }));
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      text(key),
      isSecretKey(key) && inner !== null && inner !== undefined ? REDACTED : deeper(inner),
    ]),
  );
}
