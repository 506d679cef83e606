import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { Env } from './output.ts';

export const NOT_FOUND = 127;
const NOT_RUNNABLE = 126;
const PASSED_ON: readonly NodeJS.Signals[] = [
  'SIGTERM',
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGUSR1',
  'SIGUSR2',
  'SIGWINCH',
];
/** What the terminal itself sends to everybody who is in its foreground. */
const FROM_TERMINAL: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGQUIT', 'SIGWINCH']);

/** Whether a key press reaches the program without us: it is with us in the terminal's foreground. */
function isInForeground(): boolean {
  try {
    const [, , group, , , foreground] = readFileSync('/proc/self/stat', 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return group === foreground;
  } catch {
    return process.stdin.isTTY;
  }
}

/** Cleans up if we are killed: ends the program, and removes our directory. It hears of our end by its stdin. */
function startWarden(pid: number, dir: string | undefined): { dismiss(): void } {
  const script = 'read -r word; [ "$word" = done ] || kill -TERM "$1" 2>/dev/null; [ -z "$2" ] || rm -rf -- "$2"';
  const warden = spawn('/bin/sh', ['-c', script, 'outrider-warden', String(pid), dir ?? ''], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  });
  warden.on('error', () => undefined);
  warden.stdin.on('error', () => undefined);
  warden.unref();
  return { dismiss: () => void warden.stdin.end('done\n') };
}

/** A program without a name is none. */
const isMissing = ({ code }: NodeJS.ErrnoException): boolean => code === 'ENOENT' || code === 'ERR_INVALID_ARG_VALUE';

function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal ? 128 + constants.signals[signal] : (code ?? 0)));
  });
}

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Env;
  readonly cwd: string;
  /** Removed when we are killed before we can do it. */
  readonly dir: string | undefined;
  /** It can't be run: 127 or 126. */
  readonly failed: (error: NodeJS.ErrnoException, exitCode: number) => void;
}

/** Signals to us, held until there is a program that they can be passed on to. */
export interface HeldSignals {
  passOnTo(child: ChildProcess): void;
  /** They have their usual effect on us again. */
  release(): void;
}

export function holdSignals(): HeldSignals {
  const early: NodeJS.Signals[] = [];
  let target: ChildProcess | undefined;
  const take = (signal: NodeJS.Signals): void => {
    if (!target) early.push(signal);
    else if (!FROM_TERMINAL.has(signal) || !isInForeground()) target.kill(signal);
  };
  for (const signal of PASSED_ON) process.on(signal, take);
  return {
    passOnTo(child) {
      target = child;
      for (const signal of early) child.kill(signal);
    },
    release() {
      for (const signal of PASSED_ON) process.off(signal, take);
    },
  };
}

/** Runs a program on our own terminal and passes signals on. Resolves with its exit code: 128 + n for a signal, 127, 126. */
export async function runProgram(
  { command, args, env, cwd, dir, failed }: Program,
  signals: HeldSignals,
): Promise<number> {
  const notRun = (error: unknown): number => {
    const exitCode = isMissing(error as NodeJS.ErrnoException) ? NOT_FOUND : NOT_RUNNABLE;
    failed(error as NodeJS.ErrnoException, exitCode);
    return exitCode;
  };
  let child: ChildProcess;
  try {
    child = spawn(command, args, { stdio: 'inherit', env, cwd });
  } catch (error) {
    // Some of the system's reasons are thrown, others are told.
    return notRun(error);
  }
  const end = ended(child);
  signals.passOnTo(child);
  const warden = child.pid === undefined ? undefined : startWarden(child.pid, dir);
  try {
    return await end;
  } catch (error) {
    return notRun(error);
  } finally {
    warden?.dismiss();
  }
}
