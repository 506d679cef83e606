interface Kept<T> {
  readonly item: T;
  readonly bytes: number;
}

/** The newest items: a limited number of them, in a limited number of bytes. */
export class Ring<T> {
  readonly #maxCount: number;
  readonly #maxBytes: number;
  readonly #slots: (Kept<T> | undefined)[];
  /** The slot of the oldest item. */
  #first = 0;
  #count = 0;
  #bytes = 0;

  constructor(maxCount: number, maxBytes: number) {
    this.#maxCount = maxCount;
    this.#maxBytes = maxBytes;
    this.#slots = Array.from({ length: maxCount }, () => undefined);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Adds an item and drops the oldest ones as needed. An item that is larger than the limit is not kept. */
  push(item: T, bytes: number): void {
    if (this.#count === this.#maxCount) this.#dropOldest();
    this.#slots[(this.#first + this.#count) % this.#maxCount] = { item, bytes };
    this.#count++;
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes) this.#dropOldest();
  }

  /** Yields the items, the newest first. */
  *newest(): Generator<T> {
    for (let i = this.#count - 1; i >= 0; i--) {
      yield (this.#slots[(this.#first + i) % this.#maxCount] as Kept<T>).item;
    }
  }

  #dropOldest(): void {
    this.#bytes -= (this.#slots[this.#first] as Kept<T>).bytes;
    this.#slots[this.#first] = undefined;
    this.#first = (this.#first + 1) % this.#maxCount;
    this.#count--;
  }
}
