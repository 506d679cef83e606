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

/** What a reload may change. */
export interface ServerLimits extends RequestLimits {
  /** Of a chunked body, from the last chunk to the blank line. */
  readonly trailerBytes: number;
  /** Connections at the same time; one more is answered once, and closed. */
  readonly connections: number;
  /** An unused connection is closed after this, milliseconds. */
  readonly keepAliveMs: number;
  /** A caller who neither sends the rest of a body nor takes the answer is given up after this, milliseconds. */
  readonly callerMs: number;
}

/** A CONNECT: from here on its socket, and what came behind the head, belong to whoever gets it. */
export interface HandedOver<C> {
  readonly head: RequestHead;
  readonly socket: Socket;
  readonly behind: Buffer;
  readonly context: C;
  readonly isExcess: boolean;
}

/** A head that can't be read. */
export interface RefusedHead<C> {
  readonly error: Http1Error;
  /** What could be read of it. */
  readonly partial: RequestHead;
  /** It came, or began, before the request in front of it was answered: an answer would be taken for that one's. */
  readonly isPipelined: boolean;
  readonly context: C;
  readonly isExcess: boolean;
}

/** What the connections of one server share. `C` is what whoever handed over a connection says of it. */
export interface ServerContext<C> {
  readonly clock: Clock;
  readonly scheduler: ReadScheduler;
  readonly limits: ServerLimits;
  /** Whether answers say that their connection closes. */
  readonly isClosing: boolean;
  /** Whether a connection that becomes idle is closed. */
  readonly isDraining: boolean;
  /** `Connection: keep-alive` and for how long, as the answers of a connection that is kept say it. */
  readonly keepAliveFields: string;
  /** Takes each request; answers it sooner or later. */
  handle(request: ServerRequest<C>): void;
  connect(handedOver: HandedOver<C>): void;
  /** The answer to a head that can't be read, as bytes; undefined: none. */
  refuse(refused: RefusedHead<C>): Uint8Array | undefined;
  /** The connection is closed, or its socket handed over. */
  left(connection: ServerConnection<C>): void;
}

/** From the accept, or from a later head's first byte, to the end of a head. */
const HEAD_MS = 10_000;
/** How long a connection that is too many may say nothing. */
const SILENT_MS = 1_000;
/** How long a body that nobody wants is read on before our side is closed: a FIN in front of unread bytes becomes a reset. */
const UNWANTED_MS = 500;
/** While a request is under way so much of what comes behind it is read, so that a departure is noticed, and no more. */
const PENDING_BYTES = 64 * 1024;
/** With more than that untaken of a body no more is read. */
const BODY_BYTES = 8 * 1024;
/** How often deadlines are looked at: one timer for all connections. */
export const SWEEP_MS = 500;
/** What chunks may cost beyond what each needs. */
const OVERHEAD_BYTES = 16 * 1024;

const NOTHING = Buffer.alloc(0);

/** One accepted connection: request after request, one at a time (RFC 9112 §9.3.2). */
export class ServerConnection<C> implements RequestOwner<C> {
  readonly socket: Socket;
  readonly context: C;
  readonly server: ServerContext<C>;
  /** It is one more than there may be. */
  readonly isExcess: boolean;
  /** Some request on it has been answered. */
  hasAnswered = false;
  readonly #reader: HeadReader;
  #request: ServerRequest<C> | undefined;
  #decoder: BodyDecoder | undefined;
  /** The body of the request can't be understood, nor what comes behind it. */
  #isBroken = false;
  /** What came behind the request that is under way. */
  readonly #pending = new ByteQueue();
  #isHeadBegun = false;
  /** What is read now came, or began, before the request in front of it was answered. */
  #isPipelined = false;
  #localAddress: string | undefined;
  /** By when there has to be a head, or anything at all. Monotonic; Infinity while a request is under way. */
  #deadlineMs: number;
  /** How far the caller had come when it was last seen to move, and when that was. */
  #movedMs = 0;
  #readBytes = 0;
  #takenBytes = 0;
  /** A request is just being handed on: what is answered within that must not begin the next one. */
  #isHandingOn = false;
  #isLeaving = false;
  /** Other bodies are to have their turn. */
  #isQueued = false;
  #isPaused = false;
  #unwanted: Timer | undefined;

