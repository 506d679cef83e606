import type { SimulatorAnswer, Call } from './types.ts';

/** A form that PHP has read. */
export type PhpForm = ReadonlyMap<string, string>;
/** One command of `postservice.php`, once its hash is right and `var1` is there. */
export type Command = (form: PhpForm, call: Call) => SimulatorAnswer;

/** What PayU writes where it has no value. */
export const NO_VALUE = '';

/** A field that is not there counts as empty. */
export const field = (form: PhpForm, name: string): string => form.get(name) ?? NO_VALUE;

/** PayU answers 200 whatever happens; `status` 0 is a failure. Messages of the simulator's own begin with its name. */
export const service = (status: 0 | 1, msg: string, rest: object = {}, rejected = false): SimulatorAnswer => ({
  status: 200,
  body: { status, msg, ...rest },
  rejected,
});
