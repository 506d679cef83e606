import type { Writable } from 'node:stream';
import { styleText } from 'node:util';
import type { CommandCode } from './codes.ts';

/** A problem for the person at the keyboard: what is wrong and what to do, without a stack trace. `code` is stable. */
export interface CommandFailure {
  readonly code: CommandCode;
  readonly message: string;
  readonly help?: string;
  /** The status that the proxy would answer the request with. */
  readonly status?: number;
}

/** Where errors are printed: to stderr, and with `json` also to stdout as the one JSON document. */
export interface Printer {
  readonly stderr: Writable;
  /** Whether stderr takes colours. */
  readonly color: boolean;
  readonly stdout?: Writable;
  readonly json?: boolean;
}

/**
 * Writes an error in the layout of config diagnostics. The message holds no secret. `facts` are further members of the JSON document.
 * Returns the exit code 1.
 */
export function writeFailure(
  { stderr, color, stdout, json }: Printer,
  { code, message: detail, help, status }: CommandFailure,
  facts: Readonly<Record<string, unknown>> = {},
): 1 {
  if (json) stdout?.write(`${JSON.stringify({ ...facts, error: { status, code, detail, help } })}\n`);
  const head = `error[${code}]`;
  const shown = color ? styleText(['bold', 'red'], head, { validateStream: false }) : head;
  const answered = status === undefined ? '' : ` (the answer would be ${status})`;
  stderr.write(`${shown}: ${detail}${answered}\n${help === undefined ? '' : `  = help: ${help}\n`}`);
  return 1;
}
