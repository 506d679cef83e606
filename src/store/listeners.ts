import type { ChangeListener } from './store.ts';

const BATCH = 50;

/** Who wants to hear of which key. */
export class Listeners {
  readonly #byKey = new Map<string, Set<ChangeListener>>();

  add(key: string, listener: ChangeListener): () => void {
    const listeners = this.#byKey.get(key) ?? new Set();
    this.#byKey.set(key, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#byKey.get(key) === listeners) this.#byKey.delete(key);
    };
  }

  changed(key: string): void {
    for (const listener of this.#byKey.get(key) ?? []) listener('changed');
  }

  /** Not all at once: each of them asks the store, and there may be thousands. */
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
