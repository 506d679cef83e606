import type { Socket } from 'node:net';
import { bodyDecoder, type BodyDecoder } from './body-decoder.ts';
import { Http1Error } from './error.ts';
import { answerFraming, connectionOptions } from './framing.ts';
import { HeadReader, type AnswerHead } from './head.ts';
import { chunkLine, LAST_CHUNK, message } from './write.ts';

/** A request, ready to be written. */
export interface OutgoingRequest {
  readonly method: string;
  /** The head with its blank line, one character for each byte. */
  readonly head: string;
  /** The whole body, a stream of its pieces, or null for none. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | null;
  /** The length of a body that streams, as the head gives it; -1 when it is chunked. Not read for any other body. */
  readonly streamBytes: number;
}

/** How an exchange controls its connection. */
export interface ExchangeControls {
  readonly isPaused: boolean;
  /** Stops reading from the socket. */
  pause(): void;
  resume(): void;
  /** Closes the connection. The handler of the exchange is not called any more. */
  abort(): void;
}

/** Is called with what becomes of one request. `onEnd` or `onFailed` is the last call. */
export interface ResponseHandler {
  /** The request is about to be written. From now on the upstream may have seen it. */
  onStarted(controls: ExchangeControls): void;
  /** The request's last byte was written to the socket. */
  onSent(): void;
  /** The head of the final answer has come. Interim answers (1xx) are dropped. */
  onHead(head: AnswerHead): void;
  /** A piece of the answer's body has come: at most one for each read of the socket. */
  onData(piece: Buffer): void;
  /** The answer is complete. */
  onEnd(): void;
  /** @param error An {@link Http1Error}, the error of the socket, or what the request's body threw. */
  onFailed(error: Error): void;
}

/** What a connection needs from its owner. */
export interface ConnectionSettings {
  /** The largest head of an answer, and the largest trailer section, in bytes. Asked at the beginning of each exchange. */
  readonly maxHeadBytes: () => number;
  /** Called when an exchange is over, before its handler is told. Not called after `abort`. */
  released(connection: ClientConnection, isReusable: boolean): void;
  /** Called when a connection without an exchange has closed. */
  lost(connection: ClientConnection): void;
}

/** What the upstream may send next. */
type Expected = 'nothing' | 'head' | 'body';

const HINT = /(?:^|,)[ \t]*timeout=(\d{1,6})/i;

/**
 * Reads how long the server keeps an unused connection, in milliseconds (`Keep-Alive: timeout=5`); undefined: it doesn't say.
 */
function keepAliveHint(fields: readonly string[]): number | undefined {
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name.length !== 10 || name.toLowerCase() !== 'keep-alive') continue;
    const seconds = HINT.exec(fields[i + 1] as string)?.[1];
    if (seconds !== undefined) return Number(seconds) * 1000;
  }
  return undefined;
}

/** One connection to an upstream. It carries one exchange at a time. */
export class ClientConnection implements ExchangeControls {
  /**
   * How long the server keeps the connection when it is unused, by its last answer, in milliseconds; undefined: it didn't say.
   */
  hintMs: number | undefined;
  isPaused = false;
  readonly #socket: Socket;
  readonly #settings: ConnectionSettings;
  readonly #reader: HeadReader;
  #expected: Expected = 'nothing';
  #exchange: ResponseHandler | undefined;
  #method = '';
  #maxHeadBytes = 0;
  #decoder: BodyDecoder | undefined;
  /** Whether the answer's body ends with the connection. */
  #isEndless = false;
  #isSent = false;
  #mayReuse = false;
  #error: Error | undefined;
  #onDrain: (() => void) | undefined;

