import type { Socket } from 'node:net';
import type { Clock, Timer } from '../core/clock.ts';
import { bodyDecoder, type BodyDecoder } from './body-decoder.ts';
import { ByteQueue } from './byte-queue.ts';
import { Http1Error } from './error.ts';
import { requestFraming, UNKNOWN_FRAMING } from './framing.ts';
import { HeadReader, type RequestHead, type RequestLimits } from './head.ts';
import { lingeringClose } from './lingering-close.ts';
import type { ReadScheduler } from './read-scheduler.ts';
import { ServerRequest, type RequestOwner } from './server-request.ts';

/** The limits of a server. A reload may change them. */
export interface ServerLimits extends RequestLimits {
  /** The largest trailer section of a chunked body, from behind the last chunk up to and including the blank line. */
  readonly trailerBytes: number;
  /** The most connections at the same time. A connection above that gets one answer and is closed. */
  readonly connections: number;
  /** How long an unused connection is kept open, in milliseconds. */
  readonly keepAliveMs: number;
  /** How long a caller may neither send the rest of a body nor take the answer, in milliseconds. */
  readonly callerMs: number;
}

/** A CONNECT. Its socket, and the bytes `behind` its head, belong to whoever gets it. */
export interface HandedOver<C> {
  readonly head: RequestHead;
  readonly socket: Socket;
  readonly behind: Buffer;
  readonly context: C;
  /** Whether its connection is above the limit on connections. */
  readonly isExcess: boolean;
}

/** A request head that can't be read, or did not come in time. */
export interface RefusedHead<C> {
  readonly error: Http1Error;
  /** What could be read of it; '' for what is missing. */
  readonly partial: RequestHead;
  /**
   * Whether it came, or began to, before the request in front of it was answered. The caller could take an answer to it for the
   * answer to that one.
   */
  readonly isPipelined: boolean;
  readonly context: C;
  /** Whether its connection is above the limit on connections. */
  readonly isExcess: boolean;
}

/**
 * What the connections of one server share. `C` is the type of the note that each connection carries from the one who added it.
 */
export interface ServerContext<C> {
  readonly clock: Clock;
  readonly scheduler: ReadScheduler;
  readonly limits: ServerLimits;
  /** Whether answers say `Connection: close`. */
  readonly isClosing: boolean;
  /** Whether a connection that becomes idle is closed. */
  readonly isDraining: boolean;
  /** The lines `Connection: keep-alive` and `Keep-Alive`, for the answers of a connection that is kept. */
  readonly keepAliveFields: string;
  /** Takes a request, and answers it sooner or later. */
  handle(request: ServerRequest<C>): void;
  /** Takes a CONNECT, with its socket. */
  connect(handedOver: HandedOver<C>): void;
  /** Returns the answer to a head that can't be read, as bytes; undefined: no answer. */
  refuse(refused: RefusedHead<C>): Uint8Array | undefined;
  /** Called when a connection is closed, or its socket was handed over. */
  left(connection: ServerConnection<C>): void;
}

/** How long a head may take, from the accept or from the first byte of a later head. */
const HEAD_MS = 10_000;
/** How long the head may take on a connection above the limit on connections. */
const SILENT_MS = 1_000;
/**
 * How long the rest of an unwanted body is read before our side is closed. A close in front of unread bytes becomes a reset.
 */
const UNWANTED_MS = 500;
/**
 * How much is read of what comes behind the request under way. Reading is how the end of the connection is noticed; the limit
 * keeps memory bounded.
 */
const PENDING_BYTES = 64 * 1024;
/** How many bytes of a body may wait to be taken before reading stops. */
const BODY_BYTES = 8 * 1024;
/** How often the deadlines are checked. One timer serves all connections. */
export const SWEEP_MS = 500;
/** What the chunks of one body may cost beyond what each chunk needs (`ChunkedLimits.overheadBytes`). */
const OVERHEAD_BYTES = 16 * 1024;

const NOTHING = Buffer.alloc(0);

