import type { SimulatorAnswer } from './types.ts';

/** The header in which the simulator says what is wrong, where the body has the provider's words alone. */
export const HINT_HEADER = 'x-simulator-hint';

/** Adds the simulator's own sentence to an answer in the provider's words, beside the body. No value of the request. */
export const hinted = (answer: SimulatorAnswer, hint: string): SimulatorAnswer => ({
  ...answer,
  headers: { ...answer.headers, [HINT_HEADER]: hint },
});
