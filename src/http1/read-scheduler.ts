import { collectYoung } from '../core/garbage.ts';

/** How many bytes of all bodies together are passed on in one turn of the event loop, before other work gets its turn. */
const TURN_BYTES = 256 * 1024;
/** What a piece counts for at least, since even a tiny one costs time. */
const PIECE_BYTES = 512;

/** How many times as much a byte of overhead costs as a byte of a body. */
const OVERHEAD_WEIGHT = 4;
/** After this many bytes of bodies, garbage is collected. */
const FRESH_BYTES = 8 * 1024 * 1024;

interface Waiting {
  readonly bytes: number;
  readonly go: () => void;
}

/**
 * Shares the event loop between the bodies of one proxy. Without it Node reads each socket up to 32 times before it looks at
 * the next one, and fifty bodies make 100 MiB in one turn.
 */
export class ReadScheduler {
  #turnBytes = 0;
  #freshBytes = 0;
  #waiting: Waiting[] = [];
  #settled: Promise<void> | undefined;

  /**
   * Says whether a body may be read further in this turn, after `bytes` of it have come. If not, the caller pauses its socket,
   * and `go` is called once it may be read again.
   * @param overheadBytes How many bytes came with it that are no body, such as the sizes of chunks.
   */
  mayReadOn(bytes: number, go: () => void, overheadBytes = 0): boolean {
    const counted = Math.max(bytes + OVERHEAD_WEIGHT * overheadBytes, PIECE_BYTES);
    this.#freshBytes += bytes;
    if (this.#freshBytes >= FRESH_BYTES) {
      this.#freshBytes = 0;
      collectYoung();
    }
    if (this.#turnBytes >= TURN_BYTES) {
      this.#waiting.push({ bytes: counted, go });
      return false;
    }
    if (this.#turnBytes === 0) setImmediate(this.#nextTurn);
    this.#turnBytes += counted;
    return true;
  }

  /**
   * Resolves once this turn of the event loop has read what the sockets had. Everyone who waits in one turn shares a promise.
   */
  afterReading(): Promise<void> {
    this.#settled ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#settled = undefined;
        resolve();
      });
    });
    return this.#settled;
  }

  /** Lets bodies go on in the order in which they had to wait, up to the limit of a turn. */
  readonly #nextTurn = (): void => {
    const queue = this.#waiting;
    this.#waiting = [];
    this.#turnBytes = 0;
    let n = 0;
    for (; n < queue.length && this.#turnBytes < TURN_BYTES; n++) {
      const { bytes, go } = queue[n] as Waiting;
      this.#turnBytes += bytes;
      go();
    }
    if (n < queue.length) this.#waiting = [...queue.slice(n), ...this.#waiting];
    if (this.#turnBytes > 0) setImmediate(this.#nextTurn);
  };
}
