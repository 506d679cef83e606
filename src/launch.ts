import { parseArgs } from 'node:util';
import { health } from './commands/health.ts';
import { VERSION } from './core/version.ts';

// What is asked often, and waited for, is answered here with as little as that needs; all else by the command line.

const args = process.argv.slice(2);

/** The options of `health` when it is what is asked for and nothing is wrong with them. */
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

/** Answers, or resolves with false where that is not for here. */
async function answer(): Promise<boolean> {
  // Whoever reads our output may stop doing so.
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

// What fails here fails there once more, and is explained.
const isAnswered = answer().catch(() => false);
void isAnswered.then(async (is) => {
  if (!is) await import('./cli.ts');
});
