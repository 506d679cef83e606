import { dirname } from 'node:path';
import { constants } from 'node:os';
import type { Config } from '../config/config.ts';
import { systemClock } from '../core/clock.ts';
import type { Events } from '../core/events.ts';
import { createPrograms, type Programs } from '../core/program.ts';
import { redactText } from './redact-text.ts';
import type { Context } from './output.ts';

const ENDING: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Makes the runner of the programs that give tokens, for a command that ends by itself. A signal that ends the command ends them
 * too: the terminal doesn't reach them, as they have a process group of their own.
 */
export function programsFor({ env }: Pick<Context, 'env'>, config: Config): Programs {
  const programs = createPrograms({ cwd: dirname(config.file), env, clock: systemClock });
  if (![...config.providers.values()].some(({ profile }) => profile.token?.program)) return programs;
  const end = (signal: NodeJS.Signals): void => process.exit(128 + constants.signals[signal]);
  for (const signal of ENDING) process.on(signal, end);
  return {
    run: programs.run,
    close() {
      for (const signal of ENDING) process.off(signal, end);
      programs.close();
    },
  };
}

/** Shows what such programs write to stderr. */
export function showProgramErrors({ stderr }: Pick<Context, 'stderr'>, events: Events): void {
  events.on('notice', ({ fields: { stderr: said } = {} }) => {
    if (typeof said === 'string') stderr.write(`${redactText(said)}\n`);
  });
}
