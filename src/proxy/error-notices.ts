import type { Clock } from '../core/clock.ts';
import type { OutriderError } from '../core/errors.ts';
import type { Events } from '../core/events.ts';
import { oncePerInterval } from '../core/once-per-interval.ts';

/**
 * Returns a function that reports an error to the operator as a notice with its cause: once in ten seconds for the same error.
 */
export function createErrorNotices(events: Events, clock: Clock) {
  const isNews = oncePerInterval(clock);
  return (error: OutriderError, requestId: string, route: string | undefined): void => {
    if (!isNews(`${route ?? ''} ${error.code} ${error.detail}`)) return;
    events.emit('notice', {
      level: error.code === 'internal_error' ? 'error' : 'warn',
      message: error.detail,
      fields: { request_id: requestId, route, code: error.code, cause: error.cause },
    });
  };
}

/** Reports each provider that sends secrets of its requests back: once in ten seconds. */
export function reportEchoes(events: Events, clock: Clock): void {
  const isNews = oncePerInterval(clock);
  events.on('exchange', ({ scrubbed, provider, route, requestId }) => {
    if (scrubbed === 0 || !isNews(provider ?? '')) return;
    events.emit('notice', {
      level: 'warn',
      message: 'the provider sent back a secret of the request: it was overwritten in the answer',
      fields: { provider, route, request_id: requestId },
    });
  });
}

/**
 * Returns a function that reports a body which could not be spooled: once in ten seconds for the same error code of the system.
 */
export function createSpoolNotices(events: Events, clock: Clock) {
  const isNews = oncePerInterval(clock);
  return (cause: unknown): void => {
    const { code = 'unknown' } = cause as NodeJS.ErrnoException;
    if (!isNews(code)) return;
    const message = `a request body could not be kept in \`replay.dir\` (${code}): it is not sent again if its token is rejected`;
    events.emit('notice', { level: 'warn', message, fields: { cause } });
  };
}