  constructor(socket: Socket, settings: ConnectionSettings) {
    this.#socket = socket;
    this.#settings = settings;
    this.#reader = new HeadReader('answer', 0);
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('end', () => this.#ended());
    socket.on('error', (error: Error) => (this.#error = error));
    socket.on('close', () => this.#closed());
    socket.on('drain', () => this.#drained());
  }

  /** Whether the connection can carry a request now. */
  get isUsable(): boolean {
    return !this.#exchange && !this.#socket.destroyed && !this.#socket.readableEnded && this.#socket.writable;
  }

  /** Begins an exchange. The connection must be usable ({@link isUsable}). */
  send(request: OutgoingRequest, exchange: ResponseHandler): void {
    const { head, body } = request;
    this.#exchange = exchange;
    this.#method = request.method;
    this.#expected = 'head';
    this.#maxHeadBytes = this.#settings.maxHeadBytes();
    this.#reader.reset(this.#maxHeadBytes);
    this.#isSent = false;
    this.#error = undefined;
    this.hintMs = undefined;
    exchange.onStarted(this);
    // The handler may have given up the exchange.
    if (this.#exchange !== exchange) return;
    if (body !== null && !(body instanceof Uint8Array)) {
      void this.#stream(request, body, exchange);
      return;
    }
    if (body && body.length > 0) this.#socket.write(message(head, body));
    else this.#socket.write(head, 'latin1');
    this.#sent(exchange);
  }

  pause(): void {
    this.isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.isPaused = false;
    this.#socket.resume();
  }

  abort(): void {
    this.#exchange = undefined;
    this.#socket.destroy();
    this.#drained();
  }

  /** Closes the connection. An exchange that is under way fails with `truncated`. */
  close(): void {
    this.#fail(new Http1Error('truncated', 0));
  }

  /** Writes a body that streams. The head goes out together with the first piece. */
  async #stream(
    { head, streamBytes }: OutgoingRequest,
    body: AsyncIterable<Uint8Array>,
    exchange: ResponseHandler,
  ): Promise<void> {
    const isChunked = streamBytes < 0;
    let first: string | undefined = head;
    let bytes = 0;
    try {
      for await (const piece of body) {
        if (this.#exchange !== exchange) return;
        bytes += piece.length;
        if (!isChunked && bytes > streamBytes) throw new Http1Error('wrong_length', bytes);
        this.#socket.cork();
        if (first !== undefined) this.#socket.write(first, 'latin1');
        first = undefined;
        if (piece.length > 0) {
          if (isChunked) this.#socket.write(chunkLine(piece.length), 'latin1');
          this.#socket.write(piece);
          if (isChunked) this.#socket.write('\r\n', 'latin1');
        }
        this.#socket.uncork();
        if (this.#socket.writableNeedDrain) await new Promise<void>((resolve) => (this.#onDrain = resolve));
        if (this.#exchange !== exchange) return;
      }
      if (!isChunked && bytes < streamBytes) throw new Http1Error('wrong_length', bytes);
      const rest = (first ?? '') + (isChunked ? LAST_CHUNK : '');
      if (rest !== '') this.#socket.write(rest, 'latin1');
      this.#sent(exchange);
    } catch (error) {
      if (this.#exchange === exchange) this.#fail(error as Error);
    }
  }

  #sent(exchange: ResponseHandler): void {
    if (this.#exchange !== exchange) return;
    this.#isSent = true;
    exchange.onSent();
  }

  #drained(): void {
    const onDrain = this.#onDrain;
    this.#onDrain = undefined;
    onDrain?.();
  }

  #read(chunk: Buffer): void {
    try {
      for (let at = 0; at < chunk.length;) {
        if (this.#expected === 'nothing') {
          // Bytes that answer no request must not become the answer to the next one.
          this.#socket.destroy();
          return;
        }
        if (this.#expected === 'body') {
          at = this.#readBody(chunk, at);
          continue;
        }
        at = this.#reader.read(chunk, at);
        if (at < 0) return;
        this.#readHead(at < chunk.length);
      }
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #readHead(hasMore: boolean): void {
    const head = this.#reader.answer();
    this.#reader.reset();
    if (head.status === 101) throw new Http1Error('unexpected_switch', 0);
    if (head.status < 200) return;
    const framing = answerFraming(head, this.#method);
    const options = connectionOptions(head.fields);
    this.#isEndless = framing.kind === 'close';
    this.#mayReuse = head.minor === 1 && !this.#isEndless && !options.includes('close');
    this.hintMs = keepAliveHint(head.fields);
    const decoder = bodyDecoder(framing, { trailerBytes: this.#maxHeadBytes });
    this.#decoder = decoder;
    this.#expected = 'body';
    const exchange = this.#exchange as ResponseHandler;
    exchange.onHead(head);
    if (!decoder && this.#exchange === exchange) this.#finish(hasMore);
  }

  /** Returns the index of the first byte behind the body, or the length of the chunk. */
  #readBody(chunk: Buffer, at: number): number {
    const exchange = this.#exchange as ResponseHandler;
    const decoder = this.#decoder as BodyDecoder;
    let broken: unknown;
    let end = chunk.length;
    try {
      end = decoder.read(chunk, at);
    } catch (error) {
      broken = error;
    }
    // The bytes in front of the fault belong to the body.
    if (decoder.piece) exchange.onData(decoder.piece);
    if (this.#exchange !== exchange) return chunk.length;
    if (broken) throw broken as Error;
    if (decoder.isDone) this.#finish(end < chunk.length);
    return this.#exchange === exchange ? end : chunk.length;
  }

  /** The answer is whole. */
  #finish(hasMore: boolean): void {
    const exchange = this.#exchange as ResponseHandler;
    this.#exchange = undefined;
    this.#expected = 'nothing';
    const isReusable = this.#mayReuse && this.#isSent && !hasMore && !this.#socket.readableEnded;
    if (this.isPaused) this.resume();
    if (!isReusable) this.#socket.destroy();
    this.#drained();
    this.#settings.released(this, isReusable);
    exchange.onEnd();
  }

  #fail(error: Error): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#expected = 'nothing';
    this.#socket.destroy();
    this.#drained();
    if (!exchange) return;
    this.#settings.released(this, false);
    exchange.onFailed(error);
  }

  /** The server has closed its side. */
  #ended(): void {
    if (this.#exchange && this.#expected === 'body' && this.#isEndless && !this.#error) {
      this.#finish(true);
      return;
    }
    this.#socket.destroy();
  }

  #closed(): void {
    if (this.#exchange) this.#fail(this.#error ?? new Http1Error('truncated', 0));
    else this.#settings.lost(this);
  }
}
