/** A number of bytes that the bodies of all requests share. */
export class Budget {
  #maxBytes: number;
  #usedBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes `bytes` out of the budget. Returns false, and takes nothing, when it has fewer. */
  take(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.#maxBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }

  /** Counts bytes that are in memory already, even if the budget has fewer. */
  charge(bytes: number): void {
    this.#usedBytes += bytes;
  }

  /** Gives bytes back that were taken or charged. */
  give(bytes: number): void {
    this.#usedBytes -= bytes;
  }

  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
  }
}

/** The budgets for request bodies. A proxy has one of these. */
export interface Budgets {
  /** For bodies that are kept in memory, or collected to be signed. */
  readonly memory: Budget;
  /** For bodies in the spool. */
  readonly disk: Budget;
  /** Reports to the operator that a body could not be spooled. The caller isn't told: its request goes on. */
  diskFailed(cause: unknown): void;
}
