import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../core/clock.ts';
import { OutriderError } from '../core/errors.ts';
import type { Journal, RecordedEvent } from '../core/journal.ts';
import type { EventStream } from './answer.ts';
import { eventData } from './entries.ts';

/** More readers are turned away. */
const MAX_READERS = 32;
/** What a reader has not taken is kept up to this; the pieces are the same ones for all readers. */
const MAX_BEHIND_BYTES = 256 * 1024;
/** A comment goes out this often, so that whoever stands between doesn't take silence for the end. */
const HEARTBEAT_MS = 15_000;
const HEARTBEAT = Buffer.from(':\n\n');

/** One event as Server-Sent Events has it (HTML, §9.2.5); JSON has no line breaks. */
const written = (name: string, data: object, id?: number): string =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

class Reader {
  readonly #response: ServerResponse;
  #lost = 0;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  /** Whether it has taken so much of what came before that it gets more. */
  get isAhead(): boolean {
    return this.#response.writableLength <= MAX_BEHIND_BYTES;
  }

  /** @param count How many events there are in it. */
  take(piece: Buffer, count: number): void {
    if (this.isAhead) this.#response.write(piece);
    else this.#lost += count;
  }

  /** @param more What is lost besides. */
  tellLost(more = 0): void {
    const count = this.#lost + more;
    this.#lost = 0;
    if (count > 0) this.#response.write(written('lost', { count }));
  }
}

export interface EventStreams {
  /** @param lastEventId What the reader had last. Throws `overloaded`. */
  stream(lastEventId: string | undefined): EventStream;
  close(): void;
}

/** What happens, as Server-Sent Events. Nobody waits for a reader: who is too far behind loses events, and is told how many. */
export function createEventStreams(journal: Journal, clock: Clock): EventStreams {
  const readers = new Set<Reader>();
  let stopListening: (() => void) | undefined;
  let timer: Timer | undefined;

  const tell = (events: readonly RecordedEvent[]): void => {
    // Where nobody takes it, nothing is written down.
    const isWanted = [...readers].some(({ isAhead }) => isAhead);
    const text = isWanted ? events.map((event) => written(event.kind, eventData(event), event.id)).join('') : '';
    const piece = Buffer.from(text);
    for (const reader of readers) reader.take(piece, events.length);
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
          // Those who are here already get what is told later than it happened; this one has it from the journal.
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
