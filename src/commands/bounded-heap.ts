import { isMainThread } from 'node:worker_threads';

/** The young generation would go to three times that under load; then it is collected a little more rarely. */
const NODE_OPTION = '--max-semi-space-size=16';
/** Each thread would have a heap of its own for buffers, and what one has given back another can't use. */
const ALLOCATOR = { MALLOC_ARENA_MAX: '1' };

/** The command line and the environment that this process should have had; undefined where it has them, or its user chose others. */
export function boundedStart({
  execPath,
  execArgv,
  argv,
  env,
}: Pick<NodeJS.Process, 'execPath' | 'execArgv' | 'argv' | 'env'>):
  | { readonly args: string[]; readonly env: NodeJS.ProcessEnv }
  | undefined {
  if ([...execArgv, env['NODE_OPTIONS'] ?? ''].some((option) => /semi[-_]space/.test(option))) return undefined;
  return { args: [execPath, NODE_OPTION, ...execArgv, ...argv.slice(1)], env: { ...ALLOCATOR, ...env } };
}

/**
 * Starts this program anew, in the same process, with a heap that stays small: how large it may grow is only asked at the very
 * beginning. Returns where that is done, can't be, or whoever started us holds a channel that would break.
 */
export function boundHeap(): void {
  const start = boundedStart(process);
  if (!start || !isMainThread || process.channel || typeof process.execve !== 'function') return;
  try {
    process.execve(process.execPath, start.args, start.env);
  } catch {
    // A system that doesn't let a program start anew; it works all the same.
  }
}
