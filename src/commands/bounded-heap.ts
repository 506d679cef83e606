import { isMainThread } from 'node:worker_threads';

/** The limit of the young generation. Without one it grows to three times this under load, for a few collections less. */
const NODE_OPTION = '--max-semi-space-size=16';
/** One malloc arena (glibc) for all threads. With one for each, no thread can use the buffer memory that another has freed. */
const ALLOCATOR = { MALLOC_ARENA_MAX: '1' };

/** The arguments and the environment with these limits. Undefined when the process has a limit, perhaps set by its user. */
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
 * Starts this program again in the same process, with a heap that stays small. Node and glibc read these limits only at the
 * very beginning. The function returns when the limits are set already, when the system can't do it, in a worker thread, and
 * when an IPC channel to the parent would break.
 */
export function boundHeap(): void {
  const start = boundedStart(process);
  if (!start || !isMainThread || process.channel || typeof process.execve !== 'function') return;
  try {
    process.execve(process.execPath, start.args, start.env);
  } catch {
    // The system doesn't allow it. The proxy works without the limits too.
  }
}
