import { closeSync, constants, openSync } from 'node:fs';

/** Whether this process has a controlling terminal that is still there. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', constants.O_RDWR | constants.O_NOCTTY));
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes a function that tells whether the terminal of this process has been closed since. A process that neither reads from nor
 * writes to a terminal (`nohup`, a service, a container) has none to lose.
 */
export function watchTerminal({
  stdin,
  stdout,
  stderr,
}: Pick<NodeJS.Process, 'stdin' | 'stdout' | 'stderr'>): () => boolean {
  const hadOne = [stdin, stdout, stderr].some(({ isTTY }) => isTTY) && hasTerminal();
  return () => hadOne && !hasTerminal();
}
