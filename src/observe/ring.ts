interface Kept<T> {
  readonly item: T;
  readonly bytes: number;
}

/** The last things of a kind: a bounded number of them, in a bounded number of bytes. */
export class Ring<T> {
  readonly #maxCount: number;
  readonly #maxBytes: number;
  readonly #slots: (Kept<T> | undefined)[];
  /** Where the oldest stands. */
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

  /** One that is larger than all may be together is not kept. */
  push(item: T, bytes: number): void {
    if (this.#count === this.#maxCount) this.#dropOldest();
    this.#slots[(this.#first + this.#count) % this.#maxCount] = { item, bytes };
    this.#count++;
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes) this.#dropOldest();
  }

  /** The newest first. */
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
