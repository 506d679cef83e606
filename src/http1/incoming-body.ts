import { ByteQueue } from './byte-queue.ts';

const EMPTY: Uint8Array = new Uint8Array(0);

/**
 * The body of a message while it arrives. It holds the bytes that nobody has taken yet, and wakes its reader when more come.
 */
export class IncomingBody {
  /** Whether the last byte has come. */
  isEnded = false;
  readonly #onTaken: () => void;
  readonly #held = new ByteQueue();
  #error: Error | undefined;
  #isWanted = true;
  #wake: (() => void) | undefined;

  /** @param onTaken Called when held bytes were taken or dropped, so that there is room for more. */
  constructor(onTaken: () => void) {
    this.#onTaken = onTaken;
  }

  /** How many bytes have come and were not taken. */
  get heldBytes(): number {
    return this.#held.bytes;
  }

  /** Whether a reader waits for the next piece. */
  get isAwaited(): boolean {
    return this.#wake !== undefined;
  }

  /** Whether the body failed: it will never be complete. */
  get isBroken(): boolean {
    return this.#error !== undefined;
  }

  add(piece: Buffer): void {
    if (!this.#isWanted) return;
    this.#held.add(piece);
    this.#wake?.();
  }

  end(): void {
    this.isEnded = true;
    this.#wake?.();
  }

  /** Marks the body as failed. A reader of {@link pieces} first gets what came before, then `error`. The first error stays. */
  fail(error: Error): void {
    this.#error ??= error;
    this.#wake?.();
  }

  /** Drops what is held and what still comes. Readers get an error. */
  abandon(): void {
    this.#isWanted = false;
    this.#held.clear();
    this.fail(new Error('nobody reads the body any more'));
    this.#onTaken();
  }

  /**
   * Takes the whole body if it is complete, else returns undefined. Nothing may have been taken before. Throws the error of
   * {@link fail}.
   */
  takeWhole(): Uint8Array | undefined {
    if (this.#error) throw this.#error;
    return this.isEnded ? (this.#take() ?? EMPTY) : undefined;
  }

  /**
   * Yields the body in pieces. What came since the last one was taken is one piece. Rejects with the error of
   * {@link fail}.
   */
  async *pieces(): AsyncGenerator<Uint8Array, undefined> {
    for (;;) {
      const piece = this.#take();
      if (piece) yield piece;
      else if (this.#error) throw this.#error;
      else if (this.isEnded) return undefined;
      else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        this.#wake = undefined;
      }
    }
  }

  #take(): Uint8Array | undefined {
    const all = this.#held.takeAll();
    if (all) this.#onTaken();
    return all;
  }
}
