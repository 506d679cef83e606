import { createHash } from 'node:crypto';
import { readFileSync, unwatchFile, watch, watchFile } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';

const SETTLE_MS = 100;
/** For file systems that report nothing (network shares, some container mounts). */
const POLL_MS = 2_000;

const digestOf = (file: string): string | undefined => {
  try {
    return createHash('sha256').update(readFileSync(file)).digest('base64');
  } catch {
    // It is being replaced, and will be seen again.
    return undefined;
  }
};

/**
 * Calls `onChange` when the contents of a file have changed and rested for a moment: written in place, replaced by another
 * (editors), or through a link that was turned (Kubernetes). Returns a function that stops the watching.
 */
export function watchContents(file: string, onChange: () => void): () => void {
  let last = digestOf(file);
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    const now = digestOf(file);
    if (now === undefined || now === last) return;
    last = now;
    onChange();
  };
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(look, SETTLE_MS).unref();
  };

  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(dirname(file), { persistent: false }, (_event, name) => {
      // A turned link has another name than the file.
      if (name === null || name === basename(file) || name.startsWith('..')) soon();
    });
    watcher.on('error', () => watcher?.close());
  } catch {
    // The polling below remains.
  }
  watchFile(file, { persistent: false, interval: POLL_MS }, soon);
  return () => {
    clearTimeout(timer);
    watcher?.close();
    unwatchFile(file, soon);
  };
}
