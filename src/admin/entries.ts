import { originOfDestination } from '../core/authority.ts';
import type { AttemptDetail, TokenWait } from '../core/events.ts';
import type { RecordedEvent, RecordedRequest } from '../core/journal.ts';
import type { EventData, RequestEntry } from './schemas.ts';

/** Writes a time in RFC 3339, in UTC. */
export const isoTime = (ms: number): string => new Date(ms).toISOString();

/** Rounds to a thousandth of a millisecond. Further digits say nothing. */
const rounded = (ms: number): number => Math.round(Math.max(ms, 0) * 1_000) / 1_000;
const roundedOrNull = (ms: number | undefined): number | null => (ms === undefined ? null : rounded(ms));

const attempt = ({
  status,
  error,
  credential,
  generation,
  ...times
}: AttemptDetail): RequestEntry['attempts'][number] => ({
  status,
  error: error ?? null,
  credential: credential ?? null,
  generation,
  start_ms: rounded(times.startMs),
  connect_ms: roundedOrNull(times.connectMs),
  send_ms: roundedOrNull(times.sendMs),
  wait_ms: roundedOrNull(times.waitMs),
  receive_ms: roundedOrNull(times.receiveMs),
});

const wait = ({ startMs, durationMs }: TokenWait): RequestEntry['token_waits'][number] => ({
  start_ms: rounded(startMs),
  duration_ms: rounded(durationMs),
});

/** Makes the entry of a request in the API. */
export const requestEntry = (request: RecordedRequest): RequestEntry => ({
  id: request.id,
  time: isoTime(request.atMs),
  request_id: request.requestId,
  trace_id: request.traceId ?? null,
  door: request.door ?? null,
  destination: request.destination ? originOfDestination(request.destination) : null,
  route: request.route ?? null,
  provider: request.provider ?? null,
  caller: request.caller ?? null,
  method: request.method,
  path: request.path,
  status: request.status,
  code: request.code ?? null,
  outcome: request.outcome ?? null,
  auth: request.auth ?? null,
  upstream: request.upstream ?? null,
  attempts: request.attemptDetails.map(attempt),
  replay_skipped: request.replaySkipped
    ? { reason: request.replaySkipped.reason, detail: request.replaySkipped.detail ?? null }
    : null,
  added_headers: request.addedHeaders,
  duration_ms: rounded(request.durationMs),
  upstream_ms: rounded(request.upstreamMs),
  token_wait_ms: rounded(request.tokenWaitMs),
  token_waits: request.tokenWaits.map(wait),
  bytes_in: request.bytesIn,
  bytes_out: request.bytesOut,
  scrubbed: request.scrubbed,
});

type Told = Exclude<RecordedEvent['kind'], 'request'>;

const RARE: {
  readonly [Kind in Told]: (event: Extract<RecordedEvent, { readonly kind: Kind }>) => EventData[Kind];
} = {
  renewal: ({ atMs, record: { provider, reason, outcome, durationMs, expiresAtMs, detail } }) => ({
    time: isoTime(atMs),
    provider,
    reason,
    outcome,
    duration_ms: rounded(durationMs),
    expires_at: expiresAtMs === undefined ? null : isoTime(expiresAtMs),
    detail: detail ?? null,
  }),
  notice: ({ atMs, record: { level, message, fields = {} } }) => ({
    time: isoTime(atMs),
    // The journal keeps no messages of level debug.
    level: level === 'debug' ? 'info' : level,
    message,
    fields: { ...fields },
  }),
  reload: ({ atMs, record: { outcome, detail } }) => ({ time: isoTime(atMs), outcome, detail: detail ?? null }),
};

/** Makes the data of an event in the API. */
export const eventData = (event: RecordedEvent): object =>
  event.kind === 'request' ? requestEntry(event) : RARE[event.kind](event as never);
