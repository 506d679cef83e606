import { Argument, Command, CommanderError, InvalidArgumentError } from 'commander';
import { didYouMean } from '../config/diagnostics/suggest.ts';
import { VERSION } from '../core/version.ts';
import { METHODS } from '../http1/methods.ts';
import { type Context, printError, printFailure } from './output.ts';
import type { Surroundings } from './process.ts';
import { commandsIn, optionsIn, SHELLS } from './words.ts';

const WRONG_USAGE = 2;

/** Reads `--port`. Throws commander's error for a wrong argument. */
function readPort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError('It is a number from 0 to 65535.');
  return port;
}

/** Appends name and value of a `--header` to those before it. Throws commander's error for a wrong argument. */
function addHeader(text: string, before: readonly string[] = []): readonly string[] {
  const match = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*([\t\x20-\x7e]*)$/.exec(text);
  if (!match) throw new InvalidArgumentError("It is written 'name: value'.");
  return [...before, match[1] as string, (match[2] as string).trimEnd()];
}

const addData = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** Reads the value of `--head`. Throws commander's error for a wrong argument. */
function readDigest(text: string): string {
  if (!/^[0-9a-f]{64}$/i.test(text)) throw new InvalidArgumentError('It is 64 hex digits.');
  return text;
}

/** In the place of a method: the whole is a curl line. */
const CURL = 'curl';

interface ExplainFlags {
  readonly callback?: string;
  readonly json?: true;
  readonly header?: readonly string[];
  readonly data?: readonly string[];
  readonly caller?: string;
}

/** Options of a command that asks a running proxy. */
interface AdminFlags {
  readonly json?: true;
  readonly admin?: string;
}

/** Reads a method that the proxy accepts. Methods are case-sensitive (RFC 9110 §9.1). Throws commander's error for others. */
function readMethod(text: string): string {
  if (METHODS.has(text) || text === CURL) return text;
  const upper = text.toUpperCase();
  throw new InvalidArgumentError(
    METHODS.has(upper) ? `Methods are case-sensitive: ${upper}?` : 'It is not a method that the proxy takes.',
  );
}

const EXEC_HELP = `
The command finds in its environment:
  OUTRIDER_URL          where the proxy listens, as http://127.0.0.1:PORT
  OUTRIDER_URL_<ROUTE>  the base URL of each route with a path; in its name, characters other than A-Z and 0-9 are _
  OUTRIDER_TOKEN        an access token, where the config asks for one

With --intercept it also finds the proxy and CA variables that most programs read.
Where an environment is 'simulator', the simulator stands in for the real URLs of its profile, so that a script runs offline.

What Outrider itself answers with an error is one line on stderr: 'outrider: STATUS CODE METHOD URL: cause; what helps'.
The exit code is that of the command; 125 when outrider itself fails.
As the first process of a container it passes signals on, and reaps what the command leaves behind.`;

const START_HELP = `
SIGHUP   uses the changed config from the next request on. A config with errors changes nothing, and the log explains them.
SIGTERM  has /readyz answer 503 for timeouts.lame_duck, closes what is idle, gives requests, tunnels and WebSockets
         timeouts.drain to end, and exits with 0. SIGINT does the same; a second one ends the process at once.
When the terminal that it ran in has been closed, it ends, unless it has nothing to do with one (nohup).`;

const DOCTOR_HELP = `
It looks at config, secret files, addresses, directories, store, egress proxy and file descriptors, and of each provider at
name, connection, TLS, clock and token endpoint. Each failure has its remedy, and the exit code is 1.
Of each provider one token is got by its full grant and thrown away; the store, and the refresh tokens in it, are left alone.`;

const AUDIT_HELP = `
The key of the HMACs is \`audit.key\` of the config, or $OUTRIDER_AUDIT_KEY. It is never an argument.
A head is the SHA-256 of a line: that of the newest one is in the answer of /api/status and in what \`outrider status\` prints; that of
the last line of the file before is in the first line of each file. If no line has it, the end of the file was cut off.
The exit code is 1 when a line was changed, dropped, inserted or swapped.`;

const COMPLETION_HELP = '\nA comment at the top of the script says where it belongs.';

/**
 * Declares the command line. The module of a command is loaded only when the command runs.
 * @param done Called with the exit code of the command that ran.
 * @param complain Called with what is said of wrong usage.
 */
