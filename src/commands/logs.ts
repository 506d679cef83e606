import type { EventData, RequestEntry, Requests } from '../admin/schemas.ts';
import { oneLine } from '../observe/line.ts';
import { callAdmin, followAdmin, printSilence } from './admin-client.ts';
import type { Context } from './output.ts';
import { printError, warn } from './output.ts';
import { paintOn, type Paint } from './paint.ts';
import type { AdminOptions } from './status.ts';

export interface LogsOptions extends AdminOptions {
  readonly route?: string | undefined;
  readonly caller?: string | undefined;
  /** The value of `--status`: `404`, `4xx`. */
  readonly status?: string | undefined;
  /** Whether to go on with what happens. */
  readonly follow: boolean;
}

/** How many requests the proxy keeps. */
const ALL = '1000';
/** How often it is said, at most, that events were lost. */
const LOST_MS = 1_000;

const colorOf = (status: number): Parameters<Paint>[0] =>
  status === 0 || status >= 500 ? 'red' : status >= 400 ? 'yellow' : 'green';

/** The time of day in the reader's time zone. */
function timeOfDay(time: string): string {
  const at = new Date(time);
  const two = (value: number): string => String(value).padStart(2, '0');
  const ms = String(at.getMilliseconds()).padStart(3, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${ms}`;
}

function lineOf(entry: RequestEntry, paint: Paint): string {
  const statuses = entry.attempts.map((attempt) => attempt.error ?? attempt.status).join(' → ');
  const notes = [
    entry.route ?? 'no route',
    entry.caller === null ? undefined : `caller=${entry.caller}`,
    entry.auth,
    entry.attempts.length > 1 ? `(${statuses})` : undefined,
    entry.code === null ? undefined : `${entry.code}${entry.outcome === null ? '' : `, ${entry.outcome}`}`,
    entry.replay_skipped === null ? undefined : `not replayed: ${entry.replay_skipped.reason}`,
    `${Math.round(entry.duration_ms)} ms`,
    `id=${entry.request_id}`,
  ].filter((note) => note !== undefined && note !== null);
  return [
    paint('gray', timeOfDay(entry.time)),
    paint(colorOf(entry.status), String(entry.status).padStart(3)),
    `${oneLine(entry.method)} ${oneLine(entry.path)}`,
    paint('gray', oneLine(notes.join('  '))),
  ].join('  ');
}

/** Whether an entry of the stream fits the options. The proxy filters past requests by the same rule. */
function fits(entry: RequestEntry, { route, caller, status }: LogsOptions): boolean {
  const wanted = status?.toLowerCase().replace('xx', '');
  return (
    (route === undefined || entry.route === route) &&
    (caller === undefined || entry.caller === caller) &&
    (wanted === undefined || String(entry.status).startsWith(wanted))
  );
}

/** `outrider logs`: prints the last requests of a running proxy, the newest last, and with `follow` what comes. Resolves with the exit code. */
export async function logs(context: Context, options: LogsOptions): Promise<number> {
  const { route, caller, status, follow } = options;
  const query = new URLSearchParams({
    limit: ALL,
    ...(route !== undefined && { route }),
    ...(caller !== undefined && { caller }),
    ...(status !== undefined && { status }),
  });
  const found = await callAdmin<Requests>(context, options.admin, 'GET', `/api/requests?${query.toString()}`);
  if (!found) return 1;
  const { paint } = paintOn(context);
  const print = (entry: RequestEntry): void =>
    void context.stdout.write(`${context.json ? JSON.stringify(entry) : lineOf(entry, paint)}\n`);
  const { target, body } = found;
  for (const entry of body.requests.toReversed()) print(entry);
  if (!follow) return 0;
  let isRead = true;
  const lost = { count: 0, toldMs: -Infinity };
  context.stdout.once('error', () => (isRead = false));
  try {
    for await (const { name, data } of followAdmin(target, body.last_id)) {
      if (!isRead) return 0;
      if (name === 'request' && fits(data as RequestEntry, options)) print(data as RequestEntry);
      if (name === 'lost') lost.count += (data as EventData['lost']).count;
      if (lost.count === 0 || performance.now() - lost.toldMs < LOST_MS) continue;
      warn(
        context,
        `${lost.count} events were lost`,
        'they came faster than they are told or read: an access log has them',
      );
      lost.count = 0;
      lost.toldMs = performance.now();
    }
  } catch (error) {
    return printSilence(context, target, error);
  }
  return printError(context, { code: 'not_running', message: `the proxy on ${target.shown} has ended` });
}
