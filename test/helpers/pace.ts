/** Calls at a steady rate. */
export interface Pace {
  /** Calls so far. */
  readonly count: number;
  /** No more calls; resolves when all that were made are done. */
  end(): Promise<void>;
}

const TICK_MS = 4;

/**
 * Calls `send` with 0, 1, 2, … at a steady rate, whatever becomes of it. With `most` under way it waits; what was due meanwhile
 * is not made up for, or a process that had no turn for a while would come down on the other in one burst.
 */
export function pace(perSecond: number, send: (n: number) => Promise<void>, most = Infinity): Pace {
  const underWay = new Set<Promise<void>>();
  let began = performance.now();
  let count = 0;
  const timer = setInterval(() => {
    const due = ((performance.now() - began) / 1_000) * perSecond;
    while (count < due && underWay.size < most) {
      const sending = send(count++);
      underWay.add(sending);
      void sending.finally(() => underWay.delete(sending));
    }
    began += (Math.max(0, due - count) / perSecond) * 1_000;
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
