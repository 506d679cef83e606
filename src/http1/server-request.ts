import type { Socket } from 'node:net';
import type { Clock, Timer } from '../core/clock.ts';
import type { Http1Error } from './error.ts';
import type { RequestFraming } from './framing.ts';
import type { Fields, RequestHead } from './head.ts';
import { IncomingBody } from './incoming-body.ts';
import type { ReadScheduler } from './read-scheduler.ts';
import { chunkLine, headText, LAST_CHUNK } from './write.ts';

/** What a request needs of the connection on which it came. */
export interface RequestOwner<C> {
  readonly socket: Socket;
  readonly context: C;
  readonly isExcess: boolean;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  /** Whether another request, or the beginning of one, came behind this one. */
  readonly hasPending: boolean;
  readonly server: {
    readonly clock: Clock;
    readonly scheduler: ReadScheduler;
    readonly isClosing: boolean;
    readonly keepAliveFields: string;
  };
  /** Pauses or resumes reading, by how much of the body is held. */
  readonly adjustFlow: () => void;
  /** Drops the bytes that came behind the request. */
  dropPending(): void;
  /** From now on the connection carries the bytes of another protocol, beginning with those that have come already. */
  switchProtocols(): void;
  /** The request tells the connection that the kernel has the whole answer. */
  flushed(request: ServerRequest<C>): void;
}

/** Up to this length it is faster to write head and body as one string than as a string and a buffer. */
const JOINED_BYTES = 8 * 1024;
/**
 * After one side of a connection with switched protocols has closed, the other may stay silent for this long. The connection is
 * given up after one to two such intervals without a byte.
 */
export const HALF_OPEN_MS = 400;
/** The delay of TCP keep-alive probes. They find out a peer that is gone without closing. */
export const PROBE_MS = 60_000;

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const CLOSE = 'Connection: close\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n';

/** Whether an answer with `status` to `method` can have a body (RFC 9110 §6.4.1). */
export const mayHaveBody = (method: string, status: number): boolean =>
  method !== 'HEAD' && status !== 204 && status !== 304 && status >= 200;

function hasLength(fields: readonly string[]): boolean {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name.length === 14 && name.toLowerCase() === 'content-length') return true;
  }
  return false;
}

const latin1 = (bytes: Uint8Array): string =>
  (bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).toString('latin1');

/**
 * One request as it came, and the means to answer it. When it is handed on, the part of its body that came together with the
 * head is here already. `C` is the type of the note that its connection carries.
 */
export class ServerRequest<C> {
  readonly method: string;
  /** The request target as it stood in the request line. One character is one byte, here and in the fields. */
  readonly target: string;
  readonly minor: 0 | 1;
  readonly headers: Fields;
  /** Why nobody can tell where its body ends. Whoever gets such a request must refuse it. */
  readonly flaw: Http1Error | undefined;
  /** Whether it came, or began to, before the request in front of it was answered. */
  readonly isPipelined: boolean;
  readonly hasBody: boolean;
  /** The length of the body in bytes; -1 when chunked, 0 when there is none. */
  readonly contentLength: number;
  /** Whether the last byte of the request has been read. */
  isReceived: boolean;
  /** Whether the whole answer has been written. */
  isAnswered = false;
  /** Whether the kernel has the whole answer. */
  isFlushed = false;
  /** Whether the connection carries another protocol now. */
  isSwitched = false;
  /** Whether the answer itself tells where it ends. If not, it ends with the connection. */
  isDelimited = true;
  /** Whether the connection is kept after the answer. */
  persists: boolean;
  /** Whether no answer can be sent any more: one is out already, or the connection has closed. */
  isGone = false;
  /** How many bytes of the answer's body have been written so far. */
  bytesOut = 0;
  // Set these two to bound methods. V8 allocates a function literal that is assigned to a property in the old generation. There
  // it, and with it all of the request that it refers to, lives until a full collection.
  /** Called when `write` may go on, after it returned false. */
  onDrain: (() => void) | undefined;
  /** Called once: with true when the answer is out, with false when the connection closed before that. */
  onClose: ((isComplete: boolean) => void) | undefined;
  readonly #connection: RequestOwner<C>;
  #awaitsContinue: boolean;
  #body: IncomingBody | undefined;
  #isChunked = false;
  #hasHead = false;
  #isHandshake = false;
  #silence: Timer | undefined;
  #isDropped = false;

