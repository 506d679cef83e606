const FIRST_BYTES = 256;
const BLOCK_BYTES = 4 * 1024;

/**
 * Bytes that wait their turn, in the order in which they came. Small pieces share a block: one byte at a time they would cost a
 * hundred times what they are.
 */
export class ByteQueue {
  /** How many there are. */
  bytes = 0;
  #pieces: Buffer[] = [];
  /** What the last piece lies in, with room behind it. */
  #block: Buffer | undefined;

  get isEmpty(): boolean {
    return this.bytes === 0;
  }

  add(piece: Buffer): void {
    if (piece.length === 0) return;
    this.bytes += piece.length;
    const last = this.#pieces.at(-1);
    if (!last || last.length + piece.length > BLOCK_BYTES) {
      this.#block = undefined;
      this.#pieces.push(piece);
      return;
    }
    let block = this.#block;
    if (!block || last.length + piece.length > block.length) {
      // Twice as large each time: nothing is copied more than twice, all in all.
      block = Buffer.allocUnsafeSlow(Math.min(BLOCK_BYTES, Math.max(FIRST_BYTES, 2 * (last.length + piece.length))));
      last.copy(block);
      this.#block = block;
    }
    piece.copy(block, last.length);
    this.#pieces[this.#pieces.length - 1] = block.subarray(0, last.length + piece.length);
  }

  /** Puts back what was taken. */
  putBack(piece: Buffer): void {
    if (piece.length === 0) return;
    this.bytes += piece.length;
    this.#pieces.unshift(piece);
  }

  /** The piece that came first; undefined: there is none. */
  take(): Buffer | undefined {
    const piece = this.#pieces.shift();
    if (!piece) return undefined;
    if (this.#pieces.length === 0) this.#block = undefined;
    this.bytes -= piece.length;
    return piece;
  }

  /** All of it in one; undefined: there is nothing. */
  takeAll(): Buffer | undefined {
    const pieces = this.#pieces;
    this.clear();
    return pieces.length > 1 ? Buffer.concat(pieces) : pieces[0];
  }

  clear(): void {
    this.#pieces = [];
    this.#block = undefined;
    this.bytes = 0;
  }

  /** Whether there is anything but line ends, which may stand between two requests (RFC 9112 §2.2). */
  get hasMore(): boolean {
    return this.#pieces.some((piece) => piece.some((byte) => byte !== 0x0d && byte !== 0x0a));
  }
}
