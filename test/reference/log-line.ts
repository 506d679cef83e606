import { createEvents } from '../../src/core/events.ts';
import { logExchanges } from '../../src/observe/access-log.ts';
import { createLogger } from '../../src/observe/logger.ts';
import { fakeClock } from '../helpers/clock.ts';
import { capture, exchange } from '../observe/capture.ts';

/** The line of one request, as the log has it. */
export async function accessLine(): Promise<string> {
  const stream = capture();
  const clock = fakeClock(Date.UTC(2026, 0, 2, 9, 30));
  const events = createEvents();
  const logger = createLogger({ level: 'info', format: 'json', stream, color: false, secretTexts: () => [], clock });
  const stop = logExchanges(events, logger);
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  events.emit(
    'exchange',
    exchange({ auth: 'replayed', attempts: 2, requestId: '5f0c6e1d2a34-7', scrubbed: 1, traceId }),
  );
  await logger.close();
  stop();
  return stream.text();
}
