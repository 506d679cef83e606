import { collectYoung } from './collect.ts';

/** Of all bodies together so much is passed on in one turn of the event loop; then whoever else has something to do has its turn. */
const TURN_BYTES = 256 * 1024;
/** What the smallest piece counts for: it has its price too. */
const PIECE_BYTES = 512;

/** What a byte that is none of a body costs to read, beside one that is. */
const OVERHEAD_WEIGHT = 4;
/** After so many bytes of bodies, what is dead of them is let go. */
const FRESH_BYTES = 8 * 1024 * 1024;

interface Waiting {
  readonly bytes: number;
  readonly go: () => void;
}

/**
 * Shares the event loop between the bodies of one proxy. Without it each socket would be read up to 32 times before another is looked
 * at, and fifty bodies be 100 MiB in one turn.
 */
export class ReadScheduler {
  #turnBytes = 0;
  #freshBytes = 0;
  #waiting: Waiting[] = [];
  #settled: Promise<void> | undefined;

  /**
   * Whether a body of which so many bytes have just come may be read on at once; if not, `go` is called when it may.
   * @param overheadBytes What came with it and was no body, such as the sizes of chunks.
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

  /** Resolves once what the sockets had has been read: one promise for all who wait in this turn of the event loop. */
  afterReading(): Promise<void> {
    this.#settled ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#settled = undefined;
        resolve();
      });
    });
    return this.#settled;
  }

  /** Those who wait go on in the order in which they came. */
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
