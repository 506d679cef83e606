import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import test, { type Implementation } from 'ava';

type Declare = (title: string, run: Implementation<[]>) => void;

/** Declares tests that want something: without it they are skipped and say why, but for CI, where all must be there. */
function testUnless(lacks: readonly string[]): Declare {
  return (title, run) => {
    if (lacks.length === 0 || process.env['CI']) test.serial(title, run);
    else test.serial.skip(`${title} (skipped: ${lacks.join(', ')})`, run);
  };
}

const missing = (programs: readonly string[]): string[] =>
  programs
    .filter((program) => spawnSync('which', [program]).status !== 0)
    .map((program) => `${program} is not installed`);

/** Tests that need programs. */
export const testWith = (...programs: readonly string[]): Declare => testUnless(missing(programs));

/** Tests that need programs, and root. */
export const testAsRootWith = (...programs: readonly string[]): Declare =>
  testUnless([...(process.getuid?.() === 0 ? [] : ['this is not root']), ...missing(programs)]);

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
