import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../core/clock.ts';
import { OutriderError } from '../core/errors.ts';
import { headerValue, type RawHeaders } from '../core/headers.ts';
import type { Caller } from './caller.ts';
import type { Destination } from './destination.ts';
import { ReceivedBody } from './received.ts';
import { afterReading } from './turns.ts';

/** What is shared by the requests of one connection. */
export interface Connection {
  /** Requests that are not answered yet, oldest first. */
  readonly callers: NodeCaller[];
  /** Nothing that still comes on it is looked at. */
  isRefused: boolean;
  /** Some request on it has been answered. */
  hasAnswered: boolean;
  /** How much had been read from it when no request was there; with more, one has begun. */
  bytesAtRest: number;
  /** We have closed our side of it. */
  isLeaving: boolean;
  /** `limits.headers` when it was opened. */
  readonly maxHeaders: number;
  /** It is one more than `limits.connections`. */
  readonly isExcess: boolean;
  /** Where the tunnel leads that it came out of. */
  readonly tunnel: Destination | undefined;
}

/** What callers know of the listener. */
export interface Premises {
  readonly clock: Clock;
  /** Whether every answer should say `Connection: close`. */
  readonly isClosing: boolean;
  /** Whether a connection that becomes idle is closed. */
  readonly isDraining: boolean;
}

/**
 * Node refuses bytes above 127 in a `Content-Disposition` that comes behind a `Content-Length`. The length may stand anywhere
 * (RFC 9110 §5.3), so it goes last.
 */
function lengthLast(headers: RawHeaders): RawHeaders {
  if (headerValue(headers, 'content-disposition') === undefined) return headers;
  const isLength = (_: string, i: number): boolean => headers[i - (i % 2)]?.toLowerCase() === 'content-length';
  return [...headers.filter((text, i) => !isLength(text, i)), ...headers.filter(isLength)];
}

/** How long a body that nobody wants is read on, so that the answer isn't lost in a reset. */
const LINGER_MS = 500;
/** Up to here one string is quicker on the wire than a head and a buffer. */
const JOINED_BYTES = 4096;

/** The bytes as a string of as many characters, without a Buffer made for it. */
const latin1 = (bytes: Uint8Array): string =>
  (Buffer.prototype as unknown as { latin1Slice: (start: number, end: number) => string }).latin1Slice.call(
    bytes,
    0,
    bytes.length,
  );

const isReason = (text: string): boolean => /^[\t\x20-\x7e\x80-\xff]*$/.test(text);

/** A caller on node:http. */
export class NodeCaller implements Caller {
  readonly method: string;
  readonly target: string;
  readonly headers: RawHeaders;
  isGone = false;
  bytesOut = 0;
  onDrain: (() => void) | undefined;
  onClose: ((isComplete: boolean) => void) | undefined;
  /** Called when all that came before it on the connection has been answered (RFC 9112 §9.3.2: unsafe requests one by one). */
  whenFirst: (() => void) | undefined;

  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #connection: Connection;
  readonly #premises: Premises;
  #awaitsContinue: boolean;
  #body: ReceivedBody | undefined;
  /** The answer is out while the body still comes: ends the wait for it. */
  #endLinger: (() => void) | undefined;

