/** So many bytes and no more, for the bodies of all requests together. */
export class Budget {
  #maxBytes: number;
  #usedBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes `bytes` out of the budget, if it has them. */
  take(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.#maxBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }

  /** Takes what is used already, whether the budget has it or not. */
  charge(bytes: number): void {
    this.#usedBytes += bytes;
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
  }

  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
  }
}

/** Where bodies are kept; one for the whole process. */
export interface Budgets {
  /** For those that are kept, or collected to be signed. */
  readonly memory: Budget;
  /** For the spool. */
  readonly disk: Budget;
  /** Tells the operator that one could not be spooled: its caller is not told. */
  diskFailed(cause: unknown): void;
}
