import type { ChangeListener } from './store.ts';

/** How many listeners are called before other work gets a turn. */
const BATCH = 50;

/** The listeners of each key. */
export class Listeners {
  readonly #byKey = new Map<string, Set<ChangeListener>>();

  /** Adds a listener for a key; the returned function removes it. */
  add(key: string, listener: ChangeListener): () => void {
    const listeners = this.#byKey.get(key) ?? new Set();
    this.#byKey.set(key, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#byKey.get(key) === listeners) this.#byKey.delete(key);
    };
  }

  /** Tells the listeners of a key that its record may have changed. */
  changed(key: string): void {
    for (const listener of this.#byKey.get(key) ?? []) listener('changed');
  }

  /**
   * Tells all listeners that the store is back, in batches: each listener then reads from the store, and there may be
   * thousands.
   */
  async returned(): Promise<void> {
    const all = [...this.#byKey.values()].flatMap((listeners) => [...listeners]);
    for (const [i, listener] of all.entries()) {
      if (i % BATCH === BATCH - 1) await new Promise((resolve) => setImmediate(resolve));
      listener('returned');
    }
  }

  clear(): void {
    this.#byKey.clear();
  }
}
