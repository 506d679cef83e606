import test from 'ava';
import { createEvents } from '../../src/core/events.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { logNotices } from '../../src/observe/notices.ts';
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
        level: 'warn',
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
