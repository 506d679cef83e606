/** By so much of the wire it is seen how much of it was body: a few reads of the socket, of which the last may be half parsed. */
const WINDOW_BYTES = 256 * 1024;
/** Wasteful reads, of all callers together, are spread over some four times as long as they take: a millisecond for so many bytes. */
const BYTES_PER_MS = 512;

let wasteUntilMs = 0;
/** Waits for so long that reads like the one of so many bytes leave everybody else their time. */
function amends(wireBytes: number): Promise<void> {
  const nowMs = performance.now();
  wasteUntilMs = Math.max(nowMs, wasteUntilMs) + wireBytes / BYTES_PER_MS;
  return new Promise((resolve) => setTimeout(resolve, wasteUntilMs - nowMs).unref());
}

/**
 * Watches a body that comes in chunks of a few bytes: a read of the socket that brings ten thousand of them takes node:http
 * 30 ms. One of which less than half of what came was body waits after each read.
 */
export class Waste {
  #lastBytes: number;
  #windowBytes: number;
  #bodyBytes = 0;
  #isWasteful = false;

  /** @param wireBytes What had been read of the connection when the body began. */
  constructor(wireBytes: number) {
    this.#lastBytes = wireBytes;
    this.#windowBytes = wireBytes;
  }

  /** A chunk was taken; so much had been read of the connection by then. Resolves when the next may be. */
  async took(chunkBytes: number, wireBytes: number): Promise<void> {
    const readBytes = wireBytes - this.#lastBytes;
    const seenBytes = wireBytes - this.#windowBytes;
    this.#lastBytes = wireBytes;
    this.#bodyBytes += chunkBytes;
    if (seenBytes >= WINDOW_BYTES) {
      this.#isWasteful = this.#bodyBytes < seenBytes / 2;
      this.#windowBytes = wireBytes;
      this.#bodyBytes = 0;
    }
    if (this.#isWasteful && readBytes > 0) await amends(readBytes);
  }
}
