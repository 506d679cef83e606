import { type Clock, systemClock } from '../core/clock.ts';
import type { EventMap, Events } from '../core/events.ts';
import { oncePerInterval } from '../core/once-per-interval.ts';
import type { Logger } from './logger.ts';

type Listeners = { readonly [K in 'notice' | 'renewal' | 'replay' | 'replaySkipped']: (...args: EventMap[K]) => void };

/**
 * Logs everything but requests:
 * - notices, at their own level;
 * - renewals at level info. A failed one is at debug, because a notice reports it;
 * - replays at level info, or warn if the second answer was not good;
 * - skipped replays at level warn, each route and reason once per interval. One after a failed renewal is at info.
 * Returns a function that stops the log.
 */
export function logNotices(events: Events, logger: Logger, clock: Clock = systemClock): () => void {
  const isNews = oncePerInterval(clock);
  const listeners: Listeners = {
    notice: ({ level, message, fields }) => logger.log(level, message, fields),
    renewal: ({ provider, reason, outcome, durationMs, expiresAtMs, detail }) =>
      logger.log(outcome === 'ok' ? 'info' : 'debug', outcome === 'ok' ? 'token renewed' : 'token renewal failed', {
        provider,
        reason,
        outcome,
        duration_ms: Math.round(durationMs),
        ...(expiresAtMs === undefined ? {} : { expires_at: new Date(expiresAtMs) }),
        ...(detail === undefined ? {} : { detail }),
      }),
    replay: ({ route, status, outcome }) =>
      logger.log(outcome === 'ok' ? 'info' : 'warn', 'rejected request sent again', { route, status, outcome }),
    replaySkipped: ({ route, reason, requestId, detail }) => {
      if (!isNews(`${route} ${reason}`)) return;
      logger.log(reason === 'renewal_failed' ? 'info' : 'warn', 'rejected request not sent again', {
        route,
        reason,
        ...(requestId === undefined ? {} : { request_id: requestId }),
        ...(detail === undefined ? {} : { detail }),
      });
    },
  };
  events.on('notice', listeners.notice);
  events.on('renewal', listeners.renewal);
  events.on('replay', listeners.replay);
  events.on('replaySkipped', listeners.replaySkipped);
  return () => {
    events.off('notice', listeners.notice);
    events.off('renewal', listeners.renewal);
    events.off('replay', listeners.replay);
    events.off('replaySkipped', listeners.replaySkipped);
  };
}
