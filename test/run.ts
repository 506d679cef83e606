/**
 * `npm test`: all tests, or those that the arguments name; all other arguments are ava's. The floods measure what a caller feels,
 * and take all of the machine for it: they come last, with nothing beside them.
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

const ALL = 'test/**/*.test.ts';
const FLOODS = 'test/floods/**';

const args = process.argv.slice(2);
const isAll = args.every((arg) => arg.startsWith('-') && !arg.startsWith('--match='));

/** Runs ava. Returns its exit code. */
function ava(concurrency: number, ...files: readonly string[]): number {
  const options = [`--concurrency=${concurrency}`, ...args, ...files];
  return spawnSync('ava', options, { stdio: 'inherit' }).status ?? 1;
}

const beside = availableParallelism() + 1;
const codes = isAll ? [ava(beside, ALL, `!${FLOODS}`), ava(1, FLOODS)] : [ava(beside)];
process.exitCode = Math.max(...codes);
