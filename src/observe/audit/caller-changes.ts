import { hash } from 'node:crypto';
import type { CallerConfig } from '../../config/config.ts';

/** What became of a caller of the config. */
export interface CallerChange {
  readonly caller: string;
  readonly change: 'added' | 'removed' | 'changed' | 'token_changed';
}

/** What is compared of a caller. It holds a digest in place of tokens. */
interface Seen {
  readonly rights: string;
  readonly tokens: string;
}

const see = ({ tokens, ...rights }: CallerConfig): Seen => ({
  rights: JSON.stringify(rights),
  tokens: hash('sha256', JSON.stringify([...tokens.current.values])),
});

/** Tells how the callers of the config change, by a reload or by a token's file. */
export class CallerChanges {
  #seen: ReadonlyMap<string, Seen>;

  constructor(callers: readonly CallerConfig[]) {
    this.#seen = new Map(callers.map((caller) => [caller.name, see(caller)]));
  }

  /** The changes since the last call. */
  since(callers: readonly CallerConfig[]): readonly CallerChange[] {
    const before = this.#seen;
    const after = new Map(callers.map((caller) => [caller.name, see(caller)]));
    this.#seen = after;
    const changes: CallerChange[] = [];
    for (const [caller, { rights, tokens }] of after) {
      const old = before.get(caller);
      if (!old) changes.push({ caller, change: 'added' });
      else if (old.rights !== rights) changes.push({ caller, change: 'changed' });
      else if (old.tokens !== tokens) changes.push({ caller, change: 'token_changed' });
    }
    for (const caller of before.keys()) if (!after.has(caller)) changes.push({ caller, change: 'removed' });
    return changes;
  }
}
