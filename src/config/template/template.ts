import { parseDuration } from '../../core/units.ts';

/** A name in a template. Its value goes through the filters from left to right. */
export interface TemplateName {
  readonly name: string;
  readonly filters: readonly string[];
  /** For a time: how many milliseconds are added to it, as in `{{now.s + 5m}}`. Negative for `-`. */
  readonly laterMs?: number;
}

/** A literal text, or a name. */
export type TemplatePart = string | TemplateName;

/**
 * The filters, each with its kind. `text` takes text and yields text. `bytes` takes text or bytes and yields bytes. `encode`
 * takes text or bytes and yields text.
 */
export const FILTERS = {
  base64: 'encode',
  base64url: 'encode',
  hex: 'encode',
  sha256: 'bytes',
  sha512: 'bytes',
  lower: 'text',
  upper: 'text',
  urlencode: 'text',
  json: 'text',
} as const satisfies Record<string, 'text' | 'bytes' | 'encode'>;

export type FilterName = keyof typeof FILTERS;

/**
 * Every name that a template may use. A trailing `.*` stands for a declared name (credentials, endpoints, values, jwt), for the
 * name of a header or form field, or for a dotted path into the JSON body (`request.json.*`).
 */
export const TEMPLATE_NAMES = [
  'credentials.*',
  'token.access_token',
  'token.token_type',
  'token.refresh_token',
  'token.subject',
  'endpoints.*',
  'scope',
  'request.method',
  'request.path',
  'request.query',
  'request.target',
  'request.headers.*',
  'request.body',
  'request.form.*',
  'request.json.*',
  'inner.*',
  'parts.*',
  'now.s',
  'now.ms',
  'now.http_date',
  'now.iso',
  'now.compact',
  'now.date',
  'now.digits',
  'uuid',
  'values.*',
  'jwt.*',
  'signature',
] as const;

/** The times that take `+` or `-`, each with the milliseconds of a number without a unit. Undefined: a unit is required. */
const SHIFTED: Readonly<Record<string, number | undefined>> = {
  'now.s': 1_000,
  'now.ms': 1,
  'now.iso': undefined,
  'now.date': undefined,
  'now.digits': undefined,
};
/** An offset from UTC is shorter than a day (RFC 3339 §5.6). */
const LONGEST_OFFSET_MS = 24 * 3_600_000;
/** A century. A longer shift is a mistake. */
const LONGEST_SHIFT_MS = 100 * 366 * 24 * 3_600_000;

/** The codes of a {@link TemplateError}. They are diagnostic codes as well. */
export type TemplateErrorCode = 'template_syntax' | 'unknown_template_name' | 'unknown_filter';

/** A mistake in a template. `offset` and `length` say where in its text it is, in UTF-16 units. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  readonly code: TemplateErrorCode;
  readonly offset: number;
  readonly length: number;

  constructor(code: TemplateErrorCode, message: string, offset: number, length: number) {
    super(message);
    this.code = code;
    this.offset = offset;
    this.length = length;
  }
}

/** Whether a name has one of the forms of {@link TEMPLATE_NAMES}. It need not be declared in a profile. */
export function isTemplateName(name: string): boolean {
  return TEMPLATE_NAMES.some((known) =>
    known.endsWith('.*') ? name.startsWith(known.slice(0, -1)) && name.length >= known.length : name === known,
  );
}

/** Whether these filters yield bytes and not text: the last one is a digest. */
export function yieldsBytes(filters: readonly string[]): boolean {
  const last = filters.at(-1);
  return last !== undefined && FILTERS[last as FilterName] === 'bytes';
}

/**
 * Splits a text into its literals and its `{{name | filter | filter}}`. Of three opening braces the last two count, so
 * `{{{uuid}}}` is a value in braces. Empty literals are left out, and no two literals stand side by side.
 * A part may yield bytes, see {@link yieldsBytes}. The config accepts that only in the text and the key of a signature.
 * Throws a {@link TemplateError}.
 */
