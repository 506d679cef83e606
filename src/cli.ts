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

/** The options of a `start` that is written as it is meant. Undefined for all else, which the whole command line reads. */
function readStart(): { readonly config?: string; readonly watch?: boolean } | undefined {
  if (command !== 'start') return undefined;
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
    // Containers and machines wait for this one, and what declares all the others takes its time too.
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
