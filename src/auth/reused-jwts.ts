import { type Skip, tooYoung } from './token/skip.ts';

/** A JWT that was just made, and how long it may be used at all. */
export interface MadeJwt {
  readonly text: string;
  readonly usableMs: number;
}

interface Kept {
  readonly text: string;
  /** Grows with each JWT that is made, so that a late rejection can't drop a newer one. */
  readonly generation: number;
  readonly madeAtMs: number;
  readonly untilMs: number;
  /** The credentials it was made of. Others make another JWT. */
  readonly from: unknown;
}

/** The JWTs of one provider that several API calls use. Moments are epoch milliseconds. */
export class ReusedJwts {
  readonly #kept = new Map<string, Kept>();
  readonly #cooldownMs: number;
  #generation = 0;

  /** @param cooldownMs A rejected JWT that is younger is not replaced: its age can't be the cause. */
  constructor(cooldownMs: number) {
    this.#cooldownMs = cooldownMs;
  }

  /** The JWT called `name`; it is made when there is none, it is too old, or the credentials have changed. */
  get(name: string, reuseMs: number, nowMs: number, from: unknown, make: () => MadeJwt): Readonly<Kept> {
    const known = this.#kept.get(name);
    if (known && known.from === from && nowMs < known.untilMs && nowMs >= known.madeAtMs) return known;
    const { text, usableMs } = make();
    const untilMs = nowMs + Math.min(reuseMs, usableMs);
    const kept: Kept = { text, generation: ++this.#generation, madeAtMs: nowMs, untilMs, from };
    this.#kept.set(name, kept);
    return kept;
  }

  /**
   * Drops the JWTs of a rejected request.
   * @param generation The newest one in it.
   * @returns Whether they were still in use. A skip when they are too young to be the cause.
   */
  reject(generation: number, rejectedAtMs: number): { readonly dropped: boolean } | Skip {
    const rejected = this.#upTo(generation);
    const newest = Math.max(...rejected.map(([, { madeAtMs }]) => madeAtMs));
    const ageMs = rejectedAtMs - newest;
    if (ageMs < this.#cooldownMs) return tooYoung(ageMs, this.#cooldownMs, 'JWT');
    this.drop(generation);
    return { dropped: rejected.length > 0 };
  }

  /** Drops all JWTs up to a generation. */
  drop(generation: number): void {
    for (const [name] of this.#upTo(generation)) this.#kept.delete(name);
  }

  #upTo(generation: number): [string, Kept][] {
    return [...this.#kept].filter(([, kept]) => kept.generation <= generation);
  }
}
