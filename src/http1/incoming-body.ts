const EMPTY: Uint8Array = new Uint8Array(0);

/** The body of a message as it comes: what is here and nobody has taken yet, and who waits for more. */
export class IncomingBody {
  /** Its last byte is here. */
  isEnded = false;
  /** What is here and not taken yet. */
  heldBytes = 0;
  readonly #onTaken: () => void;
  #pieces: Uint8Array[] = [];
  #error: Error | undefined;
  #isWanted = true;
  #wake: (() => void) | undefined;

  /** @param onTaken Called when there is room for more. */
  constructor(onTaken: () => void) {
    this.#onTaken = onTaken;
  }

  /** Whether somebody waits for a piece. */
  get isAwaited(): boolean {
    return this.#wake !== undefined;
  }

  /** Whether it will never be whole. */
  get isBroken(): boolean {
    return this.#error !== undefined;
  }

  add(piece: Uint8Array): void {
    if (!this.#isWanted) return;
    this.#pieces.push(piece);
    this.heldBytes += piece.length;
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
    this.#pieces = [];
    this.heldBytes = 0;
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
    const pieces = this.#pieces;
    if (pieces.length === 0) return undefined;
    this.#pieces = [];
    this.heldBytes = 0;
    this.#onTaken();
    return pieces.length === 1 ? pieces[0] : Buffer.concat(pieces);
  }
}
