import { isMainThread } from 'node:worker_threads';

const SHELL = '/bin/sh';

/**
 * A shell reaps every child that it has, also those that it never started. It hands on its stdin, because a program that a shell
 * starts in the background has none. A signal ends `wait` early. The status of the program may be known by then.
 */
const INIT = `
exec 3<&0
for signal in TERM HUP INT QUIT USR1 USR2 WINCH; do trap "kill -$signal \\$pid 2>/dev/null" $signal; done
"$@" <&3 3<&- &
pid=$!
exec 3<&- </dev/null
while :; do
  wait $pid
  code=$?
  kill -0 $pid 2>/dev/null || break
done
wait $pid 2>/dev/null
last=$?
[ $last -eq 127 ] || code=$last
exit $code`;

/**
 * The first process of a container inherits the processes whose parents have ended, and Node never reaps them. So a shell takes
 * the place of this process. It starts this program again, passes signals on to it, and ends with its exit code. The function
 * returns only when this is not the first process, or when there is no shell.
 */
export function reapOrphans(): void {
  if (process.pid !== 1 || !isMainThread || process.channel || typeof process.execve !== 'function') return;
  const own = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  try {
    process.execve(SHELL, ['sh', '-c', INIT, 'outrider-init', ...own], process.env);
  } catch {
    // The image has no shell. Inherited processes stay until the container ends.
  }
}
