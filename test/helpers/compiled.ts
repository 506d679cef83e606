const { NODE_COMPILE_CACHE } = process.env;

/** For the environment of a process of ours: it needn't compile what this one has compiled. */
export const COMPILED: Readonly<Record<string, string>> =
  NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE };
