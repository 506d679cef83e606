import test from 'ava';
import { createEvents } from '../../src/core/events.ts';
import { logExchanges } from '../../src/observe/access-log.ts';
import { createLogger } from '../../src/observe/logger.ts';
import type { LoggerOptions } from '../../src/observe/logger.ts';
import { fakeClock } from '../helpers/clock.ts';
import { capture, exchange } from './capture.ts';

function setUp(options: Partial<LoggerOptions> = {}) {
  const stream = capture();
  const events = createEvents();
  const logger = createLogger({
    level: 'info',
    format: 'json',
    stream,
    color: false,
    secretTexts: () => ['hunter-two-hunter'],
    clock: fakeClock(Date.UTC(2026, 0, 2)),
    ...options,
  });
  return { stream, events, logger, stop: logExchanges(events, logger) };
}

test('a request is one line with all its fields, in this spelling', async (t) => {
  const { stream, events, logger } = setUp();
  events.emit('exchange', exchange());
  await logger.close();
  t.deepEqual(stream.json(), [
    {
      time: '2026-01-02T00:00:00.000Z',
      level: 'info',
      message: 'request',
      request_id: 'req-1',
      route: 'phonepe',
      provider: 'phonepe',
      caller: null,
      method: 'POST',
      path: '/phonepe/checkout/v2/pay',
      status: 200,
      code: null,
      outcome: null,
      auth: 'injected',
      upstream: 'https://api.phonepe.com',
      attempts: 1,
      duration_ms: 12.346,
      upstream_ms: 11,
      token_wait_ms: 0,
      bytes_in: 500,
      bytes_out: 200,
    },
  ]);
});

test('a refused request has nulls where there was nothing', async (t) => {
  const { stream, events, logger } = setUp();
  const none = { route: undefined, provider: undefined, auth: undefined, upstream: undefined };
  events.emit(
    'exchange',
    exchange({ ...none, status: 404, code: 'route_not_found', outcome: 'not_sent', attempts: 0 }),
  );
  await logger.close();
  t.like(stream.json()[0], { route: null, provider: null, auth: null, upstream: null, code: 'route_not_found' });
});

test('the query is left out, and a secret in the path or the request id is hidden', async (t) => {
  const { stream, events, logger } = setUp();
  events.emit('exchange', exchange({ path: '/a/hunter-two-hunter/b?c=d', requestId: 'hunter-two-hunter' }));
  events.emit('exchange', exchange({ path: 'http://me:pass@word@a.test/b' }));
  await logger.close();
  t.like(stream.json()[0], { path: '/a/[redacted]/b', request_id: '[redacted]' });
  t.like(stream.json()[1], { path: 'http://[redacted]@a.test/b' });
});

test('a path cannot break out of its line', async (t) => {
  for (const format of ['json', 'pretty'] as const) {
    const { stream, events, logger } = setUp({ format });
    const path = '/a"}\n{"level":"error"\r\u001b[2J\u0085\u2028\\';
    events.emit('exchange', exchange({ path }));
    await logger.close();
    t.is(stream.lines().length, 1);
    // eslint-disable-next-line no-control-regex
    t.notRegex(stream.text().slice(0, -1), /[\x00-\x1f\x7f-\x9f\u2028]/);
    if (format === 'json') t.is(stream.json()[0]?.['path'], path);
  }
});

test('a very long path is cut', async (t) => {
  const { stream, events, logger } = setUp();
  events.emit('exchange', exchange({ path: `/${'a'.repeat(20_000)}` }));
  await logger.close();
  t.true(stream.text().length < 3_000);
});

test('durations keep three decimals, and odd ones do no harm', async (t) => {
  const { stream, events, logger } = setUp();
  for (const durationMs of [0.0004, 0.05, 7, 1_234.5, 59_999.9996, 1e12, -0.1, Number.NaN])
    events.emit('exchange', exchange({ durationMs }));
  await logger.close();
  t.deepEqual(
    stream.json().map((line) => line['duration_ms']),
    [0, 0.05, 7, 1_234.5, 60_000, 1e12, 0, 0],
  );
});

test('the pretty line tells the essentials', async (t) => {
  const { stream, events, logger } = setUp({ format: 'pretty' });
  events.emit('exchange', exchange({ attempts: 2, auth: 'replayed' }));
  await logger.close();
  t.is(
    stream.text(),
    '00:00:00.000 info  POST /phonepe/checkout/v2/pay 200 route=phonepe auth=replayed attempts=2 12 ms id=req-1\n',
  );
});

test('there are no access lines above level info, nor after the stop', async (t) => {
  const quiet = setUp({ level: 'warn' });
  t.is(quiet.events.listenerCount('exchange'), 0);
  const stopped = setUp();
  stopped.stop();
  stopped.events.emit('exchange', exchange());
  await stopped.logger.close();
  t.is(stopped.stream.text(), '');
});
