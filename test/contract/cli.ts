import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { COMPILED } from '../helpers/compiled.ts';
import { until, within } from '../helpers/http1.ts';
import { withDefaults } from '../helpers/outrider.ts';
import { type Watch, watchPort, watchProcess } from '../helpers/watch.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

export interface CliProcess {
  readonly child: ChildProcess;
  readonly port: number;
  readonly origin: string;
  /** stdout and stderr so far. */
  readonly output: () => string;
  /** Replaces the config file's text. */
  readonly write: (yaml: string) => void;
  /** Resolves with the exit code. */
  readonly exited: Promise<number | null>;
  /** Looks through what it prints. */
  readonly watch: Watch;
}

function spawnStart(
  t: ExecutionContext,
  yaml: string,
  env: Readonly<Record<string, string>>,
): Omit<CliProcess, 'port' | 'origin'> {
  const dir = temporaryDirectory(t);
  const file = path.join(dir, 'proxy.config.yaml');
  const write = (text: string): void => fs.writeFileSync(file, withDefaults(text));
  write(yaml);
  let output = '';
  const args = ['start', '--config', file];
  const watch = watchProcess(t, { args, env, stdout: () => output, stderr: () => '' });
  const child = spawn(process.execPath, [CLI, ...args], {
    env: { PATH: process.env['PATH'] ?? '', HOME: dir, NO_COLOR: '1', ...COMPILED, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  const exited = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
  return { child, output: () => output, write, exited, watch };
}

/** `outrider start` in a process of its own, from a config whose routes lie below `/api`; killed at the test's end. */
export async function startCli(
  t: ExecutionContext,
  yaml: string,
  env: Readonly<Record<string, string>> = {},
): Promise<CliProcess> {
  const process = spawnStart(t, yaml, env);
  const curl = /http:\/\/127\.0\.0\.1:(\d+)\/api/;
  await until('the banner with its curl line', () => curl.test(process.output()), 20_000).catch(() => {
    throw new Error(`no banner: ${process.output()}`);
  });
  const port = Number(curl.exec(process.output())?.[1]);
  const origin = `http://127.0.0.1:${port}`;
  watchPort(process.watch, origin);
  return { ...process, port, origin };
}

/** `outrider start` on a config with which it ends by itself. */
export async function startAndEnd(
  t: ExecutionContext,
  yaml: string,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const { exited, output } = spawnStart(t, yaml, {});
  return { code: await within(20_000, 'end of start', exited), output: output() };
}
