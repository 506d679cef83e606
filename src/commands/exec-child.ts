import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { Env } from './output.ts';

/** The exit codes of a shell for a program that isn't there, and for one that can't be run. */
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
/** The signals that the terminal itself sends to all processes in its foreground. */
const FROM_TERMINAL: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGQUIT', 'SIGWINCH']);

/** Whether we and the program are in the terminal's foreground. A key press then reaches the program without us. */
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

/** Starts a process that learns of our end by its stdin. If we are killed, it ends the program and removes our directory. */
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

/** Whether an error says that there is no such program. An empty name is an invalid argument for Node. */
const isMissing = ({ code }: NodeJS.ErrnoException): boolean => code === 'ENOENT' || code === 'ERR_INVALID_ARG_VALUE';

function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(signal ? 128 + constants.signals[signal] : (code ?? 0)));
  });
}

/** A program to run, and how. */
export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Env;
  readonly cwd: string;
  /** Absolute path of our directory. It is removed if we are killed before we can do it. */
  readonly dir: string | undefined;
  /** Called when the program can't be run. The exit code is 127 (not found) or 126. */
  readonly failed: (error: NodeJS.ErrnoException, exitCode: number) => void;
}

/** Signals to us. They are held until there is a program to pass them on to. */
export interface HeldSignals {
  /** Passes on the signals so far, and all that follow. */
  passOnTo(child: ChildProcess): void;
  /** Gives the signals their usual effect on us again. */
  release(): void;
}

/** Begins to hold signals. Until `release` they don't end us. */
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

/**
 * Runs a program on our own terminal and passes signals on to it. Resolves with its exit code: 128 + n when signal n ended it,
 * 127 when there is no such program, 126 when it can't be run.
 */
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
    // Node throws some of the system's errors here. Others come as an `error` event.
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
