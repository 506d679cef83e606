import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { Env } from './output.ts';

const NOT_FOUND = 127;
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

function ended(child: ChildProcess, failed: (error: NodeJS.ErrnoException) => void): Promise<number> {
  return new Promise((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      failed(error);
      resolve(error.code === 'ENOENT' ? NOT_FOUND : NOT_RUNNABLE);
    });
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
  /** It can't be run. */
  readonly failed: (error: NodeJS.ErrnoException) => void;
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
  const child = spawn(command, args, { stdio: 'inherit', env, cwd });
  const end = ended(child, failed);
  signals.passOnTo(child);
  const warden = child.pid === undefined ? undefined : startWarden(child.pid, dir);
  try {
    return await end;
  } finally {
    warden?.dismiss();
  }
}