  constructor(
    connection: RequestOwner<C>,
    { method, target, minor, fields }: RequestHead,
    { framing, persists, expectsContinue }: RequestFraming,
    hasBody: boolean,
    flaw: Http1Error | undefined,
    isPipelined: boolean,
  ) {
    this.#connection = connection;
    this.method = method;
    this.target = target;
    this.minor = minor;
    this.headers = fields;
    this.flaw = flaw;
    this.isPipelined = isPipelined;
    this.persists = persists;
    this.hasBody = hasBody;
    this.contentLength = framing.kind === 'length' ? framing.bytes : hasBody ? -1 : 0;
    this.isReceived = !hasBody;
    this.#awaitsContinue = expectsContinue && hasBody;
    if (hasBody) this.#body = new IncomingBody(connection.adjustFlow);
  }

  /** The note that the connection carries from the one who added it. */
  get context(): C {
    return this.#connection.context;
  }

  /** Whether the connection is above the limit on connections. */
  get isExcess(): boolean {
    return this.#connection.isExcess;
  }

  /** The IP address of our side of the connection; undefined on a Unix socket. */
  get localAddress(): string | undefined {
    return this.#connection.localAddress;
  }

  get localPort(): number | undefined {
    return this.#connection.localPort;
  }

  /** The body while it arrives; undefined when the request has none. */
  get body(): IncomingBody | undefined {
    return this.#body;
  }

  /** Whether the caller may wait for a 100 before it sends the body. */
  get awaitsContinue(): boolean {
    return this.#awaitsContinue;
  }

  /** Resolves when everything that came together with the head has been read. */
  settle(): Promise<void> {
    return this.#connection.server.scheduler.afterReading();
  }

  /** Takes the whole body if it is complete, else returns undefined. Throws an `Http1Error` if the body broke. */
  takeWhole(): Uint8Array | undefined {
    return this.#body?.takeWhole();
  }

