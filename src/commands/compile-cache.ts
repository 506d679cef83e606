import { lstatSync, mkdirSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { userInfo } from 'node:os';
import { join } from 'node:path';

/**
 * The directory for a user's compiled code, which is made if need be. Undefined unless the user owns it and nobody else can
 * write to it: compiled code runs without a further check. Throws the system's error when it can't be made.
 */
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

/** Keeps compiled code on disk. The next start then takes half the time. */
export function keepCompiledCode(): void {
  // Coverage is less precise for code that was not compiled in the same run.
  if (process.env['NODE_V8_COVERAGE'] || process.platform === 'win32') return;
  try {
    // The home directory comes from the user database. Under sudo, the environment may name that of another user.
    const dir = compileCacheDir(userInfo());
    if (dir !== undefined) enableCompileCache(dir);
  } catch {
    // The file system is read-only, or the user has no home directory. Each start then compiles the code again.
  }
}
