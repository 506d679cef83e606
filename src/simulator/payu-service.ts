import type { SimulatorAnswer, Call } from './types.ts';

/** The decoded fields of a form, as PHP reads it. */
export type PhpForm = ReadonlyMap<string, string>;
/** A command of `postservice.php`. It is called after the hash was verified and `var1` was found. */
export type Command = (form: PhpForm, call: Call) => SimulatorAnswer;

/** What PayU writes for a missing value. */
export const NO_VALUE = '';

/** The value of a field; empty if it is missing. */
export const field = (form: PhpForm, name: string): string => form.get(name) ?? NO_VALUE;

/**
 * An answer of `postservice.php`. Its HTTP status is always 200; `status` 0 means failure. Messages of the simulator's own
 * start with "Simulator".
 */
export const service = (status: 0 | 1, msg: string, rest: object = {}, rejected = false): SimulatorAnswer => ({
  status: 200,
  body: { status, msg, ...rest },
  rejected,
});
