import { isMainThread } from 'node:worker_threads';

const SHELL = '/bin/sh';

/**
 * A shell waits for every child that it gets, those that it never started among them. It hands its stdin on, since what a shell starts
 * in the background has none. A signal ends `wait` early, and then the status may be there already.
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
 * As the first process of a container this one inherits the processes whose parents have ended, and Node never waits for those. So a
 * shell takes its place and starts this program anew below it, passes signals on, and ends with its exit code. Returns where this is
 * any other process, or there is no shell.
 */
export function reapOrphans(): void {
  if (process.pid !== 1 || !isMainThread || process.channel || typeof process.execve !== 'function') return;
  const own = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  try {
    process.execve(SHELL, ['sh', '-c', INIT, 'outrider-init', ...own], process.env);
  } catch {
    // An image without a shell; what is inherited stays until the end.
  }
}
