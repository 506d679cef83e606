import { lstatSync, mkdirSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { userInfo } from 'node:os';
import { join } from 'node:path';

/** Where a user's compiled code may lie; undefined unless that is the user's alone: compiled code is trusted. */
export function compileCacheDir({
  homedir,
  uid,
}: {
  readonly homedir: string;
  readonly uid: number;
}): string | undefined {
  const dir = join(homedir, '.cache', 'outrider');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const stat = lstatSync(dir);
  const isOurs = stat.isDirectory() && stat.uid === uid && (stat.mode & 0o022) === 0;
  return isOurs ? dir : undefined;
}

/** Keeps compiled code for the next start, which then takes half the time. */
export function keepCompiledCode(): void {
  // Coverage is less precise in code that was not compiled in the same run.
  if (process.env['NODE_V8_COVERAGE'] || process.platform === 'win32') return;
  try {
    // The user database is asked, not the environment, which may be somebody else's below sudo.
    const dir = compileCacheDir(userInfo());
    if (dir !== undefined) enableCompileCache(dir);
  } catch {
    // A read-only file system, or a user without a home: each start compiles anew.
  }
}
