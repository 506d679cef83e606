import { Lexer } from 'yaml';

/** A `${…}` or `{{…}}` whose braces YAML takes for a map. */
export interface Unquoted {
  readonly start: number;
  /** Behind the last brace. */
  readonly end: number;
  readonly mark: '${' | '{{';
}

const CONTROL = new Set(['\u0002', '\u0018', '\u001f', '\ufeff']);

/** The tokens of a YAML text with their places; what the lexer puts in besides is left out. */
function* tokensOf(text: string): Generator<{ readonly token: string; readonly start: number }> {
  let start = 0;
  for (const token of new Lexer().lex(text)) {
    if (CONTROL.has(token) && !text.startsWith(token, start)) continue;
    yield { token, start };
    start += token.length;
  }
}

/** Where the braces that open at an offset are closed on the same line, or undefined. */
function endOfBraces(text: string, open: number): number | undefined {
  let depth = 0;
  for (let at = open; at < text.length && text[at] !== '\n'; at++) {
    if (text[at] === '{') depth++;
    else if (text[at] === '}' && --depth === 0) return at + 1;
  }
  return undefined;
}

/**
 * References and templates that stand without quotes where YAML reads braces: within `[ ]` and `{ }`, and `{{` at the beginning of
 * a value. In the order of the text; none lies in another one.
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
    // Within a template that was found the second brace begins nothing.
    if (end !== undefined && start >= (found.at(-1)?.end ?? 0))
      found.push({ start, end, mark: isTemplate ? '{{' : '${' });
    before = next;
  }
  return found;
}

/** The text as if they had been quoted: a word of the same length stands for each, so that what else is wrong keeps its place. */
export function withoutUnquoted(text: string, unquoted: readonly Unquoted[]): string {
  let rest = 0;
  const parts: string[] = [];
  for (const { start, end } of unquoted) {
    parts.push(text.slice(rest, start), 'x'.repeat(end - start));
    rest = end;
  }
  return parts.join('') + text.slice(rest);
}
