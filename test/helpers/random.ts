/** Random numbers from 0 to 1 that come again with the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A seed for the `n`-th of many things that are random on their own. */
export const mixSeed = (seed: number, n: number): number => Math.imul(seed, 0x9e3779b1) ^ Math.imul(n + 1, 0x85ebca6b);

/** The number in that environment variable, or `fallback`. */
export const numberFrom = (variable: string, fallback: number): number => Number(process.env[variable] ?? fallback);