function createProgram(
  context: Surroundings,
  simulateHelp: string,
  done: (code: number) => void,
  complain: (text: string) => void,
): Command {
  const program = new Command('outrider')
    .description('Puts the right credentials on outbound requests, renews them, and sends again what was rejected.')
    .version(VERSION)
    .option('--config <file>', 'the config file (default: $OUTRIDER_CONFIG, ./proxy.config.yaml, /etc/outrider/…)')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError()
    .configureOutput({ writeErr: complain })
    .exitOverride();

  /** What a command gets, with the global options in it. */
  const contextOf = (options: { json?: true }): Context => ({
    ...context,
    json: options.json ?? false,
    ...program.opts<{ config?: string }>(),
  });
  const command = (name: string, summary: string): Command => program.command(name).description(summary);
  const readCommand = (name: string, summary: string): Command =>
    command(name, summary).option('--json', 'print one JSON document');

  command('start', 'run the proxy')
    .option('--watch', 'reload the config when the file changes, as SIGHUP does')
    .addHelpText('after', START_HELP)
    .action(async (options: { watch?: true }) => {
      const { start } = await import('./start.ts');
      done(await start(contextOf({}), { watch: options.watch ?? false }));
    });
  readCommand('check', 'validate the config and print every problem')
    .option('--explain <code>', 'tell what a code of a problem, an answer or the log means; no config is read')
    .action(async (options: { json?: true; explain?: string }) => {
      if (options.explain !== undefined) {
        const { explainCode } = await import('./explain-code.ts');
        return done(explainCode(contextOf(options), options.explain));
      }
      const { check } = await import('./check.ts');
      return done(await check(contextOf(options)));
    });
  readCommand('explain', 'show what would happen to a request, with no network')
    .usage('[options] <method> <url>, or [options] -- curl ..., or [options] --callback <name>')
    .argument('[method]', 'GET, POST, …', readMethod)
    .argument('[url]', 'http://127.0.0.1:8080/…, or the path alone; with forwarding on also the URL of the provider')
    .argument('[words...]', 'of a curl line')
    .option('-H, --header <header>', "a header of the request, 'name: value' (repeatable)", addHeader)
    .option(
      '-d, --data <body>',
      'the body of the request; @file is a file, @- stdin (repeatable, as curl has it)',
      addData,
    )
    .option('--caller <name>', 'as a caller of the config: whether it may, or why not')
    .option('--callback <name>', 'the request is a callback of this name in the config: show how it is verified')
    .action(
      async (
        method: string | undefined,
        url: string | undefined,
        words: readonly string[],
        options: ExplainFlags,
        called: Command,
      ) => {
        const { explain, explainCurl } = await import('./explain.ts');
        const { header: headers = [], data = [], caller, callback } = options;
        if (method === CURL && url !== undefined) {
          if (headers.length + data.length > 0) called.error("error: a curl line stands behind '--'");
          done(explainCurl(contextOf(options), { words: [url, ...words], caller, callback }));
          return;
        }
        if (words.length > 0) called.error(`error: too many arguments for 'explain': ${words.join(' ')}`);
        // A callback is a POST to the path that the config gives it.
        const isCallback = callback !== undefined && method === undefined;
        const missing = isCallback
          ? undefined
          : method === undefined
            ? 'method'
            : url === undefined
              ? 'url'
              : undefined;
        if (missing !== undefined) called.error(`error: missing required argument '${missing}'`);
        done(
          explain(contextOf(options), { method: method ?? 'POST', url: url ?? '', headers, data, caller, callback }),
        );
      },
    );
  readCommand('token', 'get a token and print what is known of it')
    .argument('<provider>', 'its name in the config')
    .option('--renew', 'get a new one, even when there is one')
    .option('--show', 'print the token itself')
    .action(async (provider: string, options: { json?: true; renew?: true; show?: true }) => {
      const { token } = await import('./token.ts');
      const { renew = false, show = false } = options;
      done(await token(contextOf(options), { provider, renew, show }));
    });
  readCommand('token-for', 'make a token for a caller, and the line for the config with its digest')
    .argument('<name>', 'the name of the caller')
    .action(async (name: string, options: { json?: true }) => {
      const { tokenFor } = await import('./token-for.ts');
      done(tokenFor(contextOf(options), name));
    });
  readCommand('simulate', 'run the simulators alone')
    .option('--port <number>', 'where to listen (0: any free port)', readPort, 0)
    .addHelpText('after', simulateHelp)
    .action(async (options: { json?: true; port: number }) => {
      const { simulate } = await import('./simulate.ts');
      done(await simulate({ ...contextOf(options), port: options.port }));
    });
  const adminCommand = (name: string, summary: string): Command =>
    readCommand(name, summary).option(
      '--admin <url>',
      'where to ask: host:port, unix:/path or http://… (default: $OUTRIDER_ADMIN, `admin.address`)',
    );
  adminCommand('health', 'ask a running proxy whether it is ready: exit code 0 or 1')
    .option('--wait <duration>', 'ask until it is ready, for so long: 30s')
    .action(async (options: AdminFlags & { wait?: string }) => {
      const { health } = await import('./health.ts');
      done(await health(contextOf(options), options));
    });
  adminCommand('status', 'show how a running proxy is: its config, tokens and routes').action(
    async (options: AdminFlags) => {
      const { status } = await import('./status.ts');
      done(await status(contextOf(options), options));
    },
  );
  adminCommand('logs', 'show the last requests of a running proxy; with --json one document a line')
    .option('--route <name>', 'those of this route')
    .option('--caller <name>', 'those of this caller')
    .option('--status <status>', 'those with this status: 404, 4xx')
    .option('-f, --follow', 'go on with what happens')
    .action(async (options: AdminFlags & { route?: string; caller?: string; status?: string; follow?: true }) => {
      const { logs } = await import('./logs.ts');
      done(await logs(contextOf(options), { ...options, follow: options.follow ?? false }));
    });
  adminCommand('reload', 'have a running proxy read its config again').action(async (options: AdminFlags) => {
    const { reload } = await import('./reload.ts');
    done(await reload(contextOf(options), options));
  });
  readCommand('doctor', 'check what commonly goes wrong, on this machine and on the way to each provider')
    .argument('[provider...]', 'the only ones to look at')
    .option('--offline', 'ask no provider and no egress proxy')
    .addHelpText('after', DOCTOR_HELP)
    .action(async (providers: readonly string[], options: { json?: true; offline?: true }) => {
      const { doctor } = await import('./doctor.ts');
      done(await doctor(contextOf(options), { providers, isOffline: options.offline ?? false }));
    });
  command('exec', 'run a program with the proxy around it')
    .usage('[options] -- <command> [args...]')
    .argument('<command>')
    .argument('[args...]')
    .option('--intercept', "have its requests to the providers' own URLs come to the proxy, TLS and all")
    .option('-v, --verbose', 'show the log on stderr, with a line for each request')
    .addHelpText('after', EXEC_HELP)
    .action(async (program: string, args: readonly string[], options: { intercept?: true; verbose?: true }) => {
      const { exec } = await import('./exec.ts');
      const { intercept = false, verbose = false } = options;
      done(await exec(contextOf({}), { intercept, verbose, command: program, args }));
    });
  command('init', 'write a config for some of the built-in profiles, and a list of its variables')
    .argument('[profiles...]', 'their names; without any they are asked for')
    .option('--dir <dir>', 'where to write them', '.')
    .option('--force', 'write over files that are there')
    .action(async (profiles: readonly string[], options: { dir: string; force?: true }) => {
      const { init } = await import('./init.ts');
      done(await init(contextOf({}), { profiles, dir: options.dir, force: options.force ?? false }));
    });
  command('demo', 'show what happens when every token is revoked: simulators, the proxy, 200 requests at once')
    .addHelpText(
      'after',
      '\nIt needs no config. The exit code is 0 only if each request was answered, after one token call.',
    )
    .action(async () => {
      const { demo } = await import('./demo.ts');
      done(await demo(contextOf({})));
    });
  command('completion', 'print a completion script for a shell')
    .addArgument(new Argument('<shell>', 'whose').choices(SHELLS))
    .addHelpText('after', COMPLETION_HELP)
    .action(async (shell: string) => {
      const { completionScript } = await import('../config/shipped.ts');
      context.stdout.write(completionScript(shell));
      done(0);
    });
  const audit = command('audit', 'the audit trail');
  audit
    .command('verify')
    .description('find the first line that is not as it was written')
    .argument('<file>', 'the trail, or one that was moved away')
    .option('--head <digest>', 'a digest that one of its lines must have', readDigest)
    .option('--json', 'print one JSON document')
    .addHelpText('after', AUDIT_HELP)
    .action(async (file: string, options: { json?: true; head?: string }) => {
      const { verifyAudit } = await import('./audit.ts');
      done(await verifyAudit(contextOf(options), { file, head: options.head }));
    });
  const ca = command('ca', 'the local CA of the interception door');
  ca.command('show')
    .description('print its file, fingerprint, expiry and hosts')
    .option('--json', 'print one JSON document')
    .action(async (options: { json?: true }) => {
      const { showCa } = await import('./ca.ts');
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
        const commands = await import('./ca.ts');
        done(await commands[run](contextOf({})));
      });
  }
  return program;
}

