import { spawnSync } from 'node:child_process';
import test, { type ExecutionContext } from 'ava';

/** Makes a process the first one of its own world, as a container does; undefined where that is not allowed. */
export const UNDER = [
  ['unshare', '-pf', '--mount-proc', '--kill-child'],
  ['unshare', '--user', '--map-root-user', '-pf', '--mount-proc', '--kill-child'],
].find(([command = '', ...args]) => spawnSync(command, [...args, 'true']).status === 0);

const REASON = 'skipped: no process may have a PID namespace of its own here';
/** Declares a test of the first process. It is skipped where there can be none. */
export const isolated = (title: string, body: (t: ExecutionContext) => void | Promise<void>): void => {
  if (UNDER) test.serial(title, body);
  else test.serial.skip(`${title} (${REASON})`, body);
};
