import { parseArgs } from 'node:util';
import { answerWords, isWordsCall } from './commands/completion.ts';
import { health } from './commands/health.ts';
import { VERSION } from './core/version.ts';

// A few commands are called often, and somebody waits for them. They are answered here, with as few modules as they need.
// Everything else is handed to the command line.

const args = process.argv.slice(2);

/** The options of `health`. Undefined when another command is called, or something is wrong with them. */
function readHealth(): { config?: string; admin?: string; wait?: string; json?: boolean } | undefined {
  if (!args.includes('health')) return undefined;
  try {
    const { values, positionals } = parseArgs({
      args,
      options: {
        config: { type: 'string' },
        admin: { type: 'string' },
        wait: { type: 'string' },
        json: { type: 'boolean' },
      },
      allowPositionals: true,
    });
    return positionals.length === 1 && positionals[0] === 'health' ? values : undefined;
  } catch {
    return undefined;
  }
}

/** Answers the command. Resolves with false when it has to be handed on. */
async function answer(): Promise<boolean> {
  if (isWordsCall(args)) answerWords(args);
  // The reader of our output may close the pipe early. That is no failure.
  process.stdout.on('error', () => {});
  if (args.length === 1 && ['--version', '-V'].includes(args[0] as string)) {
    process.stdout.write(`${VERSION}\n`);
    return true;
  }
  const options = readHealth();
  if (options) {
    const { config, json = false } = options;
    const { env, stdout, stderr } = process;
    const color = stderr.isTTY && !env['NO_COLOR'];
    const context = { env, cwd: process.cwd(), stdout, stderr, color, json, ...(config !== undefined && { config }) };
    process.exitCode = await health(context, options);
    return true;
  }
  return false;
}

// What fails here fails in the command line once more, which explains it.
const isAnswered = answer().catch(() => false);
void isAnswered.then(async (is) => {
  if (!is) await import('./cli.ts');
});
