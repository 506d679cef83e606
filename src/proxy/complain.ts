import type { Clock } from '../core/clock.ts';
import type { OutriderError } from '../core/errors.ts';
import type { Events } from '../core/events.ts';

/** The same trouble of the same route is told once in this time: an outage is one line, not one for each request. */
const QUIET_MS = 10_000;

/** Makes notices of errors that have a cause; what the caller is told, the access log has anyway. */
export function createComplaints(events: Events, clock: Clock) {
  const toldAtMs = new Map<string, number>();
  return (error: OutriderError, requestId: string, route: string | undefined): void => {
    const key = `${route ?? ''} ${error.code} ${error.detail}`;
    const now = clock.monotonic();
    if (now - (toldAtMs.get(key) ?? -Infinity) < QUIET_MS) return;
    if (toldAtMs.size > 1_000) toldAtMs.clear();
    toldAtMs.set(key, now);
    events.emit('notice', {
      level: error.code === 'internal_error' ? 'error' : 'warn',
      message: error.detail,
      fields: { request_id: requestId, route, code: error.code, cause: error.cause },
    });
  };
}