/** The failure for a command or an option that isn't there. Undefined for any other wrong usage. */
function unknownWord({ code, message }: InstanceType<typeof CommanderError>, args: readonly string[]) {
  const word = /'(.*)'/s.exec(message)?.[1] ?? '';
  if (code === 'commander.unknownCommand') {
    const help = didYouMean(word, commandsIn(args.slice(0, args.indexOf(word))), 'commands');
    return { code: 'unknown_command' as const, message: `there is no command "${word}"`, help };
  }
  if (code === 'commander.unknownOption') {
    const help = didYouMean(word, optionsIn(args.slice(0, args.indexOf(word))), 'options');
    return { code: 'unknown_option' as const, message: `there is no option "${word}" here`, help };
  }
  return undefined;
}

/** Runs one command line. Resolves with the exit code of the command, or 2 for wrong usage. It never rejects. */
export async function runProgram(context: Surroundings, args: readonly string[]): Promise<number> {
  let code = 0;
  let said = '';
  try {
    const simulateHelp = args.includes('simulate') ? (await import('./simulate.ts')).SIMULATE_HELP : '';
    const program = createProgram(
      context,
      `\n${simulateHelp}`,
      (result) => (code = result),
      (text) => (said += text),
    );
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) return printFailure(context, error);
    if (error.exitCode === 0) return 0;
    const complaint = unknownWord(error, args);
    if (complaint) printError(context, complaint);
    else context.stderr.write(said);
    return WRONG_USAGE;
  }
}
