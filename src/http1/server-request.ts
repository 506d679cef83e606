import type { Socket } from 'node:net';
import type { Clock, Timer } from '../core/clock.ts';
import type { Http1Error } from './error.ts';
import type { RequestFraming } from './framing.ts';
import type { Fields, RequestHead } from './head.ts';
import { IncomingBody } from './incoming-body.ts';
import type { ReadScheduler } from './read-scheduler.ts';
import { chunkLine, headText, LAST_CHUNK } from './write.ts';

/** What a request knows of the connection that it came on. */
export interface RequestOwner<C> {
  readonly socket: Socket;
  readonly context: C;
  readonly isExcess: boolean;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  /** Whether something came behind the request. */
  readonly hasPending: boolean;
  readonly server: {
    readonly clock: Clock;
    readonly scheduler: ReadScheduler;
    readonly isClosing: boolean;
    readonly keepAliveFields: string;
  };
  /** Reads on, or waits, as what is held of the body allows. */
  readonly adjustFlow: () => void;
  /** What came behind the request is looked at by nobody. */
  dropPending(): void;
  /** From now on bytes go both ways; those that have come already are the first. */
  switchProtocols(): void;
  /** The whole answer is with the kernel. */
  flushed(request: ServerRequest<C>): void;
}

/** Up to here one string is quicker on the wire than a head and a buffer. */
const JOINED_BYTES = 8 * 1024;
/** When one side of switched protocols is done, the other is given up after this long without a byte: between once and twice. */
export const HALF_OPEN_MS = 400;
/** So that a peer which is gone without a word is noticed some day. */
export const PROBE_MS = 60_000;

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const CLOSE = 'Connection: close\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n';

/** Whether an answer with that status to that method has a body (RFC 9110 §6.4.1). */
const mayHaveBody = (method: string, status: number): boolean =>
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
 * One request as it came, and the way to answer it. Of its body what came together with the head is here when it is handed on.
 * `C` is what whoever handed over the connection says of it.
 */
export class ServerRequest<C> {
  readonly method: string;
  /** As it stood in the request line. One character is one byte, here and in the fields. */
  readonly target: string;
  readonly minor: 0 | 1;
  readonly headers: Fields;
  /** Why it can't be understood: where its body ends nobody knows. Whoever gets it refuses it. */
  readonly flaw: Http1Error | undefined;
  /** It came, or began, before the request in front of it was answered. */
  readonly isPipelined: boolean;
  readonly hasBody: boolean;
  /** Of the body, in bytes; -1 when chunked, 0 when there is none. */
  readonly contentLength: number;
  /** Its last byte has been read. */
  isReceived: boolean;
  /** The whole answer has been written. */
  isAnswered = false;
  /** The whole answer is with the kernel. */
  isFlushed = false;
  /** Bytes of another protocol go both ways. */
  isSwitched = false;
  /** Whether the end of the answer is told by itself, and not by the end of the connection. */
  isDelimited = true;
  /** Whether the connection is used again behind the answer. */
  persists: boolean;
  /** Nobody can be answered any more. */
  isGone = false;
  /** Of the answer's body, handed over so far. */
  bytesOut = 0;
  // Whoever sets one binds it: V8 allocates a function that is written straight into a property among the old, where all that
  // it knows of the request outlives it until a full collection.
  onDrain: (() => void) | undefined;
  /** Called once: the answer is out (`true`), or the connection closed before that. */
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

  /** What was said of the connection when it was handed over. */
  get context(): C {
    return this.#connection.context;
  }

  /** The connection is one more than there may be. */
  get isExcess(): boolean {
    return this.#connection.isExcess;
  }

  /** The address on our side of the connection; undefined on a Unix socket. */
  get localAddress(): string | undefined {
    return this.#connection.localAddress;
  }

  get localPort(): number | undefined {
    return this.#connection.localPort;
  }

  /** What has come of its body; undefined where it has none. */
  get body(): IncomingBody | undefined {
    return this.#body;
  }

  /** Whether the body may be held back until we say 100. */
  get awaitsContinue(): boolean {
    return this.#awaitsContinue;
  }

