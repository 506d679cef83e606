import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../core/clock.ts';
import { headerValue, type RawHeaders } from '../core/headers.ts';
import type { Caller } from './caller.ts';
import type { Destination } from './destination.ts';
import type { Visitor } from './door.ts';

/** Sent before it may be passed on, or faster than it is taken: so much is held, and then no more is read. */
const HELD_BYTES = 64 * 1024;
/** When one side is done, the other is given up after this long without a byte: between once and twice. */
export const HALF_OPEN_MS = 400;
/** So that a peer which is gone without a word is noticed some day. */
export const PROBE_MS = 60_000;

const SWITCHED = ['Connection', 'Upgrade', 'Upgrade', 'websocket'];
/** What tells the end of a body. */
const FRAMING = /^(?:content-length|transfer-encoding)$/i;

const hasBody = (status: number): boolean => status >= 200 && status !== 204 && status !== 304;

function headOf(status: number, reason: string, headers: RawHeaders): string {
  let head = `HTTP/1.1 ${status} ${reason}\r\n`;
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return `${head}\r\n`;
}

/** What a request says before anybody answers it. */
export class Arrival implements Visitor {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly headers: RawHeaders;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly tunnel: Destination | undefined;

  constructor(
    { method = '', url = '', httpVersion, rawHeaders, socket }: IncomingMessage,
    tunnel: Destination | undefined,
  ) {
    this.method = method;
    this.target = url;
    this.version = httpVersion;
    this.headers = rawHeaders;
    this.localAddress = socket.localAddress;
    this.localPort = socket.localPort;
    this.tunnel = tunnel;
  }
}

/**
 * A caller with a WebSocket handshake, on a connection of which node:http has let go. After a 101 it is bytes both ways;
 * after any other answer it closes, and what was sent behind the handshake is looked at by nobody.
 */
export class SocketCaller extends Arrival implements Caller {
  readonly isHandshake = true;
  isGone = false;
  bytesOut = 0;
  onDrain: (() => void) | undefined;
  onClose: ((isComplete: boolean) => void) | undefined;

  readonly #socket: Socket;
  readonly #clock: Clock;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  /** Wakes who waits for bytes. */
  #wake: (() => void) | undefined;
  #state: 'waiting' | 'switched' | 'answering' | 'answered' = 'waiting';
  #isChunked = false;
  /** The caller sends no more. */
  #isRead = false;
  /** Nor do we. */
  #isWritten = false;
  #hasMoved = false;
  #timer: Timer | undefined;

  constructor(req: IncomingMessage, socket: Socket, head: Uint8Array, tunnel: Destination | undefined, clock: Clock) {
    super(req, tunnel);
    this.#socket = socket;
    this.#clock = clock;
    socket.setTimeout(0);
    socket
      .on('data', (chunk: Uint8Array) => this.#arrived(chunk))
      .on('drain', () => this.onDrain?.())
      .on('end', () => this.#ended())
      .on('error', () => socket.destroy())
      .on('close', () => this.#closed());
    if (head.length > 0) this.#arrived(head);
  }

  #arrived(chunk: Uint8Array): void {
    if (this.#state === 'answering' || this.#state === 'answered') return;
    this.#hasMoved = true;
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes >= HELD_BYTES) this.#socket.pause();
    this.#wake?.();
  }

  #ended(): void {
    this.#isRead = true;
    if (this.#state === 'waiting') this.#socket.destroy();
    else this.#wake?.();
  }

  #closed(): void {
    this.#timer?.cancel();
    this.#held = [];
    this.#conclude(this.#isWritten && this.#socket.writableFinished);
  }

  #conclude(isComplete: boolean): void {
    this.isGone = true;
    this.#wake?.();
    const { onClose } = this;
    this.onClose = undefined;
    onClose?.(isComplete);
  }

  /** We are done: the caller may not stay silent for long. */
  #watch(): void {
    this.#hasMoved = false;
    this.#timer = this.#clock.after(HALF_OPEN_MS, () => {
      // Who is slow to take what the other has sent is not silent.
      const isStuck = !this.#socket.writableFinished || this.#heldBytes > 0;
      if (this.#hasMoved || isStuck) this.#watch();
      else this.#socket.destroy();
    });
  }

  async settle(): Promise<void> {}

  takeWhole(): undefined {
    return undefined;
  }

  async *chunks(): AsyncGenerator<Uint8Array, undefined> {
    for (;;) {
      const chunk = this.#held.shift();
      if (chunk) {
        this.#heldBytes -= chunk.length;
        yield chunk;
      } else if (this.isGone) {
        throw new Error('the caller is gone');
      } else if (this.#isRead) {
        return undefined;
      } else {
        this.#socket.resume();
        await new Promise<void>((resolve) => (this.#wake = resolve));
        this.#wake = undefined;
      }
    }
  }

  sendContinue(): void {}

  answer(status: number, reason: string, headers: RawHeaders, body: Uint8Array | string): void {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    const isFramed = !hasBody(status) || headerValue(headers, 'content-length') !== undefined;
    this.startAnswer(status, reason, isFramed ? headers : [...headers, 'Content-Length', String(bytes.length)]);
    if (bytes.length > 0) this.write(bytes);
    this.end();
  }

  startAnswer(status: number, reason: string, headers: RawHeaders): void {
    if (this.isGone) return;
    if (status === 101) {
      this.#state = 'switched';
      this.#socket.setNoDelay(true).setKeepAlive(true, PROBE_MS);
      // What tells the end of a body has nothing to tell here, and may be misunderstood (RFC 9110 §8.6).
      const kept = headers.filter((_, i) => !FRAMING.test(headers[i - (i % 2)] as string));
      this.#socket.write(headOf(status, reason, [...SWITCHED, ...kept]), 'latin1');
      return;
    }
    this.#state = 'answering';
    this.#held = [];
    this.#heldBytes = 0;
    this.#isChunked = hasBody(status) && headerValue(headers, 'content-length') === undefined;
    const framing = this.#isChunked ? ['Transfer-Encoding', 'chunked'] : [];
    this.#socket.write(headOf(status, reason, [...headers, ...framing, 'Connection', 'close']), 'latin1');
    // Unread bytes would make a reset of the close, and lose the answer.
    this.#socket.resume();
  }

  write(chunk: Uint8Array): boolean {
    if (this.isGone) return true;
    this.bytesOut += chunk.length;
    if (!this.#isChunked) return this.#socket.write(chunk);
    this.#socket.write(`${chunk.length.toString(16)}\r\n`);
    this.#socket.write(chunk);
    return this.#socket.write('\r\n');
  }

  end(): void {
    if (this.isGone) return;
    this.#isWritten = true;
    if (this.#isChunked) this.#socket.write('0\r\n\r\n');
    if (this.#state === 'answering') {
      this.#state = 'answered';
      this.#socket.once('finish', () => this.#conclude(true));
    }
    this.#socket.end();
    this.#watch();
  }

  cut(): void {
    this.#socket.destroy();
  }

  closeAfterAnswer(): void {}
}
