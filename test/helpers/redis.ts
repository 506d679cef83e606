import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createClient } from '@redis/client';
import test, { type ExecutionContext, type Implementation } from 'ava';
import { freePort } from './free-port.ts';
import { until } from './http1.ts';

const isMissing = spawnSync('redis-server', ['--version']).error !== undefined;

/** A test that needs a real redis-server: where that is missing it is skipped and says why, but for CI, where it must be there. */
export function redisTest(title: string, run: Implementation<[]>, options: { readonly serial?: boolean } = {}): void {
  const declare = options.serial ? test.serial : test;
  if (isMissing && !process.env['CI']) declare.skip(`${title} (skipped: redis-server is not installed)`, run);
  else declare(title, run);
}

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** One command on a connection of its own. */
  readonly command: (...args: string[]) => Promise<unknown>;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** Starts it again on the same port. */
  start(): Promise<void>;
  pause(): void;
  resume(): void;
}

/** One redis-server for all tests of a file, started when the first one asks. */
export function sharedRedis(): () => Promise<RedisServer> {
  const ends: (() => unknown)[] = [];
  let started: Promise<RedisServer> | undefined;
  test.after.always('stop redis-server', () => Promise.all(ends.map((end) => end())));
  return () => (started ??= startRedis({ teardown: (end) => void ends.push(end) }));
}

/** Starts a redis-server that keeps nothing on disk unless `options` make it; it is killed at the test's end. */
export async function startRedis(
  t: Pick<ExecutionContext, 'teardown'>,
  options: readonly string[] = [],
): Promise<RedisServer> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'outrider-redis-'));
  const port = await freePort();
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir];
    const started = spawn('redis-server', [...args, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
    child = started;
    let said = '';
    started.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    await until(`redis-server is ready:\n${said}`, () => said.includes('Ready to accept connections'), 10_000);
  };
  const kill = async (): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  t.teardown(async () => {
    await kill();
    fs.rmSync(dir, { recursive: true, force: true });
  });
  await start();
  const url = `redis://127.0.0.1:${port}`;
  return {
    port,
    url,
    kill,
    start,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async command(...args) {
      const client = createClient({ url });
      client.on('error', () => undefined);
      await client.connect();
      try {
        return await client.sendCommand(args);
      } finally {
        client.destroy();
      }
    },
  };
}
