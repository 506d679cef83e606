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

  /** The newest entry whose key starts with `prefix`, or the one whose key ends in `id`, with the end of its key. */
  entryUnder(prefix: string, id: string | undefined): readonly [id: string, entry: unknown] | undefined {
    const found = [...this.#entries].findLast(([key]) =>
      id === undefined ? key.startsWith(prefix) : key === prefix + id,
    );
    return found && [found[0].slice(prefix.length), found[1]];
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
  /** The entry of this id with the id, or the newest one. */
  entry(ledger: Ledger, id: string | undefined): readonly [id: string, entry: T] | undefined;
  /** Stores an entry and returns it. */
  put(ledger: Ledger, id: string, entry: T): T;
}

/** Creates a shelf. The casts are safe if no two shelves have the same name. */
export const shelf = <T>(name: string): Shelf<T> => ({
  get: (ledger, id) => ledger.get(`${name}/${id}`) as T | undefined,
  all: (ledger) => ledger.under(`${name}/`) as T[],
  entry: (ledger, id) => ledger.entryUnder(`${name}/`, id) as readonly [string, T] | undefined,
  put(ledger, id, entry) {
    ledger.set(`${name}/${id}`, entry);
    return entry;
  },
});
