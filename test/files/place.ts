import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { launch, type Running, type RunOptions } from '../commands/run.ts';
import { accepting, tokenYaml } from '../contract/given.ts';
import { startTokenEndpoint, type TokenEndpoint } from '../helpers/token-endpoint.ts';
import { startUpstream, type Upstream } from '../helpers/upstream.ts';
import { watchPort } from '../helpers/watch.ts';
import { temporaryDirectory } from '../helpers/directory.ts';

export const isLinux = process.platform === 'linux';

const works = (program: string, ...args: readonly string[]): boolean => spawnSync(program, args).status === 0;

/** What starts a program that may mount what nobody else sees; undefined where the system allows none. */
const mounting = [
  ['unshare', '--mount'],
  ['unshare', '--user', '--map-root-user', '--mount'],
].find(([program = '', ...args]) => works(program, ...args, 'sh', '-c', 'mount -t tmpfs -o size=64k tmpfs /mnt'));

/** Becomes what a script ends in, in a shell; the script's own arguments are `$1` and so on. */
const shell = (script: string, ...args: readonly string[]): readonly string[] => [
  'sh',
  '-euc',
  `${script}\nshift ${args.length}\nexec "$@"`,
  'sh',
  ...args,
];

/** Runs a program after a shell script that may mount what nobody else sees. */
export const mounted = (script: string, ...args: readonly string[]): readonly string[] => [
  ...(mounting ?? []),
  ...shell(script, ...args),
];

export const canMount = mounting !== undefined;
export { shell };

/** What lies below a directory, itself included, that others than its owner may do anything with, or the owner not enough. */
export function wrongModes(directory: string): readonly string[] {
  const names = ['', ...(fs.readdirSync(directory, { recursive: true }) as string[])];
  return names.flatMap((name) => {
    const stats = fs.lstatSync(path.join(directory, name), { throwIfNoEntry: false });
    const bits = stats?.isDirectory() ? 0o700 : 0o600;
    return stats && (stats.mode & 0o777) !== bits ? [`${name}: ${(stats.mode & 0o777).toString(8)}`] : [];
  });
}

/** A directory that others may enter; gone after the test. */
export function freshDirectory(t: ExecutionContext): string {
  const dir = temporaryDirectory(t);
  fs.chmodSync(dir, 0o755);
  return dir;
}

export interface Started extends Running {
  /** `http://host:port` or `unix:/path`. */
  readonly origin: string;
}

/** Starts the real proxy on a config in that directory. */
export async function startIn(
  t: ExecutionContext,
  dir: string,
  yaml: string,
  options: RunOptions = {},
): Promise<Started> {
  const file = path.join(dir, 'proxy.config.yaml');
  const head = ['version: 1', 'log: { format: json, level: debug }', 'timeouts: { lame_duck: 0ms }'];
  if (!/^listen:/m.test(yaml)) head.push('listen: { address: "127.0.0.1:0" }');
  if (!/^admin:/m.test(yaml)) head.push('admin: false');
  fs.writeFileSync(file, `${head.join('\n')}\n${yaml}`);
  fs.chmodSync(file, 0o644);
  const running = launch(t, ['start', '--config', file], options);
  const [, origin = ''] = await running.says(/^ *proxy +(http:\S+|unix:\S+)$/m);
  watchPort(running.watch, origin);
  return { ...running, origin };
}

export interface Rejecting {
  readonly upstream: Upstream;
  readonly tokens: TokenEndpoint;
  readonly yaml: string;
}

/** A route whose upstream takes the second token only: a body that is kept arrives twice, one that is not gets the 401. */
export async function rejectingFirst(t: ExecutionContext, extra: string): Promise<Rejecting> {
  const upstream = await startUpstream(t, accepting(new Set(['token-2'])));
  const tokens = await startTokenEndpoint(t);
  return { upstream, tokens, yaml: tokenYaml(upstream.origin, tokens.url, { extra, renew: '{ cooldown: 0s }' }) };
}

/** How many lines of a process's log have that text. */
export const countOf = (running: Running, text: string | RegExp): number =>
  running
    .stderr()
    .split('\n')
    .filter((line) => line.match(text)).length;

/** A request on a Unix socket, begun: its body is for the test to write. Resolves with the answer's status. */
export function begin(origin: string, target: string, agent?: http.Agent) {
  const where = origin.startsWith('unix:')
    ? { socketPath: origin.slice('unix:'.length) }
    : { hostname: new URL(origin).hostname, port: new URL(origin).port };
  const req = http.request({ ...where, path: target, method: 'POST', agent: agent ?? false });
  const status = new Promise<number>((resolve, reject) => {
    req.on('error', reject);
    req.on('response', (res) => {
      res.on('error', reject).on('end', () => resolve(res.statusCode ?? 0));
      res.resume();
    });
  });
  status.catch(() => undefined);
  return { req, status };
}

/** Descriptors of a process that lead below a directory. */
export function openBelow(pid: number, dir: string): readonly string[] {
  const fds = `/proc/${pid}/fd`;
  return fs
    .readdirSync(fds)
    .map((fd) => path.join(fds, fd))
    .filter((fd) => {
      try {
        return fs.readlinkSync(fd).startsWith(`${dir}/`);
      } catch {
        return false;
      }
    });
}