  /** Resolves when whatever came together with the head has been read. */
  settle(): Promise<void> {
    return this.#connection.server.scheduler.afterReading();
  }

  /** The whole body if all of it is here already, else undefined. Throws an `Http1Error` if it is broken. */
  takeWhole(): Uint8Array | undefined {
    return this.#body?.takeWhole();
  }

  /** The rest of the body. Rejects with an `Http1Error` when it turns out broken, with any error when the caller goes. */
  pieces(): AsyncIterator<Uint8Array, undefined> {
    return (this.#body as IncomingBody).pieces();
  }

  /** Nobody takes the rest of what the caller sends: it is read and dropped. */
  dropRest(): void {
    this.#isDropped = true;
    this.#body?.abandon();
  }

  /** Says that the body may come, to a caller who waits for that. */
  sendContinue(): void {
    if (!this.#awaitsContinue || this.isGone) return;
    this.#awaitsContinue = false;
    if (!this.isReceived) this.#connection.socket.write(CONTINUE, 'latin1');
  }

  /** The connection closes behind this answer, and nothing that came behind the request is looked at. */
  closeAfterAnswer(): void {
    this.persists = false;
    this.#connection.dropPending();
  }

  /** From now on nothing but bytes of another protocol may come: those that do are held back until protocols are switched. */
  expectSwitch(): void {
    this.#isHandshake = true;
    this.#body = new IncomingBody(this.#connection.adjustFlow);
  }

  /** Sends head and body in one go. */
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

  /** Sends the head; the body follows through `write` and `end`. */
  startAnswer(status: number, reason: string, headers: readonly string[]): void {
    if (this.isGone) return;
    if (status === 101) this.#switch(reason, headers);
    else this.#connection.socket.write(this.#head(status, reason, headers), 'latin1');
  }

  /** False: wait for `onDrain`. */
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

  /** The answer's body is complete. */
  end(): void {
    if (this.isGone) return;
    if (this.isSwitched) {
      this.isAnswered = true;
      this.#connection.socket.end();
      this.#watchSilence();
    } else if (this.#isChunked) this.#writeLast(LAST_CHUNK);
    else this.#written();
  }

  /** Breaks the connection, so that the answer can't be taken for a whole one. */
  cut(): void {
    const { socket } = this.#connection;
    // Where the end of the connection is the end of the body, only a reset says that it is not; only plain TCP has one.
    const isTcp = socket.remoteAddress !== undefined && !('encrypted' in socket);
    if (!this.isDelimited && isTcp) socket.resetAndDestroy();
    else socket.destroy();
  }

  /** Called by the connection: it takes more. */
  drained(): void {
    if (this.isAnswered) this.#flush();
    else this.onDrain?.();
  }

  /** Called by the connection: it is closed. */
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
    // The rest of a body may come too late, or, where a 100 is waited for, not at all; who was told that the connection is kept
    // would send the next request to nobody. What came behind a handshake is of neither protocol.
    if (!this.isReceived || this.#isHandshake || !this.isDelimited) this.closeAfterAnswer();
    // The answers to requests that came behind this one still have to go out.
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

  /** Waits until what was written is with the kernel. */
  #flush(): void {
    const { socket } = this.#connection;
    if (this.isFlushed || this.isGone) return;
    if (socket.writableLength === 0) this.#flushed();
    // Else `drain` tells, where it will come; below the high-water mark only a write's own callback does.
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
    // What tells the end of a body has nothing to tell here, and may be misunderstood (RFC 9110 §8.6).
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

  /** We are done: the caller may not stay silent for long. */
  #watchSilence(): void {
    const { socket, server } = this.#connection;
    const { bytesRead } = socket;
    this.#silence = server.clock.after(HALF_OPEN_MS, () => {
      // Who is slow to take what the other has sent is not silent.
      const isStuck = !socket.writableFinished || (this.#body?.heldBytes ?? 0) > 0;
      const isHeard = socket.bytesRead !== bytesRead && !this.#isDropped;
      if (isHeard || isStuck) this.#watchSilence();
      else socket.destroy();
    });
  }
}
