const MAX_ENTRIES = 10_000;

/** What a merchant has done at a provider: orders, refunds, links. The oldest of more than 10 000 entries goes. */
export class Ledger {
  readonly #entries = new Map<string, unknown>();

  get(key: string): unknown {
    return this.#entries.get(key);
  }

  /** The entries whose key begins so, oldest first. */
  under(prefix: string): unknown[] {
    return [...this.#entries].filter(([key]) => key.startsWith(prefix)).map(([, entry]) => entry);
  }

  set(key: string, entry: unknown): void {
    this.#entries.set(key, entry);
    if (this.#entries.size <= MAX_ENTRIES) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }
}

export interface Shelf<T> {
  get(ledger: Ledger, id: string): T | undefined;
  /** Oldest first. */
  all(ledger: Ledger): readonly T[];
  put(ledger: Ledger, id: string, entry: T): T;
}

/** One sort of entry. Only the shelf called `name` writes under its name, hence the casts. */
export const shelf = <T>(name: string): Shelf<T> => ({
  get: (ledger, id) => ledger.get(`${name}/${id}`) as T | undefined,
  all: (ledger) => ledger.under(`${name}/`) as T[],
  put(ledger, id, entry) {
    ledger.set(`${name}/${id}`, entry);
    return entry;
  },
});
