import { inspect } from 'node:util';
import { Secret } from '../core/secret.ts';
import { spellingsOf } from '../core/spellings.ts';

/** What stands in place of a secret. */
export const REDACTED = '[redacted]';

/** Secrets with fewer characters are not searched for by value: hiding every `1` would leave no log. */
const MIN_LENGTH = 4;
/** Secrets with fewer characters (a password `test`, say) are hidden only where no letter or digit is next to them. */
const MIN_INSIDE = 8;
/**
 * A rotated secret stays hidden until more secrets are known than twice the current ones and this many. Then all rotated ones
 * are forgotten.
 */
const MAX_OLD = 1_000;
/** Spreads four characters evenly over the table: 2^32 divided by the golden ratio. */
const SPREAD = 0x9e3779b1;

const SECRET_KEY =
  /(?:authorization|cookies?|secrets?|tokens?|password|passwd|signature|salt|saltkey|hash|xverify|apikey|privatekey|encryptionkey|assertion)$/;

/** Whether the value under this key is never shown. The key is the name of a field, header or form field, in any case. */
export function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(key.toLowerCase().replaceAll(/[-_. ]/g, ''));
}

// The patterns of credentials in free text: `client_secret=…`, `"access_token":"…"`, `authorization: …`, `O-Bearer …`, and
// anything that looks like a JWT.
const PAIR = /(?<![\w-])([\w-]+)((?:=|"\s*:\s*)"?)([^\s"'&,;}\])]+)/g;
const HEADER =
  /\b((?:proxy-)?authorization|(?:set-)?cookie|x-verify|x-access-token|x-grant-token)(\s*:\s*)[^\r\n"']+/gi;
const SCHEME = /\b((?:o-)?bearer|basic)\s+(?=\S*\d)[\w\-.~+/]{8,}=*/gi;
const JWT = /\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g;

/** Hides what looks like a credential in a text by somebody else, such as an error message. */
export function redactByLook(text: string): string {
  return text
    .replace(HEADER, `$1$2${REDACTED}`)
    .replace(PAIR, (all, key: string, sign: string) => (isSecretKey(key) ? `${key}${sign}${REDACTED}` : all))
    .replace(SCHEME, `$1 ${REDACTED}`)
    .replace(JWT, REDACTED);
}

/**
 * The parts of base64 texts that depend on `text` alone. There are three, because `text` can start at three offsets within the
 * encoded bytes.
 */
function base64Cores(text: string): string[] {
  return [0, 1, 2].map((shift) => {
    const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(text)]);
    const whole = bytes.toString('base64').replaceAll('=', '');
    return whole.slice([0, 2, 3][shift], Math.floor((bytes.length * 8) / 6));
  });
}

/** All spellings of a text to search for: those that programs write, what is left of it within longer base64 texts, and hex. */
function spellings(text: string): Set<string> {
  const cores = base64Cores(text);
  const long = [...cores, ...cores.map((core) => core.replaceAll('+', '-').replaceAll('/', '_'))];
  return new Set([
    ...spellingsOf(text),
    Buffer.from(text).toString('hex'),
    ...long.filter((core) => core.length >= MIN_INSIDE),
  ]);
}

const isWordChar = (code: number): boolean =>
  (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122);

/** Hides known secrets wherever they occur in a text. */
export interface Redactor {
  /** Reads the secrets again; true if there are new ones. Earlier ones stay hidden, up to a limit. */
  refresh(): boolean;
  /** The text with known secrets hidden. It takes about a nanosecond a character, however many secrets there are. */
  text(text: string): string;
}

/**
 * Creates a redactor by value. It reads `secretTexts` now and at each {@link Redactor.refresh}, and finds each secret in all
 * its {@link spellings}. A table over the last four characters tells in one step that no secret starts there.
 */
export function createRedactor(secretTexts: () => Iterable<string>): Redactor {
  const known = new Set<string>();
  const all = new Set<string>();
  /** The first characters of spellings → the lengths of those spellings, longest first. */
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

  /** The length of the secret that starts at `start`; 0 for none. */
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
      // The characters that are skipped belong to this secret and to no other.
      i = done - 1;
    }
    return done === 0 ? text : result + text.slice(done);
  }

  refresh();
  return { refresh, text: redact };
}

const MAX_DEPTH = 6;
/** The limit of a text in a log line, in characters. Its secrets are hidden before it is cut. */
const MAX_TEXT = 4_096;

/** Hides secrets by value and by look, and cuts a text that is too long. */
export function redactText(raw: string, redactor: Redactor): string {
  const hidden = redactor.text(raw);
  return redactByLook(hidden.length > MAX_TEXT ? `${hidden.slice(0, MAX_TEXT)}…` : hidden);
}

/**
 * Turns a value into plain data for a log line. Errors are written with their causes. Secrets are hidden by key, by look and by
 * value. Deep, long and many values are cut.
 * @param stacks Whether errors include their stacks.
 * @param depth How deep the value lies in what is logged.
 */
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
