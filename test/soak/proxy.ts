import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { CLI } from '../commands/run.ts';
import { COMPILED } from '../helpers/compiled.ts';
import { httpCall, withDefaults } from '../helpers/outrider.ts';
import { within } from '../helpers/http1.ts';
import type { Sample } from './figures.ts';

export interface SoakProxy {
  readonly port: number;
  write(yaml: string): void;
  signal(name: NodeJS.Signals): void;
  descriptors(): number;
  look(): Promise<Omit<Sample, 'atMs'>>;
  /** The last of what it logged, single requests and reloads aside. */
  log(): string;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** At once, with its files. */
  kill(): void;
}

const START_MS = 30_000;
const STOP_MS = 40_000;
const KEPT_LOG = 40_000;
const ONE_OF_MANY = /"message":"(?:request|rejected request[^"]*|config error[^"]*|the (?:changed )?config [^"]*)"/;

const metric = (text: string, name: string): number =>
  Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? NaN);

/** `outrider start` in a process of its own, with metrics; its log is read and forgotten. */
export async function startSoakProxy(yaml: string): Promise<SoakProxy> {
  const dir = mkdtempSync(join(tmpdir(), 'outrider-soak-'));
  const file = join(dir, 'proxy.config.yaml');
  const write = (text: string): void => writeFileSync(file, withDefaults(text));
  write(yaml);
  const child = spawn(process.execPath, [CLI, 'start', '--config', file], {
    env: { PATH: process.env['PATH'], HOME: dir, NO_COLOR: '1', ...COMPILED },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  let logged = '';
  const exited = new Promise<number | null>((resolve) => child.on('close', resolve));
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (!ONE_OF_MANY.test(line)) logged = `${logged}${line}\n`.slice(-KEPT_LOG);
  });
  const banner = new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('Try it')) resolve();
    });
    void exited.then((code) => reject(new Error(`the proxy ended with ${code}: ${logged}`)));
  });
  await within(START_MS, 'the banner', banner);
  const [, origin = ''] = /^ *proxy +(http:\S+)$/m.exec(said) ?? [];
  const [, adminOrigin = ''] = /^ *admin +(http:\S+)/m.exec(said) ?? [];
  return {
    port: Number(new URL(origin).port),
    write,
    signal: (name) => void child.kill(name),
    descriptors: () => readdirSync(`/proc/${child.pid}/fd`).length,
    async look() {
      const { text } = await httpCall(adminOrigin, '/metrics');
      return {
        rssBytes: Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'latin1'))?.[1]) * 1_024,
        heapBytes: metric(text, 'nodejs_heap_size_used_bytes'),
        loopP99Ms: metric(text, 'nodejs_eventloop_lag_p99_seconds') * 1_000,
      };
    },
    log: () => logged,
    stop() {
      child.kill('SIGTERM');
      return within(STOP_MS, 'the end of the proxy', exited);
    },
    kill() {
      child.kill('SIGKILL');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