  constructor(socket: Socket, context: C, isExcess: boolean, server: ServerContext<C>) {
    this.socket = socket;
    this.context = context;
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

  /** The address on our side; undefined on a Unix socket. */
  get localAddress(): string | undefined {
    return (this.#localAddress ??= this.socket.localAddress);
  }

  get localPort(): number | undefined {
    return this.socket.localPort;
  }

  /** Whether nothing is under way on it: no request, nothing that has come of one, no farewell. */
  get isIdle(): boolean {
    return !this.#request && !this.#isHeadBegun && !this.#isLeaving && this.#pending.isEmpty;
  }

  /** Whether something came behind the request that is under way: the next one, or the beginning of it. */
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

  /** The caller sends no more. */
  readonly #onEnd = (): void => {
    const request = this.#request;
    if (this.#isLeaving) return;
    if (!request) this.#leave();
    else if (request.isSwitched) request.body?.end();
    else if (request.isFlushed) this.#leave();
    // What is answered gets there still; who waits for an answer is taken to have gone.
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

  /** Takes from what has come whatever is its turn now: a body, or the next request. */
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
    // Of a line end alone no request begins.
    if (!this.#request && this.#pending.isEmpty && this.#reader.isBefore && this.hasAnswered) this.#rest();
    this.adjustFlow();
  };

  /** Answers a head that can't be read, and closes. */
  #refuse(error: Http1Error, partial = this.#reader.request()): void {
    const { context, isExcess } = this;
    this.#leave(this.server.refuse({ error, partial, isPipelined: this.#isPipelined, context, isExcess }));
  }

  /** Puts back what is not its turn yet. */
  #putBack(chunk: Buffer, from: number): void {
    if (from < chunk.length) this.#pending.putBack(from === 0 ? chunk : chunk.subarray(from));
  }

  /** Reads the next head, and hands its request on. */
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
    if (head.method !== 'CONNECT') this.#begin(head);
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
    // What has come of its body already: often that is all.
    while (!request.isReceived && !this.#isBroken && !this.#pending.isEmpty)
      this.#readBody(request, this.#pending.take() as Buffer, 0);
    this.#isHandingOn = true;
    this.server.handle(request);
    this.#isHandingOn = false;
    if (!request.isReceived) this.adjustFlow();
  }

  /** Reads on in the body of the request that is under way. */
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
    // What came before the fault is part of the body.
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

  /** Reads on, or waits, as what is held allows. */
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

  /** What came behind a request that closes the connection is looked at by nobody. */
  dropPending(): void {
    this.#pending.clear();
  }

  /** From now on bytes go both ways; those that have come already are the first. */
  switchProtocols(): void {
    this.#decoder = bodyDecoder({ kind: 'close' }, { trailerBytes: 0 });
    this.#process();
  }

  /** The whole answer is with the kernel. */
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

  /** The request is over: it was received whole, and answered. */
  #finish(request: ServerRequest<C>): void {
    this.#unwanted?.cancel();
    this.#unwanted = undefined;
    this.#request = undefined;
    const { server } = this;
    if (!request.persists) this.#leave();
    else if (!this.#pending.isEmpty) {
      this.#deadlineMs = server.clock.monotonic() + HEAD_MS;
      // One after the other, and others in between: what is held may be a thousand requests.
      if (this.#isHandingOn) setImmediate(this.#process);
      else this.#process();
    } else this.#rest();
  }

  /** Waits for the next request, unless there is to be none. */
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

  /** Answers nothing more but `last`, and closes. */
  #leave(last?: Uint8Array): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#unwanted?.cancel();
    this.dropPending();
    const { clock, scheduler } = this.server;
    lingeringClose(this.socket, clock, scheduler, last);
  }

  /** Breaks it off, so that an answer that is under way can't be taken for a whole one. */
  abort(): void {
    if (this.#request) this.#request.cut();
    else this.socket.destroy();
  }

  /**
   * Ends what has waited for the caller for too long.
   * @param dueMs What was due by then has waited for a whole sweep more: what had come in the meantime has been read.
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
