import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { freePort } from '../helpers/free-port.ts';
import { until } from '../helpers/http1.ts';
import { httpCall } from '../helpers/outrider.ts';
import { runProgram, testAsRootWith } from '../helpers/programs.ts';
import { makeBase } from './base-image.ts';

const ROOT = join(import.meta.dirname, '../..');
const IMAGE = 'outrider';
const CACHE = '/npm';
const TOKEN = randomUUID();

const dir = mkdtempSync(join(tmpdir(), 'outrider-image-'));
const children = new Set<ChildProcess>();
// As buildah keeps its images elsewhere than usual, and needs no overlay file system, nothing is left of it.
const STORAGE = ['--root', join(dir, 'images'), '--runroot', join(dir, 'run'), '--storage-driver', 'vfs'];
const buildah = async (...args: readonly string[]): Promise<string> =>
  (await runProgram('buildah', [...STORAGE, ...args])).trim();

const builds = testAsRootWith('buildah', 'tini', 'ldd', 'npm');

interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly StopSignal: string;
  readonly Labels: Readonly<Record<string, string>>;
  readonly Healthcheck: { readonly Test: readonly string[] };
}

let container: string;
let config: ImageConfig;

test.after.always(async () => {
  for (const child of children) {
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
  }
  for (const pid of processesInside()) process.kill(pid, 'SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

/** A program in the container, as its user, with the environment of the image. */
const runArgs = (env: Readonly<Record<string, string>>, command: readonly string[]): string[] => [
  ...STORAGE,
  'run',
  '--isolation',
  'chroot',
  ...Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
  container,
  '--',
  ...command,
];

function runInContainer(env: Readonly<Record<string, string>>, command: readonly string[]) {
  const child = spawn('buildah', runArgs(env, command), { stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exit = new Promise<number | null>((resolve) => {
    child.on('close', (code) => {
      children.delete(child);
      resolve(code);
    });
  });
  return { output: () => output, exit };
}

/** The processes in the container: nobody else has this token in the environment. */
const processesInside = (): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`OUTRIDER_ACCESS_TOKEN=${TOKEN}\0`);
      } catch {
        return false;
      }
    });

builds('the image is built from a clean context, on a base that one argument names', async (t) => {
  t.timeout(300_000);
  const root = join(dir, 'base');
  await makeBase(root);
  const base = await buildah('from', 'scratch');
  await buildah('add', '--quiet', base, root, '/');
  // What npm has fetched for this machine already is not fetched again.
  const { NODE_EXTRA_CA_CERTS = '' } = process.env;
  const env = {
    PATH: '/usr/local/bin:/usr/bin',
    npm_config_prefer_offline: 'true',
    npm_config_cache: CACHE,
    NODE_EXTRA_CA_CERTS,
  };
  for (const [name, value] of Object.entries(env)) await buildah('config', '--env', `${name}=${value}`, base);
  await buildah('commit', '--quiet', '--format', 'docker', '--rm', base, 'base');
  rmSync(root, { recursive: true });
  const cache = (await runProgram('npm', ['config', 'get', 'cache'])).trim();
  const args = [
    '--build-arg',
    'BASE=localhost/base',
    '--build-arg',
    'REVISION=abc123',
    '--volume',
    `${cache}:${CACHE}`,
  ];
  await buildah('build', '--pull-never', '--isolation', 'chroot', '--format', 'docker', ...args, '--tag', IMAGE, ROOT);
  ({ config } = (
    JSON.parse(await buildah('inspect', '--type', 'image', IMAGE)) as { Docker: { config: ImageConfig } }
  ).Docker);
  container = await buildah('from', '--pull-never', IMAGE);
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  t.like(config.Labels, {
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.licenses': 'MIT',
    'org.opencontainers.image.revision': 'abc123',
  });
  t.is(config.Entrypoint[0], 'tini');
  t.is(config.StopSignal, 'SIGTERM');
});

builds(
  'with nothing said, the container refuses to listen for other machines without a token, and names its variable',
  async (t) => {
    const { output, exit } = runInContainer({}, [...config.Entrypoint, ...config.Cmd]);
    t.not(await exit, 0);
    t.regex(output(), /error\[unsafe_bind\]/);
    t.regex(output(), /help: set OUTRIDER_ACCESS_TOKEN /);
  },
);

builds('with a token and nothing mounted, the container serves, is healthy, and ends on SIGTERM', async (t) => {
  t.timeout(120_000);
  const command = [...config.Entrypoint, ...config.Cmd];
  const admin = `127.0.0.1:${await freePort()}`;
  const env = { OUTRIDER_ACCESS_TOKEN: TOKEN, OUTRIDER_LISTEN: '0.0.0.0:0', OUTRIDER_ADMIN: admin };
  const health = () => runInContainer(env, config.Healthcheck.Test.slice(1));
  t.not(await health().exit, 0);
  const { exit, output } = runInContainer(env, command);
  const listening = /^ {2}proxy +http:\/\/0\.0\.0\.0:(\d+)/m;
  await until('the banner', () => listening.test(output()), 30_000).catch(() => t.fail(output()));
  const origin = `http://127.0.0.1:${listening.exec(output())?.[1]}`;
  const target = '/phonepe/checkout/v2/order/order-1/status';
  t.is((await httpCall(origin, target)).status, 401);
  const answer = await httpCall(origin, target, { headers: ['X-Outrider-Token', TOKEN] });
  t.is(answer.status, 404);
  t.like(JSON.parse(answer.text), { code: 'INVALID_MERCHANT_ORDER_ID' });

  const healthy = health();
  t.is(await healthy.exit, 0, healthy.output());

  const init = processesInside().find((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'tini\n') ?? 0;
  const status = readFileSync(`/proc/${init}/status`, 'utf8');
  t.regex(status, /^Uid:\t1000\t1000\t1000\t1000$/m);
  const children = readFileSync(`/proc/${init}/task/${init}/children`, 'utf8').trim().split(' ');
  const proxy = readFileSync(`/proc/${children[0]}/cmdline`, 'utf8').split('\0').slice(0, -1);
  t.deepEqual(proxy, command.slice(command.indexOf('--') + 1));
  const environment = readFileSync(`/proc/${children[0]}/environ`, 'utf8').split('\0');
  // What keeps memory small under a flood is read at the very beginning, so the image has to set it.
  for (const each of ['MALLOC_ARENA_MAX=1', 'NODE_OPTIONS=--max-semi-space-size=16'])
    t.true(environment.includes(each), each);
  process.kill(init, 'SIGTERM');
  t.is(await exit, 0, output());
  t.notRegex(output(), /WARN/);
});
