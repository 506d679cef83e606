import type { Writable } from 'node:stream';
import { styleText } from 'node:util';
import { OutriderError } from '../core/errors.ts';
import { redactByLook } from '../observe/redact.ts';
import { type CommandFailure, type Printer, writeFailure } from './failure.ts';
import { redactText } from './redact-text.ts';
import { AuditRefusal } from '../observe/audit/refusal.ts';
import { CommandRefusal } from './refusal.ts';
import { StoreRefusal } from '../store/refusal.ts';
import { CaRefusal } from '../tunnel/refusal.ts';

/** Environment variables by name. */
export type Env = Readonly<Record<string, string | undefined>>;

/** What every command gets: its surroundings, and where to write. Data goes to stdout, diagnostics to stderr. */
export interface Context {
  /** The value of `--config`. */
  readonly config?: string;
  /** Whether stdout gets one JSON document in place of text. */
  readonly json: boolean;
  readonly env: Env;
  readonly cwd: string;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Whether stderr takes colours. */
  readonly color: boolean;
}

/**
 * Prints an error in the layout of config diagnostics, without secrets. `facts` are further members of the JSON document.
 * Returns the exit code 1.
 */
export const printError = (
  printer: Printer,
  failure: CommandFailure,
  facts: Readonly<Record<string, unknown>> = {},
): 1 => writeFailure(printer, { ...failure, message: redactText(failure.message) }, facts);

/** Prints a warning to stderr, without secrets. The command goes on. */
export function warn({ stderr, color }: Printer, message: string, help: string): void {
  const shown = color ? styleText(['bold', 'yellow'], 'warning', { validateStream: false }) : 'warning';
  stderr.write(`${shown}: ${redactText(message)}\n  = help: ${help}\n`);
}

/** Makes a {@link CommandFailure} of an error of ours. Its cause may hold anything, so it is left out. */
export const failureOf = ({ code, detail, remedy }: OutriderError): CommandFailure => ({
  code,
  message: detail,
  help: remedy,
});

/** Prints the error that ended a command, as one or two lines. Returns the exit code 1. */
export function printFailure(context: Printer, error: unknown): 1 {
  if (error instanceof OutriderError) return printError(context, failureOf(error));
  const refusals = [StoreRefusal, CaRefusal, CommandRefusal, AuditRefusal];
  for (const kind of refusals) if (error instanceof kind) return printError(context, error);
  const message = error instanceof Error ? error.message : String(error);
  return printError(context, {
    code: 'internal_error',
    message: `outrider itself failed: ${redactByLook(message.split('\n')[0] ?? '')}`,
  });
}

/** Rows as lines of text. The labels are padded to the widest one. Rows without a value are left out. */
export function columns(rows: readonly (readonly [label: string, value: string | undefined])[]): string {
  const shown = rows.filter(([, value]) => value !== undefined);
  const width = Math.max(...shown.map(([label]) => label.length));
  return shown.map(([label, value]) => `${label.padEnd(width)}  ${value}\n`).join('');
}

/** Quotes a text as one word of a POSIX shell, if it needs quotes. */
export const shellQuote = (text: string): string =>
  /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
