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
 * Tells, from now on, whether the terminal that this process reads from or writes to has been closed. Where it does neither
 * (`nohup`, a service, a container) there is none to lose.
 */
export function watchTerminal({
  stdin,
  stdout,
  stderr,
}: Pick<NodeJS.Process, 'stdin' | 'stdout' | 'stderr'>): () => boolean {
  const hadOne = [stdin, stdout, stderr].some(({ isTTY }) => isTTY) && hasTerminal();
  return () => hadOne && !hasTerminal();
}
