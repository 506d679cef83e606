import net from 'node:net';
import { header, MessageReader } from './http1.ts';
import type { Framing, Head } from './http1.ts';

/** What became of one request. */
export interface Reply {
  /** 0: not even a head came. */
  readonly status: number;
  /** Name, value, … */
  readonly headers: readonly string[];
  readonly text: string;
  /** Whether all of the answer came. */
  readonly isWhole: boolean;
  /** Whether an earlier request had been answered on the same connection. */
  readonly isReused: boolean;
  /** Why it is not whole: the system's code, or what was wrong with the bytes. */
  readonly error: string | undefined;
}

export interface Asking {
  /** Goes before each piece but the first. */
  readonly pause?: () => Promise<void>;
  /** Breaks off before the piece of this number. */
  readonly pieces?: number;
  /** Breaks off when this resolves. */
  readonly until?: Promise<unknown>;
}

interface Waiting {
  head: Head | undefined;
  readonly parts: Buffer[];
  readonly isReused: boolean;
  readonly done: (reply: Reply) => void;
}

/**
 * A caller with one connection that it keeps as long as it may: it opens it when there is none, takes `Connection: close`
 * at its word, and sends one request at a time.
 */
export class KeepAliveCaller {
  readonly #port: number;
  #socket: net.Socket | undefined;
  #waiting: Waiting | undefined;
  #answers = 0;
  /** Connections opened so far. */
  connections = 0;
  /** Answers that said `Connection: close`. */
  closings = 0;
  /** Closes by the other side with nothing under way. */
  idleCloses = 0;
  /** What was wrong with bytes that came with nothing under way. */
  readonly surplus: string[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  /** Whether the next request goes over a connection that is there. */
  get isOpen(): boolean {
    return this.#socket !== undefined;
  }

  /** Sends a request in these pieces; what a caller who breaks off hears is not told. */
  async ask(pieces: readonly (Buffer | string)[], { pause, pieces: count, until }: Asking = {}): Promise<Reply> {
    const socket = (this.#socket ??= this.#connect());
    const { promise, resolve } = Promise.withResolvers<Reply>();
    const waiting: Waiting = { head: undefined, parts: [], isReused: this.#answers > 0, done: resolve };
    this.#waiting = waiting;
    void until?.then(() => {
      if (this.#waiting === waiting) this.breakOff();
    });
    for (const [i, piece] of pieces.entries()) {
      if (i > 0) await pause?.();
      if (i === count) this.breakOff();
      // An answer that comes early doesn't end the request.
      if (this.#socket !== socket) break;
      socket.write(piece);
    }
    return promise;
  }

  /** Closes by RST, whatever is under way. */
  breakOff(): void {
    this.#socket?.resetAndDestroy();
    this.#over('broken off');
  }

  /** Closes the connection, which should be idle. */
  close(): void {
    const socket = this.#socket;
    this.#over('closed');
    socket?.destroy();
  }

  #connect(): net.Socket {
    const socket = net.connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    this.connections += 1;
    this.#answers = 0;
    const isOurs = (): boolean => this.#socket === socket;
    const reader = new MessageReader({
      head: (head) => {
        if (!this.#waiting) throw new Error('an answer that nobody asked for');
        this.#waiting.head = head;
        return framingOf(head);
      },
      body: (bytes) => void this.#waiting?.parts.push(bytes),
      end: () => this.#answered(),
    });
    socket.on('data', (chunk: Buffer) => {
      if (!isOurs()) return;
      try {
        reader.push(chunk);
      } catch (error) {
        if (!this.#waiting) this.surplus.push(String(error));
        this.#over(String(error));
        socket.destroy();
      }
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (isOurs()) this.#over(error.code ?? String(error));
    });
    socket.on('end', () => {
      if (!isOurs()) return;
      reader.eof();
      if (!this.#waiting) this.idleCloses += 1;
      this.#over('closed in the middle');
    });
    return socket;
  }

  #answered(): void {
    const waiting = this.#waiting;
    if (!waiting?.head) return;
    this.#answers += 1;
    this.#waiting = undefined;
    if (header(waiting.head.headers, 'connection')?.toLowerCase() === 'close') {
      this.closings += 1;
      this.#socket?.end();
      this.#socket = undefined;
    }
    waiting.done(replyOf(waiting, undefined));
  }

  #over(error: string): void {
    this.#socket = undefined;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.done(replyOf(waiting, error));
  }
}

const replyOf = ({ head, parts, isReused }: Waiting, error: string | undefined): Reply => ({
  status: Number(head?.startLine.split(' ')[1] ?? 0),
  headers: head?.headers ?? [],
  text: Buffer.concat(parts).toString('utf8'),
  isWhole: error === undefined,
  isReused,
  error,
});

function framingOf({ startLine, headers }: Head): Framing {
  if (/^HTTP\/1\.1 (?:204|304)/.test(startLine)) return { length: 0 };
  if (!/^HTTP\/1\.1 [2-5]\d\d /.test(startLine)) throw new Error(`odd status line: ${startLine}`);
  if (header(headers, 'transfer-encoding') !== undefined) return 'chunked';
  const length = header(headers, 'content-length');
  return length === undefined ? 'close' : { length: Number(length) };
}
