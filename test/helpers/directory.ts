import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';

/** An empty directory of the test's own, its path without symbolic links. It is removed at the test's end. */
export function temporaryDirectory(t: Pick<ExecutionContext, 'teardown'>): string {
  const directory = fs.mkdtempSync(path.join(fs.realpathSync(os.tmpdir()), 'outrider-'));
  t.teardown(() => fs.rmSync(directory, { recursive: true, force: true }));
  return directory;
}
