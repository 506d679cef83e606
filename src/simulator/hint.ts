import type { SimulatorAnswer } from './types.ts';

/** The header with the simulator's explanation of an error whose body has only the provider's words. */
export const HINT_HEADER = 'x-simulator-hint';

/** Adds an explanation to an answer in the provider's words. `hint` must hold no value of the request. */
export const hinted = (answer: SimulatorAnswer, hint: string): SimulatorAnswer => ({
  ...answer,
  headers: { ...answer.headers, [HINT_HEADER]: hint },
});