  constructor(
    req: IncomingMessage,
    res: ServerResponse,
    connection: Connection,
    awaitsContinue: boolean,
    premises: Premises,
  ) {
    this.#req = req;
    this.#res = res;
    this.#connection = connection;
    this.#awaitsContinue = awaitsContinue;
    this.#premises = premises;
    this.method = req.method as string;
    this.target = req.url as string;
    this.headers = req.rawHeaders;
    connection.callers.push(this);
    res.on('close', () => this.#closed());
  }

  get version(): string {
    return this.#req.httpVersion;
  }

  get tunnel(): Destination | undefined {
    return this.#connection.tunnel;
  }

  get localAddress(): string | undefined {
    return this.#req.socket.localAddress;
  }

  get localPort(): number | undefined {
    return this.#req.socket.localPort;
  }

  /** Whether the request's last byte has been read from the wire. */
  get isReceived(): boolean {
    return this.#req.complete;
  }

  #closed(): void {
    const isComplete = this.#res.writableFinished;
    this.isGone = true;
    const { callers } = this.#connection;
    callers.splice(callers.indexOf(this), 1);
    this.#connection.hasAnswered = true;
    this.#connection.bytesAtRest = this.#req.socket.bytesRead;
    this.#body?.abandon();
    this.#endLinger?.();
    const { onClose } = this;
    this.onClose = undefined;
    onClose?.(isComplete);
    // Told that the connection closes, the caller knows that nothing behind this was done, and may send it again.
    const next = isComplete && this.#res.shouldKeepAlive ? callers[0] : undefined;
    const begin = next?.whenFirst;
    if (next && begin) {
      next.whenFirst = undefined;
      begin();
    }
    if ((this.#connection.isRefused || this.#premises.isDraining) && callers.length === 0)
      this.#req.socket.destroySoon();
  }

  settle(): Promise<void> {
    return afterReading();
  }

  get #received(): ReceivedBody {
    return (this.#body ??= new ReceivedBody(this.#req));
  }

  takeWhole(): Uint8Array | undefined {
    const whole = this.#received.takeWhole();
    // Next to an upgrade, node:http overlooks a coding that it does not like (a tab behind it is enough), and the body with it.
    if (whole?.length === 0 && headerValue(this.headers, 'upgrade') !== undefined) {
      throw new OutriderError('bad_request', {
        detail: 'the body that came with Upgrade can not be read',
        close: true,
      });
    }
    return whole;
  }

  /** The body can't be understood: whoever reads it learns `error`. */
  breakBody(error: OutriderError): void {
    this.#received.break(error);
    this.#endLinger?.();
  }

  chunks(): AsyncGenerator<Uint8Array, undefined> {
    return this.#received.chunks();
  }

  sendContinue(): void {
    if (!this.#awaitsContinue) return;
    this.#awaitsContinue = false;
    this.#res.writeContinue();
  }

  /** Whether nothing behind this request is still to be answered. */
  #isLast(): boolean {
    const { callers } = this.#connection;
    return callers.length === 1 || !callers.some(({ whenFirst }) => whenFirst !== undefined);
  }

  #writeHead(status: number, reason: string, headers: RawHeaders): void {
    const res = this.#res;
    // Who still waits for a 100 may or may not send the body now: the connection can't be used again.
    if (this.#awaitsContinue) this.#connection.isRefused = true;
    // The answers to requests that came behind this one still have to go out.
    if ((this.#premises.isClosing || this.#connection.isRefused) && this.#isLast()) {
      this.#connection.isRefused = true;
      res.shouldKeepAlive = false;
    }
    res.sendDate = false;
    res.writeHead(status, isReason(reason) ? reason : '', lengthLast(headers) as string[]);
  }

  answer(status: number, reason: string, headers: RawHeaders, body: Uint8Array | string): void {
    if (this.isGone) return;
    this.#writeHead(status, reason, headers);
    this.bytesOut = this.#req.method === 'HEAD' ? 0 : typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    const isJoined = typeof body !== 'string' && body.length <= JOINED_BYTES;
    const content = isJoined ? latin1(body) : body;
    if (this.#req.complete) {
      this.#res.end(content, isJoined ? 'latin1' : 'utf8');
      return;
    }
    this.#res.write(content, isJoined ? 'latin1' : 'utf8');
    this.end();
  }

  startAnswer(status: number, reason: string, headers: RawHeaders): void {
    if (this.isGone) return;
    this.#writeHead(status, reason, headers);
    // Flushed by `flushHeaders` they would go out as UTF-8, and every byte above 127 in them as two.
    this.#res.write('', 'latin1');
    this.#res.on('drain', () => this.onDrain?.());
  }

  write(chunk: Uint8Array): boolean {
    if (this.isGone) return true;
    this.bytesOut += chunk.length;
    return this.#res.write(chunk);
  }

  end(): void {
    if (this.#req.complete || this.#body?.isBroken || this.#awaitsContinue || this.isGone) {
      this.#res.end();
      return;
    }
    // The caller has the whole answer already, and still sends: closing now would reset the connection under it.
    this.#received.abandon();
    const finish = (): void => {
      timer.cancel();
      this.#endLinger = undefined;
      if (!this.#req.complete) this.#connection.isRefused = true;
      this.#res.end();
    };
    const timer = this.#premises.clock.after(LINGER_MS, finish);
    this.#endLinger = finish;
    this.#req.removeAllListeners('readable').once('end', finish).resume();
  }

  cut(): void {
    const { socket } = this.#req;
    // Where the end of the connection is the end of the body, only a reset says that it is not; only plain TCP has one.
    const isTcp = socket.remoteAddress !== undefined && !('encrypted' in socket);
    if (this.#req.httpVersion === '1.0' && isTcp) socket.resetAndDestroy();
    else socket.destroy();
  }

  closeAfterAnswer(): void {
    this.#connection.isRefused = true;
    const { callers } = this.#connection;
    // What came behind something that we refuse to understand is not what it seems.
    for (let i = callers.indexOf(this) + 1; i < callers.length; i++) (callers[i] as NodeCaller).whenFirst = undefined;
    this.#res.shouldKeepAlive = false;
  }
}
