import type { Clock } from '../core/clock.ts';
import { createMemoryStore } from './memory.ts';
import type { Lock, Store } from './store.ts';

/** The right to deliver one callback, for which nobody else delivers the same one. */
export interface Delivery {
  /** How often it was delivered before. */
  readonly timesSeen: number;
  /**
   * Gives the right back. The callback counts as delivered for `windowMs` from now; undefined: it was not delivered. Never
   * rejects.
   */
  end(windowMs: number | undefined): Promise<void>;
}

/** How often another one's delivery is asked after. */
const ASK_MS = 100;

/**
 * Which callbacks are being delivered, and which were. It is kept in the store, and in the memory of this process too if others
 * share the store: while that is down, this process knows its own.
 */
export class Deliveries {
  readonly #clock: Clock;
  readonly #stores: readonly Store[];

  constructor(store: Store, clock: Clock) {
    this.#clock = clock;
    this.#stores = store.isShared ? [createMemoryStore(clock), store] : [store];
  }

  /**
   * Takes the right to deliver the callback `id` of the name `list`. While another one has it, waits up to `waitMs` for what comes
   * of that; undefined: it is not decided then.
   */
  async begin(list: string, id: string, waitMs: number): Promise<Delivery | undefined> {
    const untilMs = this.#clock.monotonic() + waitMs;
    for (;;) {
      const locks = await this.#lock(`callback/${list}/${id}`);
      if (locks) return this.#delivery(list, id, locks);
      if (this.#clock.monotonic() >= untilMs) return undefined;
      await new Promise<void>((resolve) => this.#clock.after(ASK_MS, resolve));
    }
  }

  /** Forgets what is known in this process alone. */
  async close(): Promise<void> {
    const [own] = this.#stores;
    if (this.#stores.length > 1) await own?.close();
  }

  async #lock(key: string): Promise<readonly Lock[] | undefined> {
    const locks: Lock[] = [];
    for (const store of this.#stores) {
      const answer = await store.lock(key);
      if (answer.state === 'got') locks.push(answer.lock);
      if (answer.state !== 'taken') continue;
      await release(locks);
      return undefined;
    }
    return locks;
  }

  async #delivery(list: string, id: string, locks: readonly Lock[]): Promise<Delivery> {
    const counts = await Promise.all(this.#stores.map(async (store) => orIfDown(0, () => store.timesSeen(list, id))));
    return {
      timesSeen: Math.max(...counts),
      end: async (windowMs) => {
        if (windowMs !== undefined) {
          const marks = this.#stores.map((store) => orIfDown(undefined, () => store.markSeen(list, id, windowMs)));
          await Promise.all(marks);
        }
        await release(locks);
      },
    };
  }
}

const release = (locks: readonly Lock[]) => Promise.all(locks.map(async (lock) => lock.release()));

/** What the store says; `otherwise` while it is down. */
async function orIfDown<T>(otherwise: T, ask: () => T | Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch {
    return otherwise;
  }
}
