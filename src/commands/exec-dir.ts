import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'outrider-exec-';
/** The name of a socket on which a run listens while it lives. Other runs can see that, even from another container. */
const ALIVE = 'alive';

/** The directory of one run. */
export interface RunDir {
  readonly path: string;
  remove(): void;
}

const isOurs = (path: string): boolean => {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found !== undefined && found.isDirectory() && found.uid === process.getuid?.();
};

/** Whether the directory is left over: its socket is there and nobody listens on it. */
function isLeft(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path: join(path, ALIVE) });
    probe.once('connect', () => resolve((probe.destroy(), false)));
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}

/** Removes the directories below `parent` of runs that were killed together with the process that cleans up. */
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

/** Makes a directory for this run that no other user can read. Removes left-over directories first. */
export async function makeRunDir(): Promise<RunDir> {
  await removeLeftDirs().catch(() => undefined);
  const path = mkdtempSync(join(tmpdir(), PREFIX));
  const server = createServer((socket) => socket.destroy()).unref();
  // If the socket can't be made, other runs take this one for living and leave its directory alone.
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
