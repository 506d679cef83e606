import type { DiagnosticCode } from '../config/diagnostics/codes.ts';
import { closest } from '../config/diagnostics/suggest.ts';
import { exampleOf } from '../config/example.ts';
import { ERRORS, OutriderError, type ErrorCode, type Outcome } from '../core/errors.ts';
import { problemJson } from '../core/problem.ts';
import { CODE_ENTRIES, placeOf, type CodeEntry } from './codes.ts';
import { columns, printError, type Context } from './output.ts';

const OUTCOMES: Readonly<Record<Outcome, string>> = {
  not_sent: "not_sent (the provider can't have seen the request)",
  unknown: 'unknown (the provider may have seen the request)',
};

const KINDS: Readonly<Record<CodeEntry['of'], string>> = {
  answer: 'an answer to a request',
  config: 'a problem of the config',
  command: 'a message of a command, or of the log',
};

/** The answer, or the diagnostic, that the reference shows for a code; commands have none. */
export function exampleFor({ code, of }: CodeEntry): string | undefined {
  if (of === 'config') return exampleOf(code as DiagnosticCode);
  if (of === 'command') return undefined;
  const error = new OutriderError(code as ErrorCode, ERRORS[code as ErrorCode].example);
  return JSON.stringify(JSON.parse(problemJson(error, '5f0c6e1d2a34-1')), null, 2);
}

/** A code as it stands in what people paste: the head of a diagnostic, the `type` of an answer. */
const AS_PASTED = /^(?:(?:error|warning)\[(\w+)\].*|urn:outrider:error:(\w+))$/s;

/** `outrider check --explain CODE`: prints what a code means and what helps. Returns the exit code: 1 for a code that there is not. */
export function explainCode(context: Context, asked: string): number {
  const [, inBrackets, inType] = AS_PASTED.exec(asked.trim()) ?? [];
  const code = inBrackets ?? inType ?? asked.trim();
  const entry = CODE_ENTRIES.get(code);
  if (!entry) {
    const best = closest(code, CODE_ENTRIES.keys());
    const help = `${best === undefined ? '' : `did you mean "${best}"? `}config/reference/errors.md lists them all`;
    return printError(context, { code: 'unknown_code', message: `no code is called "${code}"`, help });
  }
  const example = exampleFor(entry);
  const more = placeOf(code);
  if (context.json) {
    context.stdout.write(`${JSON.stringify({ ...entry, example, more })}\n`);
    return 0;
  }
  const { of, severity, status, outcome, title, cause, remedy } = entry;
  context.stdout.write(
    columns([
      ['code', code],
      ['kind', severity === 'warning' ? `${KINDS[of]}, a warning` : KINDS[of]],
      ['status', status === undefined ? undefined : `${status} ${title}`],
      ['outcome', outcome && OUTCOMES[outcome]],
      ['cause', cause],
      ['remedy', remedy],
      ['more', more],
    ]) + (example === undefined ? '' : `\n${example}\n`),
  );
  return 0;
}
