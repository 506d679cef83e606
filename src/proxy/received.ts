import type { IncomingMessage } from 'node:http';
import type { OutriderError } from '../core/errors.ts';
import { afterReading, mayReadOn } from './turns.ts';
import { Waste } from './waste.ts';

const EMPTY = new Uint8Array(0);
/** Less than this is waited with, for as long as it takes to see what came together with it. */
const CRUMB_BYTES = 4096;

/** Of a body of which so many bytes were taken, the next may be. */
const untilTurn = (bytes: number): Promise<void> =>
  new Promise((resolve) => {
    if (mayReadOn(bytes, resolve)) resolve();
  });

/**
 * The body of a request on node:http, which makes a Buffer and an event of each chunk: of one read of the socket that can be
 * ten thousand, each hundreds of bytes in size for one that it holds. Here what came together is one piece.
 */
export class ReceivedBody {
  readonly #req: IncomingMessage;
  #broken: OutriderError | undefined;
  #isUnwanted = false;
  /** Wakes who waits for more. */
  #wake: (() => void) | undefined;
  /** What came while nobody waited for it; no more comes until it is taken. */
  #held: Uint8Array | null = null;
  #isHolding = false;
  #isPaused = false;

  constructor(req: IncomingMessage) {
    this.#req = req;
  }

  get isBroken(): boolean {
    return this.#broken !== undefined;
  }

  takeWhole(): Uint8Array | undefined {
    if (this.#broken) throw this.#broken;
    if (!this.#req.complete) return undefined;
    const first = this.#read();
    if (this.#req.readableLength === 0) return first ?? EMPTY;
    const chunks: Uint8Array[] = first ? [first] : [];
    for (let chunk = this.#read(); chunk; chunk = this.#read()) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  async *chunks(): AsyncGenerator<Uint8Array, undefined> {
    const req = this.#req;
    const arrived = (): void => (this.#wake ? this.#wake() : this.#hold());
    req.on('readable', arrived).on('end', arrived).on('error', arrived);
    const waste = new Waste(req.socket.bytesRead);
    for (;;) {
      if (this.#broken) throw this.#broken;
      if (this.#isUnwanted) throw new Error('nobody reads the body any more');
      const chunk = this.#take();
      if (chunk) {
        const { bytesRead } = req.socket;
        yield chunk;
        await untilTurn(chunk.length);
        if (!req.complete) await waste.took(chunk.length, bytesRead);
        continue;
      }
      if (req.complete && req.readableLength === 0) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
      // More may come in the same read of the socket.
      if (req.readableLength < CRUMB_BYTES) await afterReading();
    }
  }

  /** It can't be understood: whoever reads it learns `error`. */
  break(error: OutriderError): void {
    this.#broken = error;
    this.#wake?.();
  }

  /** Nobody gets any more of it. */
  abandon(): void {
    this.#isUnwanted = true;
    this.#held = null;
    this.#goOn();
    this.#wake?.();
  }

  /** Takes what comes although nobody waits for it. */
  #hold(): void {
    if (this.#isHolding || this.#held) return;
    if (this.#req.readableLength >= CRUMB_BYTES) {
      this.#holdNow();
      return;
    }
    this.#isHolding = true;
    void afterReading().then(() => {
      this.#isHolding = false;
      if (!this.#wake && !this.#held && !this.#isUnwanted) this.#holdNow();
    });
  }

  #holdNow(): void {
    this.#held = this.#read();
    // What is complete is not waited with: who goes away now is to be noticed.
    if (!this.#held || this.#req.complete) return;
    this.#isPaused = true;
    // Reading has just set the socket going, which takes effect in the next tick.
    process.nextTick(() => this.#isPaused && this.#req.socket.pause());
  }

  #take(): Uint8Array | null {
    const held = this.#held;
    this.#held = null;
    if (held) return held;
    this.#goOn();
    return this.#read();
  }

  #goOn(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#req.socket.resume();
  }

  /**
   * What node:http has: its next piece, or, where that is small, all of them in one. With nothing there, it lets more come.
   * Asked for more than its high-water mark, a stream raises that for good.
   */
  #read(): Uint8Array | null {
    const req = this.#req;
    const first = req.read() as Uint8Array | null;
    if (!first || req.readableLength === 0 || first.length >= CRUMB_BYTES) return first;
    const pieces = [first];
    while (req.readableLength > 0) {
      pieces.push(req.read(Math.min(req.readableLength, req.readableHighWaterMark)) as Uint8Array);
    }
    return Buffer.concat(pieces);
  }
}
