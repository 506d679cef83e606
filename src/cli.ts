#!/usr/bin/env node
import type { Command as Program } from 'commander';
import { keepCompiledCode } from './commands/compile-cache.ts';
import type { Context } from './commands/output.ts';

// Before anything costs time.
keepCompiledCode();
// What is loaded from here on is kept.
const { Command, CommanderError, InvalidArgumentError } = await import('commander');
const { printError, printFailure } = await import('./commands/output.ts');
const { VERSION } = await import('./core/version.ts');
const { METHODS } = await import('./http1/methods.ts');

const WRONG_USAGE = 2;

/** Where relative names start from. Without one nothing is run: another place may hold other files of the same names. */
function workingDirectory(): string {
  try {
    return process.cwd();
  } catch {
    const message = 'the working directory has been removed, or may not be seen';
    const help = 'change to a directory that is there';
    process.exit(printError({ stderr: process.stderr, color: false }, { code: 'no_working_directory', message, help }));
  }
}

const context: Omit<Context, 'config' | 'json'> = {
  env: process.env,
  cwd: workingDirectory(),
  stdout: process.stdout,
  stderr: process.stderr,
  color: process.stderr.isTTY && !process.env['NO_COLOR'],
};

function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('It is a number from 0 to 65535.');
  return port;
}

function addHeader(text: string, before: readonly string[] = []): readonly string[] {
  const match = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*([\t\x20-\x7e]*)$/.exec(text);
  if (!match) throw new InvalidArgumentError("It is written 'name: value'.");
  return [...before, match[1] as string, (match[2] as string).trimEnd()];
}

function readMethod(text: string): string {
  if (METHODS.has(text)) return text;
  const upper = text.toUpperCase();
  throw new InvalidArgumentError(
    METHODS.has(upper) ? `Methods are case-sensitive: ${upper}?` : 'It is not a method that the proxy takes.',
  );
}

/** Commands that the documentation names and that do not exist yet. */
const LATER: readonly (readonly [name: string, summary: string])[] = [
  ['init', 'write a starter file'],
  ['doctor', 'check what commonly goes wrong'],
];

