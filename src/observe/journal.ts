import type { Clock, Timer } from '../core/clock.ts';
import type { Events, ExchangeRecord } from '../core/events.ts';
import type { Journal, Listener, RecordedEvent, RecordedRequest } from '../core/journal.ts';
import { TokenBucket } from '../core/token-bucket.ts';
import { callerTexts, MAX_PATH } from './caller-texts.ts';
import type { Redactor } from './redact.ts';
import { Ring } from './ring.ts';
import { subscribe } from './subscribe.ts';

export interface JournalOptions {
  readonly clock: Clock;
  readonly redactor: Redactor;
}

const MAX_REQUESTS = 1_000;
const MAX_REQUEST_BYTES = 2 * 1024 * 1024;
/** Listeners get events after this time, or when there are so many of them. */
const GATHER_MS = 50;
const MAX_GATHERED = 200;
/**
 * Of more requests than these in a second, listeners are told how many there were. Nobody reads so many, and under full load to tell
 * them all would take a tenth of the proxy's time.
 */
const MAX_TOLD_PER_SECOND = 1_000;
const MAX_RARE = 200;
const MAX_RARE_BYTES = 256 * 1024;
/** An estimate of a record without its texts. */
const RECORD_BYTES = 400;
const ATTEMPT_BYTES = 130;
const WAIT_BYTES = 60;

/** In V8 a text that was cut out of a longer one keeps the longer one in memory, unless it is shorter than this. */
const SHORT = 13;
const MAX_INTERNED = 1_000;

const scratch = Buffer.allocUnsafe(MAX_PATH);

/** Copies a text, so that it keeps no longer one in memory. Callers send strings of single bytes; only a cut text ends with another character. */
function copied(text: string): string {
  if (text.length < SHORT) return text;
  if (text.length > MAX_PATH) return Buffer.from(text).toString();
  return scratch.toString('latin1', 0, scratch.write(text, 'latin1'));
}

/** Makes a function that copies each of a few texts once. */
function createInterner(): (text: string | undefined) => string | undefined {
  const known = new Map<string, string>();
  return (text) => {
    if (text === undefined || text.length < SHORT) return text;
    const found = known.get(text);
    if (found !== undefined) return found;
    if (known.size >= MAX_INTERNED) known.clear();
    const own = copied(text);
    known.set(own, own);
    return own;
  };
}

/** Keeps the last requests, and the last of the rarer events. */
export function createJournal(events: Events, { clock, redactor }: JournalOptions): Journal {
  const firstId = Math.floor(clock.now()) * 1_000 + 1;
  let lastId = firstId - 1;
  const requests = new Ring<RecordedRequest>(MAX_REQUESTS, MAX_REQUEST_BYTES);
  const rare = new Ring<RecordedEvent>(MAX_RARE, MAX_RARE_BYTES);
  const interned = createInterner();
  const listeners = new Set<Listener>();
  let gathered: RecordedEvent[] = [];
  let leftOut = 0;
  /** Those that failed are counted apart, so that many that succeed hide none of them. */
  const paces = { succeeded: new TokenBucket(), failed: new TokenBucket() };
  let timer: Timer | undefined;

  /** Hides secrets in a text that will be cut. In all others they are hidden when somebody reads them, which costs requests nothing. */
  const redact = (text: string): string => {
    if (text.length <= MAX_PATH) return text;
    redactor.refresh();
    return redactor.text(text);
  };
  const hidden = <Event extends RecordedEvent>(event: Event): Event =>
    event.kind === 'request'
      ? { ...event, path: redactor.text(event.path), requestId: redactor.text(event.requestId) }
      : event;

  function tellGathered(): void {
    timer?.cancel();
    timer = undefined;
    redactor.refresh();
    const [told, lost] = [gathered.map(hidden), leftOut];
    gathered = [];
    leftOut = 0;
    for (const listener of listeners) listener(told, lost);
  }

  function tell(event: RecordedEvent): void {
    if (listeners.size === 0) return;
    if (isOneTooMany(event)) leftOut++;
    else gathered.push(event);
    if (gathered.length >= MAX_GATHERED) tellGathered();
    else timer ??= clock.after(GATHER_MS, tellGathered);
  }

  function isOneTooMany(event: RecordedEvent): boolean {
    if (event.kind !== 'request') return false;
    const hasFailed = event.code !== undefined || event.status === 0 || event.status >= 400;
    return paces[hasFailed ? 'failed' : 'succeeded'].take(MAX_TOLD_PER_SECOND, clock.monotonic()) > 0;
  }

  /** Forgets what nobody waits for any more. */
  function leave(listener: Listener): void {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    timer?.cancel();
    timer = undefined;
    gathered = [];
    leftOut = 0;
  }

  function keepRequest(record: ExchangeRecord): void {
    const texts = callerTexts(record, { redact });
    const request: RecordedRequest = {
      kind: 'request',
      id: ++lastId,
      atMs: clock.now(),
      requestId: copied(texts.id),
      traceId: record.traceId && copied(record.traceId),
      door: record.door,
      destination: record.destination,
      route: record.route,
      provider: record.provider,
      caller: record.caller,
      method: copied(record.method),
      path: copied(texts.path),
      status: record.status,
      code: record.code,
      outcome: record.outcome,
      auth: record.auth,
      upstream: interned(record.upstream),
      attempts: record.attempts,
      durationMs: record.durationMs,
      upstreamMs: record.upstreamMs,
      tokenWaitMs: record.tokenWaitMs,
      tokenWaits: record.tokenWaits,
      bytesIn: record.bytesIn,
      bytesOut: record.bytesOut,
      scrubbed: record.scrubbed,
      attemptDetails: record.attemptDetails,
      replaySkipped: record.replaySkipped,
      addedHeaders: record.addedHeaders,
    };
    const textBytes =
      2 * (request.path.length + request.requestId.length + request.method.length + (request.traceId ?? '').length);
    const listBytes = ATTEMPT_BYTES * request.attempts + WAIT_BYTES * request.tokenWaits.length;
    requests.push(request, RECORD_BYTES + textBytes + listBytes);
    tell(request);
  }

  function keepRare<Event extends RecordedEvent>(kind: Event['kind'], record: object): void {
    const event = { kind, id: ++lastId, atMs: clock.now(), record } as RecordedEvent;
    rare.push(event, RECORD_BYTES + 2 * JSON.stringify(record).length);
    tell(event);
  }

  const stop = subscribe(events, {
    exchange: keepRequest,
    renewal: (record) => {
      // The token before stays hidden, though it is no secret any more.
      redactor.refresh();
      keepRare('renewal', record);
    },
    reload: (record) => keepRare('reload', record),
    notice: (record) => {
      if (record.level !== 'debug') keepRare('notice', record);
    },
  });

  return {
    get lastId() {
      return lastId;
    },
    *requests() {
      redactor.refresh();
      for (const request of requests.newest()) yield hidden(request);
    },
    after(id) {
      const from = id >= firstId && id <= lastId ? id : firstId - 1;
      const missed: RecordedEvent[] = [];
      for (const ring of [requests, rare]) {
        for (const event of ring.newest()) {
          if (event.id <= from) break;
          missed.push(event);
        }
      }
      redactor.refresh();
      missed.sort((a, b) => a.id - b.id);
      return { events: missed.map(hidden), lost: lastId - from - missed.length };
    },
    listen(listener) {
      listeners.add(listener);
      return () => leave(listener);
    },
    flush() {
      if (timer) tellGathered();
    },
    close() {
      stop();
      timer?.cancel();
      listeners.clear();
    },
  };
}
