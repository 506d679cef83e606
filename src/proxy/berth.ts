import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { Clock, Timer } from '../core/clock.ts';
import { OutriderError } from '../core/errors.ts';
import { headerValues } from '../core/headers.ts';
import type { Controller, RawText, UpstreamExchange } from './attempt.ts';
import { HALF_OPEN_MS, PROBE_MS } from './socket-caller.ts';

const badResponse = (detail: string): OutriderError => new OutriderError('upstream_bad_response', { detail });

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * The caller as http-proxy sees it: a socket from which it reads what goes to the upstream, once that has switched
 * protocols, and into which it writes the answer, headed by one of its own making, which is dropped for the one that came.
 */
export class Berth extends Duplex {
  readonly #exchange: UpstreamExchange;
  readonly #body: AsyncIterable<Uint8Array>;
  readonly #clock: Clock;
  readonly #controller: Mutable<Controller>;
  #proxyReq: ClientRequest | undefined;
  #onward: Socket | undefined;
  #hasHead = false;
  #hasMoved = false;
  #timer: Timer | undefined;
  #isReading = false;
  #wantMore: (() => void) | undefined;
  #takeMore: (() => void) | undefined;

  constructor(body: AsyncIterable<Uint8Array>, exchange: UpstreamExchange, clock: Clock) {
    super();
    this.#body = body;
    this.#exchange = exchange;
    this.#clock = clock;
    this.#controller = {
      paused: false,
      rawHeaders: null,
      pause: () => void (this.#controller.paused = true),
      resume: () => {
        this.#controller.paused = false;
        const takeMore = this.#takeMore;
        this.#takeMore = undefined;
        takeMore?.();
      },
      abort: () => void this.destroy(),
    };
  }

  // What http-proxy sets on every socket.
  setTimeout(): void {}
  setNoDelay(): void {}
  setKeepAlive(): void {}

  /** http-proxy has made its request and not sent it yet. */
  board(proxyReq: ClientRequest): void {
    this.#proxyReq = proxyReq
      .on('error', (error) => this.fail(error))
      .on('socket', (socket) => {
        // A tunnel through an egress proxy comes paused.
        socket.resume();
        this.#exchange.onRequestStart(this.#controller);
      })
      .on('finish', () => this.#exchange.onRequestSent())
      .on('upgrade', (answer, socket: Socket) => this.#switched(answer, socket))
      .on('response', (answer) => this.#answered(answer));
  }

  #begin({ statusCode = 0, rawHeaders }: IncomingMessage): void {
    this.#controller.rawHeaders = rawHeaders.map((text) => Buffer.from(text, 'latin1') as Buffer & RawText);
    this.#exchange.onResponseStart(this.#controller, statusCode);
  }

  #switched(answer: IncomingMessage, socket: Socket): void {
    this.#onward = socket;
    socket.on('close', () => this.fail(new Error('closed')));
    const protocols = headerValues(answer.rawHeaders, 'upgrade');
    if (protocols.length !== 1 || protocols[0]?.toLowerCase() !== 'websocket') {
      this.fail(badResponse('the provider switched to a protocol that was not asked for'));
      return;
    }
    this.#begin(answer);
  }

  #answered(answer: IncomingMessage): void {
    answer.on('error', (error) => this.fail(error));
    if (answer.statusCode === 101) this.fail(badResponse('the provider switched protocols and did not say to which'));
    else this.#begin(answer);
  }

  /** It came to nothing, or broke. */
  fail(error: Error): void {
    if (this.destroyed) return;
    this.destroy();
    this.#exchange.onResponseError(undefined, error);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (!this.#hasHead) {
      this.#hasHead = true;
      // By now http-proxy has set what it sets.
      this.#onward?.setKeepAlive(true, PROBE_MS);
      done();
      return;
    }
    this.#hasMoved = true;
    this.#exchange.onResponseData(undefined, chunk);
    if (this.#controller.paused) this.#takeMore = done;
    else done();
  }

  override _final(done: () => void): void {
    this.#exchange.onResponseEnd(undefined, {});
    done();
    if (!this.#onward) this.destroy();
  }

  override _read(): void {
    this.#wantMore?.();
    if (this.#isReading) return;
    this.#isReading = true;
    void this.#pump();
  }

  async #pump(): Promise<void> {
    try {
      for await (const chunk of this.#body) {
        if (!this.push(chunk)) await new Promise<void>((resolve) => (this.#wantMore = resolve));
        if (this.destroyed) return;
      }
      this.push(null);
      this.#watch();
    } catch {
      // The caller is gone.
      this.destroy();
    }
  }

  /** The caller is done: the provider may not stay silent for long. */
  #watch(): void {
    this.#hasMoved = false;
    this.#timer = this.#clock.after(HALF_OPEN_MS, () => {
      // Who is slow to take what the other has sent is not silent.
      const isStuck = this.#controller.paused || (this.#onward?.writableLength ?? 0) > 0;
      if (this.#hasMoved || isStuck) this.#watch();
      else this.fail(new OutriderError('upstream_timeout', { detail: 'silence after the caller was done' }));
    });
  }

  #abort(): void {
    const socket = this.#onward;
    // Who goes on after the end of a stream, as HTTP servers do, hears of an abort by a reset alone. Only plain TCP has one,
    // and a socket that has said that it is done can't be reset: Node would never close it.
    const isReset = socket && !('encrypted' in socket) && !socket.readableEnded && !socket.writableEnded;
    if (isReset) socket.resetAndDestroy();
    else socket?.destroy();
  }

  override _destroy(_error: unknown, done: (error: null) => void): void {
    this.#timer?.cancel();
    this.#wantMore?.();
    this.#proxyReq?.destroy();
    this.#abort();
    done(null);
  }
}