/** One accepted connection. It reads and answers one request after the other (RFC 9112 §9.3.2). */
export class ServerConnection<C> implements RequestOwner<C> {
  readonly socket: Socket;
  readonly context: C;
  readonly server: ServerContext<C>;
  /** Whether the connection is above the limit on connections. */
  readonly isExcess: boolean;
  /** Whether a request on it has been answered. */
  hasAnswered = false;
  readonly #flaw: Http1Error | undefined;
  readonly #reader: HeadReader;
  #request: ServerRequest<C> | undefined;
  #decoder: BodyDecoder | undefined;
  /** Whether the body of the request broke, so that nothing behind it can be read. */
  #isBroken = false;
  /** The bytes that came behind the request under way. */
  readonly #pending = new ByteQueue();
  #isHeadBegun = false;
  /** Whether the head that is read now came, or began to, before the request in front of it was answered. */
  #isPipelined = false;
  #localAddress: string | undefined;
  /**
   * When the next head, or its first byte, must have come, in monotonic milliseconds. Infinity while a request is under way.
   */
  #deadlineMs: number;
  /** When the caller last sent or took bytes, as the sweeps saw it, and how many it had sent and taken by then. */
  #movedMs = 0;
  #readBytes = 0;
  #takenBytes = 0;
  /** Whether a request is being handed on right now. An answer within that call must not begin the next request. */
  #isHandingOn = false;
  #isLeaving = false;
  /** Whether the body waits until other bodies have had their turn. */
  #isQueued = false;
  #isPaused = false;
  #unwanted: Timer | undefined;