export function parseTemplate(text: string): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  let end = 0;
  for (const { index } of text.matchAll(/\{\{(?!\{)/g)) {
    if (index < end) continue;
    const close = text.indexOf('}}', index + 2);
    if (close < 0) throw new TemplateError('template_syntax', 'the `{{` is never closed', index, text.length - index);
    if (index > end) parts.push(text.slice(end, index));
    parts.push(parseExpression(text.slice(index + 2, close), index + 2));
    end = close + 2;
  }
  if (end < text.length) parts.push(text.slice(end));
  return parts;
}

/** The credential in a template that is nothing but this one, as it is: `{{credentials.key}}`. Undefined for any other. */
export function soleCredential(text: string): string | undefined {
  const [part, ...more] = parseTemplate(text);
  if (typeof part !== 'object' || more.length > 0 || part.filters.length > 0) return undefined;
  return /^credentials\.(.+)$/.exec(part.name)?.[1];
}

function parseExpression(source: string, offset: number): TemplatePart {
  let at = offset;
  const pieces = source.split('|').map((piece) => {
    const start = at + (piece.length - piece.trimStart().length);
    at += piece.length + 1;
    return { text: piece.trim(), start, whole: piece.length };
  });
  const [head, ...rest] = pieces;
  if (head === undefined || head.text === '') {
    throw new TemplateError(
      'template_syntax',
      'a name is missing between `{{` and `}}`',
      offset - 2,
      source.length + 4,
    );
  }
  const [, name = head.text, sign, count, unit] = /^(now\.\w+)\s*([+-])\s*(\d{1,15})\s*([a-z]*)$/.exec(head.text) ?? [];
  if (/[\s{}]/.test(name)) {
    throw new TemplateError('template_syntax', `"${head.text}" is not a name`, head.start, head.text.length);
  }
  if (!isTemplateName(name)) {
    throw new TemplateError('unknown_template_name', `no name is called "${name}"`, head.start, name.length);
  }
  const laterMs = sign === undefined ? undefined : readShift(name, sign, count ?? '', unit ?? '');
  if (typeof laterMs === 'string') {
    throw new TemplateError('template_syntax', laterMs, head.start, head.text.length);
  }
  let bytes = false;
  const filters = rest.map(({ text, start, whole }) => {
    if (text === '') throw new TemplateError('template_syntax', 'a filter is missing after `|`', start - whole - 1, 1);
    if (!Object.hasOwn(FILTERS, text)) {
      throw new TemplateError('unknown_filter', `no filter is called "${text}"`, start, text.length);
    }
    const kind = FILTERS[text as FilterName];
    if (bytes && kind === 'text') {
      throw new TemplateError('template_syntax', `"${text}" takes text, not the bytes of a digest`, start, text.length);
    }
    bytes = kind === 'bytes';
    return text;
  });
  return { name, filters, ...(laterMs !== undefined && { laterMs }) };
}

/** The milliseconds that are added to a time, or a sentence that says why the shift is not possible. */
function readShift(name: string, sign: string, count: string, unit: string): number | string {
  if (!Object.hasOwn(SHIFTED, name)) return `\`${name}\` is shown as it is: nothing can be added to it`;
  const unitMs = SHIFTED[name];
  if (unit === '' && unitMs === undefined) return `what is added to \`${name}\` has a unit: ms, s, m, h or d`;
  const ms = unit === '' ? Number(count) * (unitMs as number) : parseDuration(count + unit);
  if (ms === undefined) return `"${unit}" is no unit of time: write ms, s, m, h or d`;
  if (ms > LONGEST_SHIFT_MS) return 'the time lies too far away';
  if (name === 'now.iso' && (ms % 60_000 !== 0 || ms >= LONGEST_OFFSET_MS)) {
    return 'what is added to `now.iso` is its offset from UTC: whole minutes, less than a day';
  }
  return sign === '-' ? -ms : ms;
}
