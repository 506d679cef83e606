const MAX_ENTRIES = 10_000;

/** What a merchant has made at a provider: orders, refunds, links. Beyond 10 000 entries, the oldest are dropped. */
export class Ledger {
  readonly #entries = new Map<string, unknown>();

  get(key: string): unknown {
    return this.#entries.get(key);
  }

  /** The entries whose key starts with `prefix`, oldest first. */
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

/** The entries of one sort, in any ledger. */
export interface Shelf<T> {
  get(ledger: Ledger, id: string): T | undefined;
  /** All entries, oldest first. */
  all(ledger: Ledger): readonly T[];
  /** Stores an entry and returns it. */
  put(ledger: Ledger, id: string, entry: T): T;
}

/** Creates a shelf. The casts are safe if no two shelves have the same name. */
export const shelf = <T>(name: string): Shelf<T> => ({
  get: (ledger, id) => ledger.get(`${name}/${id}`) as T | undefined,
  all: (ledger) => ledger.under(`${name}/`) as T[],
  put(ledger, id, entry) {
    ledger.set(`${name}/${id}`, entry);
    return entry;
  },
});
