import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'outrider-exec-';
/** A socket on which a run listens for as long as it lives, so that others can tell, in whatever container they are. */
const ALIVE = 'alive';

/** A directory for one run. */
export interface RunDir {
  readonly path: string;
  remove(): void;
}

const isOurs = (path: string): boolean => {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found !== undefined && found.isDirectory() && found.uid === process.getuid?.();
};

/** Whether there was a run that listened, and there is none any more. */
function isLeft(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path: join(path, ALIVE) });
    probe.once('connect', () => resolve((probe.destroy(), false)));
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}

/** Removes what runs left behind that were killed together with all that cleans up after them. */
export async function removeLeftDirs(parent = tmpdir()): Promise<void> {
  const paths = readdirSync(parent)
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => join(parent, name))
    .filter(isOurs);
  await Promise.all(
    paths.map(async (path) => {
      if (await isLeft(path)) rmSync(path, { recursive: true, force: true });
    }),
  );
}

/** Makes the directory of this run, which nobody else can look into. */
export async function makeRunDir(): Promise<RunDir> {
  await removeLeftDirs().catch(() => undefined);
  const path = mkdtempSync(join(tmpdir(), PREFIX));
  const server = createServer((socket) => socket.destroy()).unref();
  // Without it the directory is taken for that of a living run.
  server.on('error', () => undefined);
  server.listen(join(path, ALIVE));
  await Promise.race([once(server, 'listening'), once(server, 'error')]).catch(() => undefined);
  return {
    path,
    remove() {
      server.close();
      rmSync(path, { recursive: true, force: true });
    },
  };
}
