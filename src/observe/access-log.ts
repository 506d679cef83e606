import type { Events, ExchangeRecord } from '../core/events.ts';
import { callerTexts } from './caller-texts.ts';
import { decimalMs, oneLine, quote } from './line.ts';
import { paint, prettyHead } from './logger.ts';
import type { Logger } from './logger.ts';

const MAX_CACHED = 20_000;

/** Quotes texts that have few values, and caches the results: names of routes and providers, methods, codes, origins. */
function createQuotes(): (text: string | undefined) => string {
  const cache = new Map<string, string>();
  return (text) => {
    if (text === undefined) return 'null';
    let quoted = cache.get(text);
    if (quoted === undefined) {
      if (cache.size >= MAX_CACHED) cache.clear();
      quoted = quote(text);
      cache.set(text, quoted);
    }
    return quoted;
  };
}

// The line is built by hand, because JSON.stringify on an object with these fields takes a third longer.
function jsonLine(record: ExchangeRecord, logger: Logger, name: (text: string | undefined) => string): string {
  const { id, path } = callerTexts(record, logger);
  return (
    `{"time":"${logger.time()}","level":"info","message":"request","request_id":${quote(id)}` +
    `,"route":${name(record.route)},"provider":${name(record.provider)},"caller":${name(record.caller)}` +
    `,"method":${name(record.method)}` +
    `,"path":${quote(path)},"status":${record.status},"code":${name(record.code)}` +
    `,"outcome":${name(record.outcome)},"auth":${name(record.auth)},"upstream":${name(record.upstream)}` +
    `,"attempts":${record.attempts},"duration_ms":${decimalMs(record.durationMs)}` +
    `,"upstream_ms":${decimalMs(record.upstreamMs)},"token_wait_ms":${decimalMs(record.tokenWaitMs)}` +
    `,"bytes_in":${record.bytesIn},"bytes_out":${record.bytesOut}` +
    (record.scrubbed === 0 ? '' : `,"scrubbed":${record.scrubbed}`) +
    (record.traceId === undefined ? '}' : `,"trace_id":"${record.traceId}"}`)
  );
}

function prettyLine(record: ExchangeRecord, logger: Logger): string {
  const { color } = logger;
  const { id, path } = callerTexts(record, logger);
  const { status } = record;
  const statusColor = status === 0 || status >= 500 ? '31' : status >= 400 ? '33' : '32';
  const notes = [
    record.route === undefined ? undefined : `route=${record.route}`,
    record.caller === undefined ? undefined : `caller=${record.caller}`,
    record.code === undefined ? undefined : `code=${record.code}`,
    record.outcome === undefined ? undefined : `outcome=${record.outcome}`,
    record.auth === undefined ? undefined : `auth=${record.auth}`,
    record.attempts > 1 ? `attempts=${record.attempts}` : undefined,
    record.scrubbed > 0 ? `scrubbed=${record.scrubbed}` : undefined,
    `${Math.round(record.durationMs)} ms`,
    `id=${id}`,
    record.traceId === undefined ? undefined : `trace=${record.traceId}`,
  ].filter((note) => note !== undefined);
  return (
    prettyHead(logger.time(), 'info', color) +
    `${oneLine(record.method)} ${oneLine(path)} ${paint(statusColor, String(status), color)} ` +
    paint('90', oneLine(notes.join(' ')), color)
  );
}

/**
 * Logs each request when it has ended, as one line at level info: `request_id`, `route`, `provider`, `caller`, `method`, `path`
 * (without query), `status` (0: the caller got no answer), `code`, `outcome`, `auth`, `upstream`, `attempts`, `duration_ms`,
 * `upstream_ms`, `token_wait_ms`, `bytes_in`, `bytes_out`. A field without a value is null. Where secrets were
 * overwritten there is `scrubbed` too, and while tracing is on `trace_id`. Returns a function that stops the log.
 */
export function logExchanges(events: Events, logger: Logger): () => void {
  if (!logger.isEnabled('info')) return () => {};
  const name = createQuotes();
  const listener =
    logger.format === 'json'
      ? (record: ExchangeRecord): void => logger.line(jsonLine(record, logger, name))
      : (record: ExchangeRecord): void => logger.line(prettyLine(record, logger));
  events.on('exchange', listener);
  return () => void events.off('exchange', listener);
}
