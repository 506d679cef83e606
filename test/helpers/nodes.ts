import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const CACHE = join(import.meta.dirname, '../../node_modules/.cache/nodes');
const LIMIT_MS = 180_000;
const DEVELOPED_WITH = Number(process.versions.node.split('.')[0]);

/**
 * The program of the newest Node of a major version, installed through npm when it is not there yet; or why it can't be had: the
 * registry is out of reach, say.
 */
export function findNode(major: number): { readonly program: string } | { readonly missing: string } {
  if (major === DEVELOPED_WITH) return { program: process.execPath };
  const dir = join(CACHE, String(major));
  const program = join(dir, 'node_modules/node/bin/node');
  const isThere = (): boolean =>
    spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout?.startsWith(`v${major}.`);
  if (existsSync(program) && isThere()) return { program };
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'package.json'), '{ "private": true }');
  const args = ['install', '--no-audit', '--no-fund', `node@${major}`];
  const { stderr } = spawnSync('npm', args, { cwd: dir, encoding: 'utf8', timeout: LIMIT_MS });
  if (existsSync(program) && isThere()) return { program };
  rmSync(dir, { recursive: true, force: true });
  return { missing: `npm can't install node@${major}: ${stderr.match(/^npm error code (\S+)/m)?.[1] ?? 'no answer'}` };
}
