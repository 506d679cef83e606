import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../core/clock.ts';
import { OutriderError } from '../core/errors.ts';
import type { Journal, Listener } from '../core/journal.ts';
import type { EventStream } from './answer.ts';
import { eventData } from './entries.ts';

/** Further readers are refused. */
const MAX_READERS = 32;
/** The limit of what waits for a slow reader. All readers share the same buffers. */
const MAX_BEHIND_BYTES = 256 * 1024;
/** The interval of comments, which keep a proxy on the way from closing a silent connection. */
const HEARTBEAT_MS = 15_000;
const HEARTBEAT = Buffer.from(':\n\n');

/** Writes one event of the stream (HTML, §9.2.5). JSON has no line breaks, so its data is one line. */
const written = (name: string, data: object, id?: number): string =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

class Reader {
  readonly #response: ServerResponse;
  #lost = 0;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  /** Whether it has read enough to get more. */
  get isAhead(): boolean {
    return this.#response.writableLength <= MAX_BEHIND_BYTES;
  }

  /** Writes a piece, or counts its events as lost if the reader is too slow. */
  take(piece: Buffer, count: number): void {
    if (this.isAhead) this.#response.write(piece);
    else this.#lost += count;
  }

  /** Tells the reader how many events it has lost, with `more` that others lost for it. */
  tellLost(more = 0): void {
    const count = this.#lost + more;
    this.#lost = 0;
    if (count > 0) this.#response.write(written('lost', { count }));
  }
}

/** The open streams of one proxy. */
export interface EventStreams {
  /** Opens a stream. It begins after the event of `lastEventId`, as far as events are kept. Throws `overloaded`. */
  stream(lastEventId: string | undefined): EventStream;
  close(): void;
}

/** Makes streams of server-sent events. The proxy never waits for a reader: a slow one loses events, and is told how many. */
export function createEventStreams(journal: Journal, clock: Clock): EventStreams {
  const readers = new Set<Reader>();
  let stopListening: (() => void) | undefined;
  let timer: Timer | undefined;

  const tell: Listener = (events, lost) => {
    // Nothing is serialized when no reader takes it.
    const isWanted = [...readers].some(({ isAhead }) => isAhead);
    const told = isWanted ? events.map((event) => written(event.kind, eventData(event), event.id)) : [];
    if (lost > 0) told.push(written('lost', { count: lost }));
    const piece = Buffer.from(told.join(''));
    for (const reader of readers) reader.take(piece, events.length + lost);
  };

  function beat(): void {
    for (const reader of readers) reader.take(HEARTBEAT, 0);
    timer = clock.after(HEARTBEAT_MS, beat);
  }

  function enter(reader: Reader): void {
    readers.add(reader);
    stopListening ??= journal.listen(tell);
    timer ??= clock.after(HEARTBEAT_MS, beat);
  }

  function leave(reader: Reader): void {
    readers.delete(reader);
    if (readers.size > 0) return;
    stopListening?.();
    timer?.cancel();
    stopListening = timer = undefined;
  }

  return {
    stream(lastEventId) {
      if (readers.size >= MAX_READERS) {
        const detail = `${MAX_READERS} readers have this open already`;
        throw new OutriderError('overloaded', { detail, headers: ['Retry-After', '5'] });
      }
      return {
        open(response) {
          const reader = new Reader(response);
          response.write(HEARTBEAT);
          // Events that wait for the other readers go out first, since this one gets them from the journal.
          journal.flush();
          if (lastEventId !== undefined) {
            const { events, lost } = journal.after(Number(lastEventId));
            reader.tellLost(lost);
            for (const event of events) {
              response.write(written(event.kind, eventData(event), event.id));
            }
          }
          response.on('drain', () => reader.tellLost()).once('close', () => leave(reader));
          enter(reader);
        },
      };
    },
    close() {
      stopListening?.();
      timer?.cancel();
      readers.clear();
    },
  };
}
