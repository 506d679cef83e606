import { randomUUID } from 'node:crypto';
import type { Stats } from 'node:fs';
import fs from 'node:fs/promises';
import path from 'node:path';
import { StoreRefusal } from './refusal.ts';

/** The permission bits of the group and of others. */
const OTHERS = 0o077;

/**
 * Creates the directory of a file store with mode 0700. If it exists, checks that everything in it belongs to this user alone.
 * Rejects with a {@link StoreRefusal}.
 */
export async function openDirectory(root: string): Promise<void> {
  try {
    await fs.mkdir(root, { recursive: true, mode: 0o700 });
    check(root, await fs.stat(root));
    for (const { name, parentPath } of await fs.readdir(root, { recursive: true, withFileTypes: true })) {
      const file = path.join(parentPath, name);
      const stats = await fs.lstat(file).catch(() => undefined);
      if (stats) check(file, stats);
    }
    await tryLink(root);
  } catch (error) {
    if (error instanceof StoreRefusal) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new StoreRefusal(
      'unusable_store',
      `the store's directory ${root} can't be used: ${code}`,
      'set `store.path` to a directory that this user may make or write to',
    );
  }
}

function check(file: string, stats: Stats): void {
  const { mode, uid } = stats;
  if (stats.isSymbolicLink()) {
    throw new StoreRefusal(
      'unsafe_store',
      `${file} is a symbolic link: what is written to the store would go where it leads`,
      `remove it with \`rm ${file}\`, and find out who put it there`,
    );
  }
  const us = process.geteuid?.();
  if (us !== undefined && uid !== us) {
    throw new StoreRefusal(
      'unsafe_store',
      `${file} belongs to another user, who can read the tokens in it`,
      `run \`chown -R ${us} ${file}\`, or set \`store.path\` to a directory that is not there yet: it is made`,
    );
  }
  if ((mode & OTHERS) !== 0) {
    throw new StoreRefusal(
      'unsafe_store',
      `${file} is open to other users (mode ${(mode & 0o7777).toString(8).padStart(4, '0')}): it holds tokens`,
      `run \`chmod -R go= ${file}\`, or set \`store.path\` to a directory that is not there yet: it is made`,
    );
  }
}

/** Checks that the file system has hard links; some have none. Compare-and-set depends on them. */
async function tryLink(root: string): Promise<void> {
  const file = path.join(root, `.${randomUUID()}`);
  await fs.writeFile(file, '', { mode: 0o600, flag: 'wx' });
  try {
    await fs.link(file, `${file}.link`);
  } catch (error) {
    throw new StoreRefusal(
      'unusable_store',
      `the file system of ${root} has no hard links (${(error as NodeJS.ErrnoException).code})`,
      'set `store.path` to a directory on another file system, or use `kind: redis`',
    );
  } finally {
    await Promise.all([file, `${file}.link`].map((name) => fs.rm(name, { force: true })));
  }
}
