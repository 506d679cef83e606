import { styleText } from 'node:util';
import type { NoticeRecord } from '../../core/event-map.ts';
import type { DiagnosticCode } from './codes.ts';

/** One problem of a config: where it is, what it is, and what to do about it. It holds no secret. */
export interface Diagnostic {
  readonly severity: 'error' | 'warning';
  readonly code: DiagnosticCode;
  readonly message: string;
  /** The file's name: relative in the working directory, absolute outside of it. */
  readonly file: string;
  /** Counted from 1. 0 when the problem has no place in the file. */
  readonly line: number;
  /** Counted from 1, in UTF-16 units. 0 when the problem has no place in the file. */
  readonly column: number;
  /** How many UTF-16 units of that line are meant. */
  readonly length: number;
  /** The place in the structure: `providers.phonepe.profile`, `routes[0].match.path`. Empty for the file itself. */
  readonly path: string;
  readonly help?: string;
  /** The source line, if the problem is in another file than the config: in a built-in profile. */
  readonly excerpt?: string;
}

/** A diagnostic for the log of a proxy that runs. */
export const noticeOf = (diagnostic: Diagnostic): NoticeRecord => {
  const { severity, code, message, file, line, column, path, help } = diagnostic;
  return {
    level: severity === 'error' ? 'error' : 'warn',
    message: `config ${severity}[${code}]: ${message}`,
    fields: { file, line, column, at: path, ...(help === undefined ? {} : { help }) },
  };
};

const MAX_LINE = 160;
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}]/gu;

const visible = (text: string): string => text.replaceAll(CONTROL, (char) => (char === '\t' ? '\t' : '\ufffd'));

/** Cuts a long line around the problem. The new `start` is where the problem begins in the part that is left. */
function crop(line: string, start: number): { line: string; start: number } {
  if (line.length <= MAX_LINE) return { line, start };
  const from = Math.max(0, Math.min(start - 40, line.length - MAX_LINE));
  const end = from + MAX_LINE;
  const head = from > 0 ? '…' : '';
  return { line: head + line.slice(from, end) + (end < line.length ? '…' : ''), start: start - from + head.length };
}

/**
 * Formats a diagnostic as several lines of text without a final line break: the message, the place, the source line with a mark
 * under the problem, and the remedy.
 * @param sourceText The text of the config file in which secrets are hidden: `Loaded.text`.
 */
export function formatDiagnostic(
  { severity, code, message, file, line, column, length, path, help, excerpt }: Diagnostic,
  sourceText: string,
  { color }: { readonly color: boolean },
): string {
  const paint = (format: Parameters<typeof styleText>[0], text: string): string =>
    color ? styleText(format, text, { validateStream: false }) : text;
  const tone = severity === 'error' ? 'red' : 'yellow';
  const gutter = ' '.repeat(String(line).length);
  const bar = paint('blue', '|');
  const place = path === '' ? '' : `  (${visible(path)})`;
  const position = line === 0 ? '' : `:${line}:${column}`;
  const lines = [
    `${paint(['bold', tone], `${severity}[${code}]`)}${paint('bold', `: ${visible(message)}`)}`,
    `${gutter}${paint('blue', '-->')} ${visible(file)}${position}${place}`,
  ];
  const source = line === 0 ? undefined : (excerpt ?? sourceText.split('\n')[line - 1]);
  if (source !== undefined) {
    const shown = crop(source.replace(/\r$/, ''), column - 1);
    const indent = shown.line.slice(0, shown.start).replaceAll(/[^\t]/g, ' ');
    const carets = '^'.repeat(Math.max(1, Math.min(length, shown.line.length - shown.start)));
    lines.push(
      `${gutter} ${bar}`,
      `${paint('blue', String(line))} ${bar} ${visible(shown.line)}`,
      `${gutter} ${bar} ${indent}${paint(['bold', tone], carets)}`,
    );
  }
  if (help !== undefined) lines.push(`${gutter} ${paint('blue', '=')} ${paint('bold', 'help:')} ${visible(help)}`);
  return lines.join('\n');
}
