import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ExecutionContext } from 'ava';
import { CERTIFICATE, CERTIFICATE_KEY } from '../contract/certificate.ts';

const PIECE = Buffer.alloc(64 * 1024, 'What is large comes whole. ');
const PIECES = 64;
const REF = 'a'.repeat(200);
/** What `git ls-remote` prints is what came. */
const REFS = Array.from({ length: 8_000 }, (_, i) => `${String(i).padStart(40, '0')}\trefs/heads/${REF}${i}\n`);

const sha256 = (parts: Iterable<string | Buffer>): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};
export const BIG_SHA256 = sha256(Array<Buffer>(PIECES).fill(PIECE));
export const REFS_SHA256 = sha256(REFS.toSorted());

export interface Provider {
  readonly port: number;
  /** Method and path of every request, and whether it had a token. */
  readonly seen: readonly { readonly line: string; readonly isNaked: boolean }[];
}

function git(cwd: string, ...args: readonly string[]): void {
  const who = ['-c', 'user.name=a', '-c', 'user.email=a@b', '-c', 'init.defaultBranch=main'];
  const { status, stderr } = spawnSync('git', [...who, ...args], { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

/** A repository that plain HTTP can serve, and one with many branches. */
export function makeRepositories(dir: string): void {
  const work = join(dir, 'work');
  mkdirSync(work, { recursive: true });
  git(work, 'init', '-q');
  git(work, 'commit', '-q', '--allow-empty', '-m', 'one');
  git(work, 'update-server-info');
  const many = join(dir, 'many.git/info');
  mkdirSync(many, { recursive: true });
  writeFileSync(join(many, 'refs'), REFS.join(''));
}

/** Below /v1, on TLS: everything wants a token, and what is below `/renew/ID` rejects the first one that comes. */
export async function startProvider(t: ExecutionContext, dir: string): Promise<Provider> {
  const rejected = new Map<string, string>();
  const seen: { line: string; isNaked: boolean }[] = [];
  const server = https.createServer({ key: CERTIFICATE_KEY, cert: CERTIFICATE }, (req, res) => {
    const { pathname, search } = new URL(req.url ?? '', 'https://x');
    const token = req.headers.authorization ?? '';
    seen.push({ line: `${req.method} ${req.url}`, isNaked: !/^Bearer token-\d+$/.test(token) });
    const [, id, path = ''] = /^\/v1(?:\/renew\/([^/]+))?(\/.*)?$/.exec(pathname) ?? [];
    const [, repository, file = ''] = /^\/(one|many)\.git\/(.*)$/.exec(path) ?? [];
    const stored = join(dir, repository === 'one' ? 'work/.git' : 'many.git', file);
    if (id !== undefined && (rejected.get(id) ?? token) === token) {
      rejected.set(id, token);
      // Later than a token's cooldown.
      setTimeout(() => res.writeHead(401).end('expired'), 5);
    } else if (path === '/big') {
      Readable.from(Array<Buffer>(PIECES).fill(PIECE)).pipe(res);
    } else if (repository !== undefined) {
      if (existsSync(stored)) res.end(readFileSync(stored));
      else res.writeHead(404).end();
    } else if (req.method === 'POST') {
      req.pipe(res);
    } else {
      res.end(`got ${search}`);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, seen };
}
