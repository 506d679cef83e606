import { type Context, printError, printFailure } from './output.ts';

/** What a command gets from the process: everything but its options. */
export type Surroundings = Omit<Context, 'config' | 'json'>;

/** The directory in which relative names start. Without it no command runs: another one may hold files of the same names. */
function workingDirectory(): string {
  try {
    return process.cwd();
  } catch {
    const message = 'the working directory has been removed, or may not be seen';
    const help = 'change to a directory that is there';
    process.exit(printError({ stderr: process.stderr, color: false }, { code: 'no_working_directory', message, help }));
  }
}

/** Runs a command with what this process has, and ends the process with the exit code that it gives. */
export async function runInProcess(command: (context: Surroundings) => Promise<number>): Promise<never> {
  const { env, stdout, stderr } = process;
  const context = { env, cwd: workingDirectory(), stdout, stderr, color: stderr.isTTY && !env['NO_COLOR'] };
  // The environment may hold secrets, and people hand on diagnostic reports of Node.
  if (process.report) process.report.excludeEnv = true;
  process.on('uncaughtException', (error) => process.exit(printFailure(context, error)));
  // The reader of our output may close the pipe early. That is no failure.
  stdout.on('error', () => {});
  // Holds if nothing is left to wait for, and the command has not ended.
  process.exitCode = 1;
  const code = await command(context).catch((error: unknown) => printFailure(context, error));
  await new Promise((resolve) => stdout.write('', resolve));
  process.exit(code);
}
