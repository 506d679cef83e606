import type { Writable } from 'node:stream';
import { styleText } from 'node:util';

/** A problem for the person at the keyboard: no stack, but what to do. `code` is stable. */
export interface CommandFailure {
  readonly code: string;
  readonly message: string;
  readonly help?: string;
  /** With which a request would be answered. */
  readonly status?: number;
}

/** Where complaints go: to stderr, and as the one JSON document to stdout where that was asked for. */
export interface Printer {
  readonly stderr: Writable;
  /** Whether stderr takes colours. */
  readonly color: boolean;
  readonly stdout?: Writable;
  readonly json?: boolean;
}

/** Writes a problem, which holds no secret, in the layout of config diagnostics; as JSON together with `facts`. Returns the exit code 1. */
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
