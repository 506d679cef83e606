import { createHash } from 'node:crypto';
import { readFileSync, unwatchFile, watch, watchFile } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';

/** A change counts when no other event follows within this time. */
const SETTLE_MS = 100;
/** How often the file is looked at. Some file systems report no events: network shares, some container mounts. */
const POLL_MS = 2_000;

const digestOf = (file: string): string | undefined => {
  try {
    return createHash('sha256').update(readFileSync(file)).digest('base64');
  } catch {
    // The file is being replaced. Another event will follow.
    return undefined;
  }
};

/**
 * Calls `onChange` when the contents of a file have changed and rested for a moment. The file may be written in place, replaced
 * by another (editors), or reached through a link that changes (Kubernetes). Returns a function that ends the watch.
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
      // A link on the way to the file has another name than the file: Kubernetes begins such names with two dots.
      if (name === null || name === basename(file) || name.startsWith('..')) soon();
    });
    watcher.on('error', () => watcher?.close());
  } catch {
    // The directory can't be watched. The polling below still finds changes.
  }
  watchFile(file, { persistent: false, interval: POLL_MS }, soon);
  return () => {
    clearTimeout(timer);
    watcher?.close();
    unwatchFile(file, soon);
  };
}