/** The command line; `done` gets the exit code of the command that ran. Each command is loaded when it is called. */
function createProgram(simulateHelp: string, done: (code: number) => void): Program {
  const program = new Command('outrider')
    .description('Puts the right credentials on outbound requests, renews them, and sends again what was rejected.')
    .version(VERSION)
    .option('--config <file>', 'the config file (default: $OUTRIDER_CONFIG, ./proxy.config.yaml, /etc/outrider/…)')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError()
    .exitOverride();

  /** What the command gets, the global options included. */
  const contextOf = (options: { json?: true }): Context => ({
    ...context,
    json: options.json ?? false,
    ...program.opts<{ config?: string }>(),
  });
  const command = (name: string, summary: string): Program => program.command(name).description(summary);
  const readCommand = (name: string, summary: string): Program =>
    command(name, summary).option('--json', 'print one JSON document');

  command('start', 'run the proxy')
    .option('--watch', 'reload the config when the file changes, as SIGHUP does')
    .action(async (options: { watch?: true }) => {
      const { start } = await import('./commands/start.ts');
      done(await start(contextOf({}), { watch: options.watch ?? false }));
    });
  readCommand('check', 'validate the config and print every problem').action(async (options: { json?: true }) => {
    const { check } = await import('./commands/check.ts');
    done(await check(contextOf(options)));
  });
  readCommand('explain', 'show what would happen to a request, with no network')
    .argument('<method>', 'GET, POST, …', readMethod)
    .argument('<url>', 'http://127.0.0.1:8080/…, or the path alone')
    .option('-H, --header <header>', "a header of the request, 'name: value' (repeatable)", addHeader)
    .option('-d, --data <body>', 'the body of the request')
    .action(
      async (method: string, url: string, options: { json?: true; header?: readonly string[]; data?: string }) => {
        const { explain } = await import('./commands/explain.ts');
        done(explain(contextOf(options), { method, url, headers: options.header ?? [], body: options.data }));
      },
    );
  readCommand('token', 'get a token and print what is known of it')
    .argument('<provider>', 'its name in the config')
    .option('--renew', 'get a new one, even when there is one')
    .option('--show', 'print the token itself')
    .action(async (provider: string, options: { json?: true; renew?: true; show?: true }) => {
      const { token } = await import('./commands/token.ts');
      const { renew = false, show = false } = options;
      done(await token(contextOf(options), { provider, renew, show }));
    });
  readCommand('simulate', 'run the simulators alone')
    .option('--port <number>', 'where to listen (0: any free port)', readPort, 0)
    .addHelpText('after', simulateHelp)
    .action(async (options: { json?: true; port: number }) => {
      const { simulate } = await import('./commands/simulate.ts');
      done(await simulate({ ...contextOf(options), port: options.port }));
    });
  readCommand('health', 'ask a running proxy whether it is ready: exit code 0 or 1')
    .option(
      '--admin <url>',
      'where to ask: host:port, unix:/path or http://… (default: $OUTRIDER_ADMIN, `admin.address`)',
    )
    .option('--wait <duration>', 'ask until it is ready, for so long: 30s')
    .action(async ({ json, ...options }: { json?: true; admin?: string; wait?: string }) => {
      const { health } = await import('./commands/health.ts');
      done(await health(contextOf({ ...(json && { json }) }), options));
    });
  command('exec', 'run a program with the proxy around it')
    .usage('[options] -- <command> [args...]')
    .argument('<command>')
    .argument('[args...]')
    .option('--intercept', "have its requests to the providers' own URLs come to the proxy, TLS and all")
    .addHelpText('after', '\nThe exit code is that of the command; 125 when outrider itself fails.')
    .action(async (program: string, args: readonly string[], options: { intercept?: true }) => {
      const { exec } = await import('./commands/exec.ts');
      done(await exec(contextOf({}), { intercept: options.intercept ?? false, command: program, args }));
    });
  const ca = command('ca', 'the local CA of the interception door');
  ca.command('show')
    .description('print its file, fingerprint, expiry and hosts')
    .option('--json', 'print one JSON document')
    .action(async (options: { json?: true }) => {
      const { showCa } = await import('./commands/ca.ts');
      done(await showCa(contextOf(options)));
    });
  for (const [name, summary, run] of [
    ['export', 'print its certificate', 'exportCa'],
    ['trust', 'have this system trust it', 'trustCa'],
    ['untrust', 'have this system trust it no more', 'untrustCa'],
  ] as const) {
    ca.command(name)
      .description(summary)
      .action(async () => {
        const commands = await import('./commands/ca.ts');
        done(await commands[run](contextOf({})));
      });
  }
  for (const [name, summary] of LATER) {
    command(name, `${summary} (not available yet)`)
      .allowUnknownOption()
      .allowExcessArguments()
      .helpOption(false)
      .action(() => {
        context.stderr.write(`error: the command '${name}' is not available yet\n`);
        done(1);
      });
  }
  return program;
}

/** Runs one command line; resolves with the exit code: 0 done, 1 failed, 2 wrong usage. */
async function main(args: readonly string[]): Promise<number> {
  let code = 0;
  try {
    const simulateHelp = args.includes('simulate') ? (await import('./commands/simulate.ts')).SIMULATE_HELP : '';
    await createProgram(`\n${simulateHelp}`, (result) => (code = result)).parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE;
    return printFailure(context, error);
  }
}

// Secrets may come by the environment, and a report may be handed on.
if (process.report) process.report.excludeEnv = true;
process.on('uncaughtException', (error) => process.exit(printFailure(context, error)));
// Whoever reads our output may stop doing so.
process.stdout.on('error', () => {});
const code = await main(process.argv.slice(2));
await new Promise((resolve) => process.stdout.write('', resolve));
process.exit(code);
