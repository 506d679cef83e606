import { ByteQueue } from './byte-queue.ts';

const EMPTY: Uint8Array = new Uint8Array(0);

/** The body of a message as it comes: what is here and nobody has taken yet, and who waits for more. */
export class IncomingBody {
  /** Its last byte is here. */
  isEnded = false;
  readonly #onTaken: () => void;
  readonly #held = new ByteQueue();
  #error: Error | undefined;
  #isWanted = true;
  #wake: (() => void) | undefined;

  /** @param onTaken Called when there is room for more. */
  constructor(onTaken: () => void) {
    this.#onTaken = onTaken;
  }

  /** What is here and not taken yet. */
  get heldBytes(): number {
    return this.#held.bytes;
  }

  /** Whether somebody waits for a piece. */
  get isAwaited(): boolean {
    return this.#wake !== undefined;
  }

  /** Whether it will never be whole. */
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

  /** Whoever reads it learns `error`, after what came before. */
  fail(error: Error): void {
    this.#error ??= error;
    this.#wake?.();
  }

  /** Nobody wants it any more: what comes is dropped. */
  abandon(): void {
    this.#isWanted = false;
    this.#held.clear();
    this.fail(new Error('nobody reads the body any more'));
    this.#onTaken();
  }

  /** All of it, if it is here and nothing of it was taken; else undefined. Throws what {@link fail} was told. */
  takeWhole(): Uint8Array | undefined {
    if (this.#error) throw this.#error;
    return this.isEnded ? (this.#take() ?? EMPTY) : undefined;
  }

  /** Its pieces; those that came while nobody asked are one. Rejects with what {@link fail} was told. */
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
