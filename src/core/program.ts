import { spawn, type ChildProcess } from 'node:child_process';
import type { Clock } from './clock.ts';
import { systemCode } from './system-code.ts';

/** A program to run once, for its output. */
export interface ProgramCall {
  readonly command: string;
  readonly args: readonly string[];
  /** Besides PATH and HOME. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** The longest output. A program that writes more is ended. */
  readonly maxBytes: number;
}

/** How a program ended. */
export interface ProgramEnd {
  /**
   * `exit`: by itself, with `code`. `signal`: by the signal that `code` names. `not_run`: it could not be started, for the reason
   * that `code` names. `timeout`: we ended it after the milliseconds in `code`. `too_long`, `stopped`: we ended it.
   */
  readonly how: 'exit' | 'signal' | 'not_run' | 'timeout' | 'too_long' | 'stopped';
  readonly code: number | string;
  readonly stdout: Uint8Array;
  /** The last part of what it wrote to stderr. */
  readonly stderr: string;
}

/** Runs a program without a shell and waits for its end. Never rejects. */
export type RunProgram = (call: ProgramCall) => Promise<ProgramEnd>;

/** The programs of one proxy. */
export interface Programs {
  readonly run: RunProgram;
  /** Ends all programs that run, with everything that they have started. None is started any more. */
  close(): void;
}

/** What programs are run with. */
export interface ProgramSettings {
  /** The directory that they run in. A program that is named with a slash is looked for from there. */
  readonly cwd: string;
  /** Where PATH and HOME are taken from. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

const STDERR_BYTES = 8 * 1024;
/** How long output is waited for after the end. A process that left the group may hold it open for ever. */
const REST_MS = 200;
const HANDED_ON = ['PATH', 'HOME'];

/** Ends a program with everything that it has started and that is still in its process group. */
function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left in the group.
  }
}

/** The programs that run, of all proxies in this process: its end is theirs. */
const running = new Set<ChildProcess>();
const endAll = (): void => running.forEach(endGroup);

function track(child: ChildProcess): void {
  if (running.size === 0) process.on('exit', endAll);
  running.add(child);
}

function untrack(child: ChildProcess): void {
  if (running.delete(child) && running.size === 0) process.off('exit', endAll);
}

/** Keeps the last bytes that are written. */
class Tail {
  #bytes = Buffer.alloc(0);

  add(chunk: Buffer): void {
    const all = Buffer.concat([this.#bytes, chunk]);
    this.#bytes = all.subarray(Math.max(0, all.length - STDERR_BYTES));
  }

  get text(): string {
    return this.#bytes.toString('utf8').trim();
  }
}

/**
 * Makes the runner of programs. Each has a process group of its own, which is ended with it, at its time limit, and when this
 * process ends.
 */
export function createPrograms({ cwd, env, clock }: ProgramSettings): Programs {
  const stops = new Set<() => void>();
  let isClosed = false;
  const close = (): void => {
    isClosed = true;
    for (const stop of stops) stop();
  };

  const run: RunProgram = ({ command, args, env: own, timeoutMs, maxBytes }) => {
    const { promise, resolve } = Promise.withResolvers<ProgramEnd>();
    const handedOn = HANDED_ON.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]] as const]));
    const chunks: Buffer[] = [];
    const stderr = new Tail();
    let bytes = 0;
    let child: ChildProcess | undefined;
    let timer = clock.after(timeoutMs, () => end('timeout', timeoutMs));
    let isEnded = false;
    const stop = (): void => end('stopped', '');

    function end(how: ProgramEnd['how'], code: ProgramEnd['code']): void {
      if (isEnded) return;
      isEnded = true;
      timer.cancel();
      if (child) {
        endGroup(child);
        child.stdout?.destroy();
        child.stderr?.destroy();
        untrack(child);
      }
      stops.delete(stop);
      resolve({ how, code, stdout: Buffer.concat(chunks), stderr: stderr.text });
    }

    if (isClosed) {
      end('stopped', '');
      return promise;
    }
    try {
      const stdio = ['ignore', 'pipe', 'pipe'] as const;
      child = spawn(command, args, {
        cwd,
        env: { ...Object.fromEntries(handedOn), ...own },
        stdio: [...stdio],
        detached: true,
      });
    } catch (error) {
      // Node throws some errors here. Others come as an `error` event.
      end('not_run', systemCode(error));
      return promise;
    }
    track(child);
    stops.add(stop);
    child.stderr?.on('data', (chunk: Buffer) => stderr.add(chunk));
    child.stdout?.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) chunks.push(chunk);
      else end('too_long', '');
    });
    child.on('error', (error) => end('not_run', systemCode(error)));
    child.on('exit', (code, signal) => {
      if (isEnded) return;
      const [how, by] = signal ? (['signal', signal] as const) : (['exit', code ?? 0] as const);
      // Nothing that it has left behind may hold its output open, or live on.
      endGroup(child as ChildProcess);
      timer.cancel();
      timer = clock.after(REST_MS, () => end(how, by));
      child?.on('close', () => end(how, by));
    });
    return promise;
  };

  return { run, close };
}
