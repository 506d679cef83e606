const FIRST_BYTES = 256;
const BLOCK_BYTES = 4 * 1024;

/**
 * A first-in, first-out queue of bytes. Small pieces are copied into a shared block. As buffers of their own, pieces of one
 * byte would need about a hundred times their size.
 */
export class ByteQueue {
  /** The length of the queue. */
  bytes = 0;
  #pieces: Buffer[] = [];
  /** The block that holds the last piece and has room behind it. */
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
      // Each block is twice as large as the last, so that a byte is copied about twice on average.
      block = Buffer.allocUnsafeSlow(Math.min(BLOCK_BYTES, Math.max(FIRST_BYTES, 2 * (last.length + piece.length))));
      last.copy(block);
      this.#block = block;
    }
    piece.copy(block, last.length);
    this.#pieces[this.#pieces.length - 1] = block.subarray(0, last.length + piece.length);
  }

  /** Puts a piece that was taken back in front. */
  putBack(piece: Buffer): void {
    if (piece.length === 0) return;
    this.bytes += piece.length;
    this.#pieces.unshift(piece);
  }

  /** Removes and returns the first piece; undefined when the queue is empty. */
  take(): Buffer | undefined {
    const piece = this.#pieces.shift();
    if (!piece) return undefined;
    if (this.#pieces.length === 0) this.#block = undefined;
    this.bytes -= piece.length;
    return piece;
  }

  /** Removes everything and returns it as one buffer; undefined when the queue is empty. */
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

  /** Whether the queue holds anything but line breaks. Empty lines may stand in front of a request (RFC 9112 §2.2). */
  get hasMore(): boolean {
    return this.#pieces.some((piece) => piece.some((byte) => byte !== 0x0d && byte !== 0x0a));
  }
}
