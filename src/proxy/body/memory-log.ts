const FIRST_BLOCK_BYTES = 256;
/** The largest block. Each block is twice as large as the one before it, up to this. */
const BLOCK_BYTES = 16 * 1024;
/** A chunk of this size or more is kept as it is. Smaller ones are copied into a shared block. */
const OWN_BLOCK_BYTES = 2 * 1024;

interface Block {
  readonly bytes: Uint8Array;
  used: number;
}

/**
 * Bytes in memory that are only appended to. Any number of readers can read them. Even tiny chunks need little more than their
 * size.
 */
export class MemoryLog {
  #blocks: Block[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  append(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    if (chunk.length >= OWN_BLOCK_BYTES) {
      this.#blocks.push({ bytes: chunk, used: chunk.length });
      return;
    }
    let block = this.#blocks.at(-1);
    if (!block || block.bytes.length - block.used < chunk.length) {
      const next = Math.max(chunk.length, block ? 2 * block.bytes.length : FIRST_BLOCK_BYTES);
      block = { bytes: new Uint8Array(Math.min(next, BLOCK_BYTES)), used: 0 };
      this.#blocks.push(block);
    }
    block.bytes.set(chunk, block.used);
    block.used += chunk.length;
  }

  /** Returns a reader that starts at the first byte. Each call returns the next piece, or undefined while there is none. */
  reader(): () => Uint8Array | undefined {
    let index = 0;
    let offset = 0;
    return () => {
      for (; index < this.#blocks.length; index++, offset = 0) {
        const { bytes, used } = this.#blocks[index] as Block;
        if (offset < used) {
          const piece = bytes.subarray(offset, used);
          offset = used;
          return piece;
        }
        // The last block may still grow.
        if (index === this.#blocks.length - 1) return undefined;
      }
      return undefined;
    };
  }

  clear(): void {
    this.#blocks = [];
    this.#bytes = 0;
  }
}
