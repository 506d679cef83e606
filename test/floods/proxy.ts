import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { CLI } from '../commands/run.ts';
import { COMPILED } from '../helpers/compiled.ts';
import { until } from '../helpers/http1.ts';
import { withDefaults } from '../helpers/outrider.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

/** A process as the system sees it. */
export interface Vitals {
  /** The most that was ever resident. */
  readonly peakMiB: number;
  readonly descriptors: number;
}

export interface Proxy {
  readonly child: ChildProcess;
  readonly port: number;
  vitals(): Vitals;
  /** What it printed of its own failures, and how it ended if it did. */
  complaints(): string[];
}

const mib = (status: string, field: string): number =>
  Math.round(Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN) / 1024);

/**
 * `outrider start` as anybody starts it, without what the image sets for memory. It is watched from outside, and killed at the
 * test's end. Its routes lie below `/api`.
 */
export async function startProxy(t: Pick<ExecutionContext, 'teardown'>, yaml: string): Promise<Proxy> {
  const dir = temporaryDirectory(t);
  const file = path.join(dir, 'proxy.config.yaml');
  fs.writeFileSync(file, withDefaults(yaml));
  const printed = path.join(dir, 'printed.log');
  const out = fs.openSync(printed, 'a');
  const child = spawn(process.execPath, [CLI, 'start', '--config', file], {
    env: { PATH: process.env['PATH'] ?? '', HOME: dir, NO_COLOR: '1', ...COMPILED },
    stdio: ['ignore', out, out],
  });
  fs.closeSync(out);
  t.teardown(() => child.kill('SIGKILL'));
  const log = (): string => fs.readFileSync(printed, 'utf8');
  const curl = /http:\/\/127\.0\.0\.1:(\d+)\/api/;
  await until('the banner with its curl line', () => curl.test(log()) || child.exitCode !== null, 20_000);
  const port = Number(curl.exec(log())?.[1]);
  if (!port) throw new Error(`no banner: ${log()}`);
  return {
    child,
    port,
    vitals() {
      const status = fs.readFileSync(`/proc/${child.pid}/status`, 'latin1');
      return {
        peakMiB: mib(status, 'VmHWM'),
        descriptors: fs.readdirSync(`/proc/${child.pid}/fd`).length,
      };
    },
    complaints: () => [
      ...log()
        .split('\n')
        .filter((line) => /itself failed|internal_error|unhandled|uncaught|Warning:|"level":"error"/i.test(line)),
      ...(child.exitCode === null && child.signalCode === null
        ? []
        : [`it ended with ${child.exitCode ?? child.signalCode}`]),
    ],
  };
}
