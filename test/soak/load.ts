import { KeepAliveCaller } from '../helpers/keep-alive.ts';
import { pace } from '../helpers/pace.ts';
import type { Pace } from '../helpers/pace.ts';
import { pay } from '../ledger/payers.ts';
import type { Outcome } from '../ledger/payers.ts';
import { planOf } from '../ledger/plan.ts';

/** A payment and when it was made, milliseconds of this process. */
export interface Timed extends Outcome {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Callers of one proxy. */
export class Load {
  readonly outcomes: Timed[] = [];
  /** Whether those who send break off now and then. */
  breaksOff = false;
  readonly #port: number;
  readonly #seed: number;
  readonly #idle: KeepAliveCaller[] = [];
  #next = 0;

  constructor(port: number, seed: number) {
    this.#port = port;
    this.#seed = seed;
  }

  /** As many as are answered over so many connections in that time; gives the number in a second. */
  async measure(connections: number, ms: number): Promise<number> {
    const before = this.outcomes.length;
    const began = performance.now();
    await Promise.all(
      Array.from({ length: connections }, async () => {
        while (performance.now() - began < ms) await this.#send(this.#next++);
      }),
    );
    return (this.outcomes.length - before) / ((performance.now() - began) / 1_000);
  }

  /** Sends at a steady rate until it is ended. */
  run(perSecond: number): Pace {
    return pace(perSecond, () => this.#send(this.#next++));
  }

  close(): void {
    for (const caller of this.#idle.splice(0)) caller.close();
  }

  async #send(n: number): Promise<void> {
    const caller = this.#idle.shift() ?? new KeepAliveCaller(this.#port);
    const fromMs = performance.now();
    const plan = planOf(this.#seed, n, true);
    const abort = this.breaksOff && n % 5 === 0 ? (n % 2 === 0 ? ('in the body' as const) : n % 10) : undefined;
    const outcome = await pay(caller, { ...plan, abort });
    this.outcomes.push({ ...outcome, fromMs, toMs: performance.now() });
    this.#idle.push(caller);
  }
}
