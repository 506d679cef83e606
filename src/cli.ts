#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { keepCompiledCode } from './commands/compile-cache.ts';
import { reapOrphans } from './commands/reaper.ts';

const args = process.argv.slice(2);
// `reapOrphans` starts the program again. So it runs before anything that takes time.
const [command] = args.filter((arg, i) => !arg.startsWith('-') && args[i - 1] !== '--config');
if (command === 'exec') reapOrphans();
keepCompiledCode();
// The compiled code of the modules that are loaded from here on is kept for the next start.

/** The options of a `start` with `--config` and `--watch` alone. Undefined for all else, which commander reads. */
function readStart(): { readonly config?: string; readonly watch?: boolean } | undefined {
  const isBefore = (option: string): boolean => args.slice(0, args.indexOf('start')).includes(option);
  if (command !== 'start' || isBefore('--watch')) return undefined;
  try {
    const options = { config: { type: 'string' }, watch: { type: 'boolean' } } as const;
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    return positionals.length === 1 ? values : undefined;
  } catch {
    return undefined;
  }
}

async function main(): Promise<void> {
  const { runInProcess } = await import('./commands/process.ts');
  await runInProcess(async (context) => {
    // Containers and machines wait for a start. It doesn't need commander, which takes time to load.
    const options = readStart();
    if (options) {
      const { start } = await import('./commands/start.ts');
      const { watch = false, ...rest } = options;
      return start({ ...context, json: false, ...rest }, { watch });
    }
    const { runProgram } = await import('./commands/program.ts');
    return runProgram(context, args);
  });
}

// The launcher requires this module, so nothing is awaited at its top.
void main();
