import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';

export const hasProgram = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0;

/** Whether the proxies and the load have a core each. */
export const isPinned = availableParallelism() > 1 && hasProgram('taskset', '--version');

/** Moves this process, with its threads, to one core. */
export function pinSelf(core: number): void {
  if (isPinned) spawnSync('taskset', ['-acp', String(core), String(process.pid)]);
}

/** Starts a command pinned to one core, its stderr going to a file descriptor; its pid is the command's own. */
export function run(command: readonly string[], core: number, stderr: number, env = process.env): ChildProcess {
  const [program, ...args] = isPinned ? ['taskset', '-c', String(core), ...command] : command;
  return spawn(program as string, args, { stdio: ['ignore', 'ignore', stderr], env });
}

export const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** Asks a process to stop, and makes it after ten seconds. */
export async function stop(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await exited;
  clearTimeout(timer);
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
}

/** CPU time that a process, its threads and its children have used, in nanoseconds (Linux). */
export function cpuNs(pid: number): number {
  let ns = 0;
  for (const id of [pid, ...childrenOf(pid)]) {
    for (const task of readdirSync(`/proc/${id}/task`)) {
      ns += Number(readFileSync(`/proc/${id}/task/${task}/schedstat`, 'latin1').split(' ')[0]);
    }
  }
  return ns;
}

/** Resident memory of a process in KiB. */
export function residentKiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0);
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
