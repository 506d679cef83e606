import { Lexer } from 'yaml';

/** A `${…}` or `{{…}}` whose braces YAML takes for a map. Offsets are in UTF-16 units. */
export interface Unquoted {
  readonly start: number;
  /** The offset after the last brace. */
  readonly end: number;
  readonly mark: '${' | '{{';
}

const CONTROL = new Set(['\u0002', '\u0018', '\u001f', '\ufeff']);

/** The tokens of a YAML text with their offsets. Control tokens that the lexer adds to the text are left out. */
function* tokensOf(text: string): Generator<{ readonly token: string; readonly start: number }> {
  let start = 0;
  for (const token of new Lexer().lex(text)) {
    if (CONTROL.has(token) && !text.startsWith(token, start)) continue;
    yield { token, start };
    start += token.length;
  }
}

/** The offset after the brace that closes the one at `open`. Undefined when that is not on the same line. */
function endOfBraces(text: string, open: number): number | undefined {
  let depth = 0;
  for (let at = open; at < text.length && text[at] !== '\n'; at++) {
    if (text[at] === '{') depth++;
    else if (text[at] === '}' && --depth === 0) return at + 1;
  }
  return undefined;
}

/**
 * Finds references and templates without quotes where YAML reads braces. That is the case within `[ ]` and `{ }`, and for `{{`
 * at the beginning of a value. They are in the order of the text, and none lies inside another.
 */
export function findUnquoted(text: string): readonly Unquoted[] {
  if (!text.includes('${') && !text.includes('{{')) return [];
  const found: Unquoted[] = [];
  let before = { token: '', start: 0 };
  for (const next of tokensOf(text)) {
    const isOpen = next.token === '{' && next.start >= (found.at(-1)?.end ?? 0);
    const isAdjacent = before.start + before.token.length === next.start;
    const isReference = isOpen && isAdjacent && before.token.endsWith('$');
    const isTemplate = isOpen && isAdjacent && before.token === '{';
    const start = isTemplate ? before.start : next.start - 1;
    const end = isReference || isTemplate ? endOfBraces(text, isTemplate ? start : next.start) : undefined;
    // The second brace of a template that was found already begins nothing new.
    if (end !== undefined && start >= (found.at(-1)?.end ?? 0))
      found.push({ start, end, mark: isTemplate ? '{{' : '${' });
    before = next;
  }
  return found;
}

/** Replaces each of `unquoted` by a word of the same length. All other mistakes in the text thus keep their places. */
export function withoutUnquoted(text: string, unquoted: readonly Unquoted[]): string {
  let rest = 0;
  const parts: string[] = [];
  for (const { start, end } of unquoted) {
    parts.push(text.slice(rest, start), 'x'.repeat(end - start));
    rest = end;
  }
  return parts.join('') + text.slice(rest);
}
