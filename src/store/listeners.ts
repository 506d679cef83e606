import type { ChangeListener } from './store.ts';

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

  returned(): void {
    for (const listener of [...this.#byKey.values()].flatMap((listeners) => [...listeners])) listener('returned');
  }

  clear(): void {
    this.#byKey.clear();
  }
}
