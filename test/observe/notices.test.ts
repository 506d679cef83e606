import test from 'ava';
import { createEvents, type ReplaySkipReason } from '../../src/core/events.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { logNotices } from '../../src/observe/notices.ts';
import { fakeClock } from '../helpers/clock.ts';
import { capture } from './capture.ts';

test('notices, renewals and replays become log lines at a fitting level', async (t) => {
  const stream = capture();
  const events = createEvents();
  const logger = createLogger({ level: 'debug', format: 'json', stream, secretTexts: () => ['hunter-two-hunter'] });
  const stop = logNotices(events, logger);
  events.emit('notice', {
    level: 'error',
    message: 'reload failed',
    fields: { token: 'abc', detail: 'hunter-two-hunter' },
  });
  events.emit('renewal', { provider: 'p', reason: 'cold', outcome: 'ok', durationMs: 12.6, expiresAtMs: 0 });
  events.emit('renewal', { provider: 'p', reason: 'rejected', outcome: 'failed', durationMs: 1, detail: 'refused' });
  events.emit('replay', { route: 'r', status: 412, outcome: 'ok' });
  events.emit('replay', { route: 'r', status: 401, outcome: 'rejected' });
  events.emit('replaySkipped', { route: 'r', reason: 'cooldown' });
  stop();
  events.emit('replaySkipped', { route: 'r', reason: 'cooldown' });
  await logger.close();
  t.deepEqual(
    stream.json().map(({ time, ...line }) => (time === undefined ? {} : line)),
    [
      { level: 'error', message: 'reload failed', token: '[redacted]', detail: '[redacted]' },
      {
        level: 'info',
        message: 'token renewed',
        provider: 'p',
        reason: 'cold',
        outcome: 'ok',
        duration_ms: 13,
        expires_at: '1970-01-01T00:00:00.000Z',
      },
      {
        level: 'debug',
        message: 'token renewal failed',
        provider: 'p',
        reason: 'rejected',
        outcome: 'failed',
        duration_ms: 1,
        detail: 'refused',
      },
      { level: 'info', message: 'rejected request sent again', route: 'r', status: 412, outcome: 'ok' },
      { level: 'warn', message: 'rejected request sent again', route: 'r', status: 401, outcome: 'rejected' },
      { level: 'warn', message: 'rejected request not sent again', route: 'r', reason: 'cooldown' },
    ],
  );
});

test('requests that are not sent again are one line for each route and reason in ten seconds, with the first of them', async (t) => {
  const stream = capture();
  const clock = fakeClock();
  const events = createEvents();
  const logger = createLogger({ level: 'debug', format: 'json', stream, secretTexts: () => [] });
  logNotices(events, logger, clock);
  const skip = (route: string, reason: ReplaySkipReason, requestId: string): unknown =>
    events.emit('replaySkipped', { route, reason, requestId, detail: `why: ${reason}` });
  skip('r', 'cooldown', '1');
  skip('r', 'cooldown', '2');
  skip('r', 'renewal_failed', '3');
  skip('s', 'cooldown', '4');
  await clock.advance(9_999);
  skip('r', 'cooldown', '5');
  await clock.advance(1);
  skip('r', 'cooldown', '6');
  await logger.close();
  t.deepEqual(
    stream.json().map(({ level, route, reason, request_id: id, detail }) => [level, route, reason, id, detail]),
    [
      ['warn', 'r', 'cooldown', '1', 'why: cooldown'],
      ['info', 'r', 'renewal_failed', '3', 'why: renewal_failed'],
      ['warn', 's', 'cooldown', '4', 'why: cooldown'],
      ['warn', 'r', 'cooldown', '6', 'why: cooldown'],
    ],
  );
});
