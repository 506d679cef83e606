import { spawn, spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import test, { type ExecutionContext } from 'ava';
import { within } from '../helpers/http1.ts';

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, with nothing of this process's environment but the path. */
export function runProgram(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Said> {
  const child = spawn(command, args, { env: { PATH: process.env['PATH'], HOME: tmpdir(), LANG: 'C.UTF-8', ...env } });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('latin1').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('latin1').on('data', (text: string) => (stderr += text));
  child.stdin.end();
  const end = new Promise<Said>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
  return within(30_000, command, end).finally(() => child.kill('SIGKILL'));
}

/** Skips, and says so, where a program is missing; in CI it must be there. */
export function testWith(program: string, title: string, body: (t: ExecutionContext) => Promise<void>): void {
  const isThere = spawnSync(program, ['--version']).error === undefined;
  if (isThere || process.env['CI']) test(title, body);
  else test.skip(`${title} (skipped: there is no ${program})`, body);
}
