/** Calls `send` with 0, 1, 2, … at a steady rate, whatever becomes of it. */
export interface Pace {
  /** Calls so far. */
  readonly count: number;
  /** No more calls; resolves when all that were made are done. */
  end(): Promise<void>;
}

const TICK_MS = 4;

export function pace(perSecond: number, send: (n: number) => Promise<void>, from = 0): Pace {
  const underWay = new Set<Promise<void>>();
  const began = performance.now();
  let count = 0;
  const timer = setInterval(() => {
    // It may come late: what is due is sent then.
    for (const due = ((performance.now() - began) / 1_000) * perSecond; count < due;) {
      const sending = send(from + count++);
      underWay.add(sending);
      void sending.finally(() => underWay.delete(sending));
    }
  }, TICK_MS);
  return {
    get count() {
      return count;
    },
    async end() {
      clearInterval(timer);
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}
