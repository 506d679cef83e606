import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import test, { type Implementation } from 'ava';

/** Declares tests that need programs: where one is missing they are skipped and say why, but for CI, where all must be there. */
export function testWith(...programs: readonly string[]): (title: string, run: Implementation<[]>) => void {
  const missing = programs.filter((program) => spawnSync('which', [program]).status !== 0);
  return (title, run) => {
    if (missing.length === 0 || process.env['CI']) test.serial(title, run);
    else test.serial.skip(`${title} (skipped: ${missing.join(' and ')} is not installed)`, run);
  };
}

/** Runs a program to its end; resolves with what it said, both its outputs. Rejects when it fails, with all of that. */
export async function runProgram(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  }
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: exit ${code}\n${said}`);
  return said;
}
