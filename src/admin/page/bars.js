/** @import { RequestEntry } from '../schemas.ts' */

/** The parts of an attempt, in their order. */
export const PARTS = /** @type {const} */ ([
  ['connect_ms', 'connect'],
  ['send_ms', 'send'],
  ['wait_ms', 'wait'],
  ['receive_ms', 'receive'],
]);

/**
 * A part of a request's time.
 * @typedef {{ readonly name: string, readonly kind: string, readonly fromMs: number, readonly ms: number }} Bar
 */

/** The parts of an attempt, one behind the other. @param {RequestEntry['attempts'][number]} attempt @param {number} i @returns {Bar[]} */
function barsOfAttempt(attempt, i) {
  let atMs = attempt.start_ms;
  return PARTS.flatMap(([part, name]) => {
    const ms = attempt[part];
    if (ms === null) return [];
    const fromMs = atMs;
    atMs += ms;
    return { name: `${i + 1}: ${name}`, kind: part, fromMs, ms };
  });
}

/** Where a request's time went. What is neither an attempt nor a wait for a token is Outrider's own. @param {RequestEntry} request */
export function barsOf({ attempts, token_waits: waits, duration_ms: allMs }) {
  const known = [
    ...waits.map(({ start_ms: fromMs, duration_ms: ms }) => ({ name: 'token', kind: 'token', fromMs, ms })),
    ...attempts.flatMap(barsOfAttempt),
  ].toSorted((a, b) => a.fromMs - b.fromMs);
  /** @type {Bar[]} */
  const bars = [];
  let atMs = 0;
  /** @param {number} untilMs */
  const fill = (untilMs) => {
    const ms = untilMs - atMs;
    // Nobody would see less.
    if (ms > allMs / 100) bars.push({ name: 'Outrider', kind: 'own', fromMs: atMs, ms });
  };
  for (const bar of known) {
    fill(bar.fromMs);
    bars.push(bar);
    atMs = Math.max(atMs, bar.fromMs + bar.ms);
  }
  fill(allMs);
  return bars;
}
