import { spawn, spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { COMPILED } from '../helpers/compiled.ts';
import type { Result, RunOptions } from './run.ts';

const SCRIPT = fileURLToPath(new URL('typed.py', import.meta.url));

/** What to wait for, and what is typed then; null closes the terminal. */
export type Step = readonly [wait: string, type: string | null];

const isThere = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;

/** A test that needs these programs; its title says so where one is missing, and in CI none may be. */
export function needs(...programs: readonly string[]) {
  const missing = programs.filter((program) => !isThere(program));
  const isSkipped = missing.length > 0 && !process.env['CI'];
  return {
    test: isSkipped ? test.serial.skip : test.serial,
    why: missing.length === 0 ? '' : ` (wants ${missing.join(' and ')})`,
  };
}

/** Runs a program on a terminal of its own, to its end, while somebody types. */
export async function typed(
  steps: readonly Step[],
  program: readonly string[],
  { env = {}, cwd = tmpdir() }: RunOptions = {},
): Promise<Pick<Result, 'code'> & { readonly said: string }> {
  const child = spawn('python3', [SCRIPT, JSON.stringify(steps), ...program], {
    env: { PATH: process.env['PATH'], HOME: cwd, NO_COLOR: '1', TERM: 'dumb', ...COMPILED, ...env },
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  await new Promise((resolve) => child.on('close', resolve));
  const [, code, said] = /^(-?\d+)\n([^]*)$/.exec(out) ?? [];
  if (code === undefined) throw new Error(err);
  return { code: Number(code), said: said as string };
}
