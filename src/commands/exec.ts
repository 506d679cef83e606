import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createApp, type App } from '../app.ts';
import type { CallerConfig, Config } from '../config/config.ts';
import { ALL } from '../config/schema/callers.ts';
import { systemClock } from '../core/clock.ts';
import { makeCa } from '../tunnel/certificate.ts';
import { readConfig } from './config-file.ts';
import { holdSignals, NOT_FOUND, runProgram } from './exec-child.ts';
import { makeRunDir, type RunDir } from './exec-dir.ts';
import { baseUrls, caBundle, detour, interceptVariables, NESTED, phpIni } from './exec-env.ts';
import { tellProblems } from './exec-problems.ts';
import type { Context } from './output.ts';
import { printError, printFailure, shellQuote, warn } from './output.ts';
import { makeCallerToken } from './token-for.ts';

export interface ExecOptions {
  /** Whether the program's requests to the providers' own URLs come to us too, those over TLS as well. */
  readonly intercept: boolean;
  /** Shows the log, each request in it. */
  readonly verbose: boolean;
  readonly command: string;
  readonly args: readonly string[];
}

/** The exit code when we ourselves fail. */
const FAILED = 125;
const SPARE_US = 'set NO_PROXY=127.0.0.1, or use --intercept';
/** The lifetime of the CA for one run. No run is expected to last longer. */
const CA_LIFETIME_MS = 90 * 24 * 3_600_000;

/** The one caller of the run, with all routes. */
const ownCaller = (token: string): CallerConfig => ({
  name: 'exec',
  tokens: { current: { version: 1, values: new Map([['token', token]]) } },
  certificate: undefined,
  routes: ALL,
  methods: [],
  paths: [],
  rate: undefined,
  concurrent: undefined,
  expiresAtMs: undefined,
});

/**
 * The config for one program. The proxy listens on any free port of loopback, without TLS, and has no admin address. Its only
 * caller is the program, if the config has callers. It stops at once. It logs what went wrong only, as stderr is the program's.
 */
function forOneRun(
  config: Config,
  { intercept, verbose }: Pick<ExecOptions, 'intercept' | 'verbose'>,
  token: string,
): Config {
  const { mode } = config.forward;
  const { level } = config.log;
  return {
    ...config,
    listen: { ...config.listen, address: { host: '127.0.0.1', port: 0 }, tls: undefined },
    callers: config.callers && [ownCaller(token)],
    admin: false,
    callbacksListen: undefined,
    forward: { ...config.forward, mode: intercept ? 'intercept' : mode === 'intercept' ? 'plain' : mode },
    timeouts: { ...config.timeouts, lameDuckMs: 0, drainMs: 0 },
    log: { ...config.log, access: verbose, level: !verbose ? 'error' : level === 'debug' ? level : 'info' },
  };
}

/**
 * `outrider exec`: runs a program with the proxy around it. The proxy listens before the program starts.
 * Resolves with the program's exit code. It is 128 + n when signal n ended the program, 127 or 126 when the program can't be
 * run, and 125 when we ourselves fail.
 */
export async function exec(context: Context, options: ExecOptions): Promise<number> {
  const { intercept, command, args } = options;
  const { env, cwd } = context;
  if (env[NESTED]) {
    printError(context, {
      code: 'nested_exec',
      message: '`outrider exec` runs within another one already',
      help: `the program has a proxy around it: run it alone, or unset ${NESTED}`,
    });
    return FAILED;
  }
  const config = readConfig(context);
  if (!config) return FAILED;
  const failed = ({ code }: NodeJS.ErrnoException, exitCode: number): void => {
    const name = shellQuote(command);
    const isMissing = exitCode === NOT_FOUND;
    const hasNoInterpreter = isMissing && command.includes('/') && existsSync(command);
    const message = hasNoInterpreter
      ? `the interpreter that ${name} names is not there`
      : isMissing
        ? `there is no program ${name}`
        : `${name} can't be run${code ? ` (${code})` : ''}`;
    printError(context, { code: isMissing ? 'command_not_found' : 'command_not_runnable', message });
  };
  const signals = holdSignals();
  let app: App | undefined;
  let dir: RunDir | undefined;
  let problems: ReturnType<typeof tellProblems> | undefined;
  try {
    let certificate = '';
    let hosts: readonly string[] = [];
    const { token: ownToken } = makeCallerToken();
    const started = createApp(forOneRun(config, options, ownToken), {
      caFor: async (routed) => {
        const ca = await makeCa(routed, { nowMs: systemClock.now(), lifetimeMs: CA_LIFETIME_MS });
        ({ certificate } = ca);
        hosts = [...routed];
        return ca;
      },
    });
    app = started;
    problems = tellProblems(app.events, systemClock, (message) => {
      context.stderr.write(`${started.logger.clean({ level: 'error', message }).message}\n`);
    });
    const { origin } = await app.start();
    const own: Record<string, string | undefined> = { [NESTED]: '1', ...baseUrls(origin, config.routes) };
    const token = config.callers ? ownToken : config.listen.accessTokens[0]?.reveal();
    if (token !== undefined) own['OUTRIDER_TOKEN'] = token;
    const astray = intercept ? undefined : detour(env, new URL(origin));
    if (astray) warn(context, `${astray} is set: a program that follows it takes its requests for us there`, SPARE_US);
    if (intercept) {
      dir = await makeRunDir();
      const bundleFile = join(dir.path, 'roots.pem');
      writeFileSync(bundleFile, caBundle(env, certificate), { mode: 0o600 });
      writeFileSync(join(dir.path, 'roots.ini'), phpIni(bundleFile), { mode: 0o600 });
      const proxy = new URL(origin);
      if (token !== undefined) Object.assign(proxy, { username: 'outrider', password: encodeURIComponent(token) });
      const origins = hosts.map((host) => new URL(`https://${host}`));
      const ca = { bundleFile, iniDir: dir.path };
      Object.assign(own, interceptVariables(env, proxy.href.replace(/\/$/, ''), origins, ca));
    }
    return await runProgram({ command, args, env: { ...env, ...own }, cwd, dir: dir?.path, failed }, signals);
  } catch (error) {
    printFailure(context, error);
    return FAILED;
  } finally {
    await app?.stop({ signal: 'SIGINT' });
    problems?.end();
    dir?.remove();
    signals.release();
  }
}
