import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { COMPILED } from '../helpers/compiled.ts';
import { within } from '../helpers/http1.ts';
import { type Watch, watchPort, watchProcess } from '../helpers/watch.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

export const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
/** What the package starts: it answers some calls by itself, and hands the others on to the command line. */
export const LAUNCHER = fileURLToPath(new URL('../../src/launch.ts', import.meta.url));
const LIMIT_MS = 30_000;

export interface Running {
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  /** Resolves with the match as soon as the text on stdout or stderr has it. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
  /** 128 + n where a signal ended it. */
  readonly exit: Promise<number>;
  /** Looks through what it prints. */
  readonly watch: Watch;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Arguments of node itself. */
  readonly node?: readonly string[];
  /** Default: the command line. */
  readonly script?: typeof LAUNCHER;
  /** A program that becomes the process, with its own arguments: `setpriv`, `unshare`, a shell that ends in `exec`. */
  readonly under?: readonly string[];
}

const SIGNALS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/** Starts the real command line in a process of its own; killed at the test's end. */
export function launch(t: ExecutionContext, args: readonly string[], options: RunOptions = {}): Running {
  let out = '';
  let err = '';
  const watch = watchProcess(t, { args, env: options.env ?? {}, stdout: () => out, stderr: () => err });
  const [program = process.execPath, ...rest] = [
    ...(options.under ?? []),
    process.execPath,
    ...(options.node ?? []),
    options.script ?? CLI,
    ...args,
  ];
  const child = spawn(program, rest, {
    env: { PATH: process.env['PATH'], HOME: tmpdir(), NO_COLOR: '1', ...COMPILED, ...options.env },
    cwd: options.cwd ?? tmpdir(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const listeners = new Set<() => void>();
  const heard = (): void => {
    for (const listener of listeners) listener();
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => ((out += text), heard()));
  child.stderr.setEncoding('utf8').on('data', (text: string) => ((err += text), heard()));
  const exit = new Promise<number>((resolve) => {
    child.on('close', (code, signal) => resolve(code ?? 128 + (SIGNALS[signal ?? ''] ?? 0)));
  });
  return {
    pid: child.pid as number,
    stdout: () => out,
    stderr: () => err,
    exit,
    watch,
    kill: (signal) => void child.kill(signal),
    says(pattern) {
      const said = new Promise<RegExpExecArray>((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(out) ?? pattern.exec(err);
          if (!match) return;
          listeners.delete(look);
          resolve(match);
        };
        listeners.add(look);
        look();
        void exit.then((code) => reject(new Error(`ended with ${code} before it said ${pattern}:\n${out}\n${err}`)));
      });
      return within(LIMIT_MS, `${pattern}`, said);
    },
  };
}

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real command line to its end. */
export async function run(t: ExecutionContext, args: readonly string[], options: RunOptions = {}): Promise<Result> {
  const running = launch(t, args, options);
  const code = await within(LIMIT_MS, args.join(' '), running.exit);
  return { code, stdout: running.stdout(), stderr: running.stderr() };
}

/** A directory that is gone after the test, with a config file in it. */
export function configFile(t: ExecutionContext, yaml: string): { readonly dir: string; readonly file: string } {
  const dir = temporaryDirectory(t);
  const file = join(dir, 'proxy.config.yaml');
  writeFileSync(file, yaml);
  return { dir, file };
}

/** A good config on free ports: one simulated provider, one plain upstream. */
export const SIMULATED = `
version: 1
listen: { address: "127.0.0.1:0" }
admin: { address: "127.0.0.1:0" }
log: { format: json }
timeouts: { lame_duck: 0ms }
providers:
  phonepe: { profile: phonepe, environment: simulator }
routes:
  - { name: pay, match: { path: /phonepe }, provider: phonepe }
  - { name: plain, match: { path: /plain }, provider: null, upstream: "http://127.0.0.1:9" }
`;

/** Starts the proxy and waits until it listens. */
export async function startProxy(
  t: ExecutionContext,
  yaml = SIMULATED,
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<Running & { readonly origin: string; readonly file: string }> {
  const { file } = configFile(t, yaml);
  const running = launch(t, ['start', '--config', file, ...args], options);
  const [, origin] = await running.says(/^ *proxy +(http:\S+|unix:\S+)$/m);
  watchPort(running.watch, origin as string);
  return { ...running, origin: origin as string, file };
}