  /** @param flaw Why none of its requests is taken, whatever they are. */
  constructor(socket: Socket, context: C, isExcess: boolean, server: ServerContext<C>, flaw?: Http1Error) {
    this.socket = socket;
    this.context = context;
    this.#flaw = flaw;
    this.isExcess = isExcess;
    this.server = server;
    this.#reader = new HeadReader('request', server.limits);
    this.#deadlineMs = server.clock.monotonic() + (isExcess ? SILENT_MS : HEAD_MS);
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
    socket.on('drain', this.#onDrain);
  }

  /** The IP address of our side; undefined on a Unix socket. */
  get localAddress(): string | undefined {
    return (this.#localAddress ??= this.socket.localAddress);
  }

  get localPort(): number | undefined {
    return this.socket.localPort;
  }

  /** Whether nothing is under way: no request, no part of one, no closing. */
  get isIdle(): boolean {
    return !this.#request && !this.#isHeadBegun && !this.#isLeaving && this.#pending.isEmpty;
  }

  /** Whether another request, or the beginning of one, came behind the request under way. */
  get hasPending(): boolean {
    return this.#pending.hasMore;
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#isLeaving) return;
    if (!this.#request && this.#pending.isEmpty) {
      if (!this.#isHeadBegun) this.#isPipelined = false;
      this.#readHead(chunk);
      return;
    }
    this.#pending.add(chunk);
    this.#process();
  };

  /** The caller has closed its side. */
  readonly #onEnd = (): void => {
    const request = this.#request;
    if (this.#isLeaving) return;
    if (!request) this.#leave();
    else if (request.isSwitched) request.body?.end();
    else if (request.isFlushed) this.#leave();
    // An answer that was written still reaches the caller. A caller who has no answer yet counts as gone.
    else if (request.isAnswered) request.closeAfterAnswer();
    else this.socket.destroy();
  };

  readonly #onError = (): void => void this.socket.destroy();

  readonly #onDrain = (): void => this.#request?.drained();

  readonly #onClose = (): void => {
    this.#unwanted?.cancel();
    this.dropPending();
    const request = this.#request;
    this.#request = undefined;
    this.server.left(this);
    request?.closed();
  };

  /** Reads the pending bytes as far as it is their turn: a body, or the next request. */
  readonly #process = (): void => {
    while (!this.#pending.isEmpty && !this.#isLeaving && !this.socket.destroyed) {
      const request = this.#request;
      if (request && (request.isReceived || this.#isHandingOn)) break;
      const chunk = this.#pending.take() as Buffer;
      if (request) this.#readBody(request, chunk, 0);
      else {
        this.#isPipelined = true;
        this.#readHead(chunk);
      }
    }
    // A lone line break begins no request, so the connection is idle.
    if (!this.#request && this.#pending.isEmpty && this.#reader.isBefore && this.hasAnswered) this.#rest();
    this.adjustFlow();
  };

  /** Answers a head that can't be read, and closes the connection. */
  #refuse(error: Http1Error, partial = this.#reader.request()): void {
    const { context, isExcess } = this;
    this.#leave(this.server.refuse({ error, partial, isPipelined: this.#isPipelined, context, isExcess }));
  }

  /** Puts the chunk's bytes from index `from` on back in front of the pending ones. */
  #putBack(chunk: Buffer, from: number): void {
    if (from < chunk.length) this.#pending.putBack(from === 0 ? chunk : chunk.subarray(from));
  }

  /** Reads the next head. Once it is complete, its request is handed on. */
  #readHead(chunk: Buffer): void {
    const reader = this.#reader;
    let end: number;
    try {
      end = reader.read(chunk, 0);
    } catch (error) {
      this.#refuse(error as Http1Error);
      return;
    }
    if (end < 0) {
      if (this.#isHeadBegun || reader.isBefore) return;
      this.#isHeadBegun = true;
      if (this.hasAnswered) this.#deadlineMs = this.server.clock.monotonic() + HEAD_MS;
      return;
    }
    const head = reader.request();
    reader.reset(this.server.limits);
    this.#isHeadBegun = false;
    this.#deadlineMs = Infinity;
    this.#putBack(chunk, end);
    if (this.#flaw) this.#refuse(this.#flaw, head);
    else if (head.method !== 'CONNECT') this.#begin(head);
    else if (this.#isPipelined) this.#leave();
    else this.#handOver(head);
  }

  #begin(head: RequestHead): void {
    const { limits } = this.server;
    let told = UNKNOWN_FRAMING;
    let flaw: Http1Error | undefined;
    try {
      told = requestFraming(head);
      this.#decoder = bodyDecoder(told.framing, {
        trailerBytes: limits.trailerBytes,
        overheadBytes: OVERHEAD_BYTES,
        refusesCoding: true,
      });
    } catch (error) {
      flaw = error as Http1Error;
    }
    if (flaw && this.#isPipelined) {
      this.#refuse(flaw, head);
      return;
    }
    const request = new ServerRequest(this, head, told, this.#decoder !== undefined, flaw, this.#isPipelined);
    this.#request = request;
    this.#movedMs = Infinity;
    // The part of its body that has come already. Often that is all of it.
    while (!request.isReceived && !this.#isBroken && !this.#pending.isEmpty)
      this.#readBody(request, this.#pending.take() as Buffer, 0);
    this.#isHandingOn = true;
    this.server.handle(request);
    this.#isHandingOn = false;
    if (!request.isReceived) this.adjustFlow();
  }

  /** Decodes a chunk for the body of the request under way. */
  #readBody(request: ServerRequest<C>, chunk: Buffer, from: number): void {
    const { body } = request;
    const decoder = this.#decoder;
    if (!body || !decoder || this.#isBroken) return;
    const { length } = chunk;
    let broken: unknown;
    try {
      this.#putBack(chunk, decoder.read(chunk, from));
    } catch (error) {
      broken = error;
    }
    // The bytes in front of the fault are part of the body.
    if (decoder.piece) body.add(decoder.piece);
    if (broken) {
      this.#isBroken = true;
      request.closeAfterAnswer();
      body.fail(broken as Error);
      if (request.isFlushed) this.#leave();
    } else if (decoder.isDone) {
      this.#decoder = undefined;
      request.isReceived = true;
      body.end();
      if (request.isFlushed) this.#finish(request);
    } else {
      const bytes = decoder.piece?.length ?? 0;
      this.#isQueued = !this.server.scheduler.mayReadOn(bytes, this.#readOn, length - from - bytes);
    }
  }

  readonly #readOn = (): void => {
    this.#isQueued = false;
    this.adjustFlow();
  };

  /** Pauses or resumes reading, by how much of the body and behind it is held. */
  readonly adjustFlow = (): void => {
    if (this.#isLeaving) return;
    const heldBytes = this.#request?.body?.heldBytes ?? 0;
    const isFull = (heldBytes > BODY_BYTES && !this.#request?.isReceived) || this.#pending.bytes > PENDING_BYTES;
    const mustWait = this.#isQueued || isFull;
    if (mustWait === this.#isPaused) return;
    this.#isPaused = mustWait;
    if (mustWait) this.socket.pause();
    else this.socket.resume();
  };

  /** Drops the bytes behind the request. A connection that closes reads no further request. */
  dropPending(): void {
    this.#pending.clear();
  }

  /** From now on the connection carries the bytes of another protocol, beginning with those that have come already. */
  switchProtocols(): void {
    this.#decoder = bodyDecoder({ kind: 'close' }, { trailerBytes: 0 });
    this.#process();
  }

  /** Called by the request: the kernel has the whole answer. */
  flushed(request: ServerRequest<C>): void {
    this.hasAnswered = true;
    if (request.isReceived) this.#finish(request);
    else if (this.#isBroken || request.awaitsContinue || !request.isDelimited) this.#leave();
    else {
      request.body?.abandon();
      this.#unwanted = this.server.clock.after(UNWANTED_MS, () => this.#leave());
      this.adjustFlow();
    }
  }

  /** Called when a request has been received and answered completely. Goes on to the next one, or closes. */
  #finish(request: ServerRequest<C>): void {
    this.#unwanted?.cancel();
    this.#unwanted = undefined;
    this.#request = undefined;
    const { server } = this;
    if (!request.persists) this.#leave();
    else if (!this.#pending.isEmpty) {
      this.#deadlineMs = server.clock.monotonic() + HEAD_MS;
      // The pending bytes may hold a thousand requests. So other connections get a turn between two of them.
      if (this.#isHandingOn) setImmediate(this.#process);
      else this.#process();
    } else this.#rest();
  }

  /** Waits for the next request, or closes while the server drains. */
  #rest(): void {
    const { clock, limits, isDraining } = this.server;
    if (isDraining) this.#leave();
    else this.#deadlineMs = clock.monotonic() + limits.keepAliveMs;
  }

  #handOver(head: RequestHead): void {
    const { socket, context, isExcess } = this;
    const behind = this.#pending.takeAll() ?? NOTHING;
    socket.pause();
    socket.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onError);
    socket.off('close', this.#onClose).off('drain', this.#onDrain);
    this.server.left(this);
    this.server.connect({ head, socket, behind, context, isExcess });
  }

  /** Writes `last`, if given, and closes. */
  #leave(last?: Uint8Array): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#unwanted?.cancel();
    this.dropPending();
    const { clock, scheduler } = this.server;
    lingeringClose(this.socket, clock, scheduler, last);
  }

  /** Breaks the connection off, so that the caller can't take an answer under way for a complete one. */
  abort(): void {
    if (this.#request) this.#request.cut();
    else this.socket.destroy();
  }

  /**
   * Enforces the deadlines of the connection: for a head, for keeping it unused, for a caller who stands still.
   * @param nowMs Now, in monotonic milliseconds.
   * @param dueMs The time of the sweep before. A deadline counts as missed if it had passed by then. So after the process
   *   has stood still, what came in the meantime is read first.
   */
  sweep(nowMs: number, dueMs: number): void {
    if (this.#isLeaving) return;
    const request = this.#request;
    if (!request) {
      if (this.#deadlineMs > dueMs) return;
      if (this.hasAnswered && !this.#isHeadBegun) this.#leave();
      else this.#refuse(new Http1Error('head_timeout', 0));
      return;
    }
    if (request.isSwitched) return;
    const { socket } = this;
    const isAwaited = !request.isReceived && !this.#isPaused && request.body?.isAwaited === true;
    const takenBytes = socket.bytesWritten - socket.writableLength;
    const isStill =
      (isAwaited || socket.writableLength > 0) &&
      socket.bytesRead === this.#readBytes &&
      takenBytes === this.#takenBytes;
    if (!isStill || this.#movedMs === Infinity) {
      this.#movedMs = nowMs;
      this.#readBytes = socket.bytesRead;
      this.#takenBytes = takenBytes;
    } else if (this.#movedMs + this.server.limits.callerMs <= dueMs) {
      if (socket.writableLength > 0) this.abort();
      else {
        this.#isBroken = true;
        request.closeAfterAnswer();
        request.body?.fail(new Http1Error('body_timeout', 0));
      }
    }
  }
}