  /**
   * Yields the rest of the body. Rejects with an `Http1Error` when the body breaks, with another error when the caller goes.
   */
  pieces(): AsyncIterator<Uint8Array, undefined> {
    return (this.#body as IncomingBody).pieces();
  }

  /** The rest of what the caller sends is read and dropped: nobody takes it. */
  dropRest(): void {
    this.#isDropped = true;
    this.#body?.abandon();
  }

  /** Sends a 100 if the caller may wait for one. */
  sendContinue(): void {
    if (!this.#awaitsContinue || this.isGone) return;
    this.#awaitsContinue = false;
    if (!this.isReceived) this.#connection.socket.write(CONTINUE, 'latin1');
  }

  /** Makes the connection close after this answer. What came behind the request is dropped. */
  closeAfterAnswer(): void {
    this.persists = false;
    this.#connection.dropPending();
  }

  /** Prepares for a switch of protocols. What the caller sends until then is held back, and belongs to the new protocol. */
  expectSwitch(): void {
    this.#isHandshake = true;
    this.#body = new IncomingBody(this.#connection.adjustFlow);
  }

  /**
   * Sends a complete answer. `headers` may hold Content-Length; Connection and Transfer-Encoding are added here.
   * Throws an Error when an answer has begun already, and an `Http1Error` (`bad_field`) for a line break within a field.
   */
  answer(status: number, reason: string, headers: readonly string[], body: Uint8Array | string): void {
    if (this.isGone) return;
    const head = this.#head(status, reason, headers);
    const content = typeof body === 'string' ? Buffer.from(body) : body;
    const { socket } = this.#connection;
    if (!mayHaveBody(this.method, status) || content.length === 0) {
      this.#writeLast(this.#isChunked ? head + LAST_CHUNK : head);
      return;
    }
    this.bytesOut = content.length;
    const before = this.#isChunked ? head + chunkLine(content.length) : head;
    const behind = this.#isChunked ? `\r\n${LAST_CHUNK}` : '';
    if (content.length <= JOINED_BYTES) {
      this.#writeLast(before + latin1(content) + behind);
      return;
    }
    socket.cork();
    socket.write(before, 'latin1');
    socket.write(content);
    if (behind !== '') socket.write(behind, 'latin1');
    socket.uncork();
    this.#written();
  }

  /** Sends the head of an answer; `write` and `end` send the body. A 101 switches protocols. Throws like {@link answer}. */
  startAnswer(status: number, reason: string, headers: readonly string[]): void {
    if (this.isGone) return;
    if (status === 101) this.#switch(reason, headers);
    else this.#connection.socket.write(this.#head(status, reason, headers), 'latin1');
  }

  /** Sends a piece of the answer's body. Returns false when the next piece should wait for `onDrain`. */
  write(piece: Uint8Array): boolean {
    if (this.isGone || piece.length === 0) return true;
    this.bytesOut += piece.length;
    const { socket } = this.#connection;
    if (!this.#isChunked) return socket.write(piece);
    if (piece.length <= JOINED_BYTES) return socket.write(`${chunkLine(piece.length)}${latin1(piece)}\r\n`, 'latin1');
    socket.cork();
    socket.write(chunkLine(piece.length), 'latin1');
    socket.write(piece);
    const mayGoOn = socket.write('\r\n', 'latin1');
    socket.uncork();
    return mayGoOn;
  }

  /** Ends the answer's body. After a switch of protocols it closes our side. */
  end(): void {
    if (this.isGone) return;
    if (this.isSwitched) {
      this.isAnswered = true;
      this.#connection.socket.end();
      this.#watchSilence();
    } else if (this.#isChunked) this.#writeLast(LAST_CHUNK);
    else this.#written();
  }

  /** Breaks the connection, so that the caller can't take the answer for a complete one. */
  cut(): void {
    const { socket } = this.#connection;
    // When the body ends with the connection, only a reset shows that it is incomplete. Only plain TCP has resets.
    const isTcp = socket.remoteAddress !== undefined && !('encrypted' in socket);
    if (!this.isDelimited && isTcp) socket.resetAndDestroy();
    else socket.destroy();
  }

  /** Called by the connection when its socket takes more. */
  drained(): void {
    if (this.isAnswered) this.#flush();
    else this.onDrain?.();
  }

  /** Called by the connection when it has closed. */
  closed(): void {
    this.#silence?.cancel();
    const isComplete =
      this.isFlushed || (this.isSwitched && this.isAnswered && this.#connection.socket.writableFinished);
    this.#conclude(isComplete);
    this.#body?.fail(new Error('the caller is gone'));
  }

  #conclude(isComplete: boolean): void {
    this.isGone = true;
    const { onClose } = this;
    this.onClose = undefined;
    this.onDrain = undefined;
    onClose?.(isComplete);
  }

  #head(status: number, reason: string, headers: readonly string[]): string {
    if (this.#hasHead) throw new Error('the answer has begun already');
    this.#hasHead = true;
    const { server, hasPending } = this.#connection;
    const hasContent = mayHaveBody(this.method, status);
    const isLengthTold = !hasContent || hasLength(headers);
    this.#isChunked = !isLengthTold && this.minor === 1;
    this.isDelimited = isLengthTold || this.#isChunked;
    // The rest of the body may come too late, or not at all if the caller waits for a 100. Then the connection can't be kept,
    // and the caller has to know before it sends the next request. What came behind a handshake belongs to neither protocol.
    if (!this.isReceived || this.#isHandshake || !this.isDelimited) this.closeAfterAnswer();
    // Requests that came behind this one still get their answers.
    if (server.isClosing && !hasPending) this.closeAfterAnswer();
    const own = this.persists ? server.keepAliveFields : CLOSE;
    return headText(`HTTP/1.1 ${status} ${reason}`, headers, '', this.#isChunked ? CHUNKED + own : own);
  }

  #writeLast(text: string): void {
    this.#connection.socket.write(text, 'latin1');
    this.#written();
  }

  #written(): void {
    this.isAnswered = true;
    this.#flush();
  }

  /** Waits until the kernel has what was written. */
  #flush(): void {
    const { socket } = this.#connection;
    if (this.isFlushed || this.isGone) return;
    if (socket.writableLength === 0) this.#flushed();
    // Above the high-water mark `drain` will come. Below it, only the callback of a write tells.
    else if (!socket.writableNeedDrain) socket.write('', 'latin1', this.#onFlushed);
  }

  readonly #onFlushed = (error?: Error | null): void => {
    if (!error) this.#flush();
  };

  #flushed(): void {
    this.isFlushed = true;
    this.#conclude(true);
    this.#connection.flushed(this);
  }

  #switch(reason: string, headers: readonly string[]): void {
    this.#hasHead = true;
    this.isSwitched = true;
    this.persists = false;
    const { socket } = this.#connection;
    socket.setKeepAlive(true, PROBE_MS);
    // A 101 has no body, so it must carry no framing fields (RFC 9110 §8.6, RFC 9112 §6.1).
    const kept = headers.filter(
      (_, i) => !/^(?:content-length|transfer-encoding)$/i.test(headers[i - (i % 2)] as string),
    );
    socket.write(
      headText(`HTTP/1.1 101 ${reason}`, ['Connection', 'Upgrade', 'Upgrade', 'websocket', ...kept]),
      'latin1',
    );
    this.isReceived = false;
    this.#connection.switchProtocols();
  }

  /** Our side is done. Gives the connection up once the caller stays silent. */
  #watchSilence(): void {
    const { socket, server } = this.#connection;
    const { bytesRead } = socket;
    this.#silence = server.clock.after(HALF_OPEN_MS, () => {
      // A side that is slow to take what the other sent is not silent.
      const isStuck = !socket.writableFinished || (this.#body?.heldBytes ?? 0) > 0;
      const isHeard = socket.bytesRead !== bytesRead && !this.#isDropped;
      if (isHeard || isStuck) this.#watchSilence();
      else socket.destroy();
    });
  }
}
