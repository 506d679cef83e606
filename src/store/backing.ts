import type { TokenRecord } from './store.ts';

/** What a backing tells by itself. */
export interface BackingEvents {
  /** A key has another record, whoever wrote it. */
  changed(key: string): void;
  /** It has just become impossible to reach. */
  lost(cause: unknown): void;
  /** It can be reached, for the first time or again. */
  found(): void;
}

/**
 * Where the records of several processes really lie: plain operations that reject when they can't be done, with no bound on
 * how long they take. shared.ts makes a store of it.
 */
export interface Backing {
  readonly kind: 'file' | 'redis';
  /** Begins: `found` is told when it can be used. Rejects when it never can. */
  open(events: BackingEvents): Promise<void>;
  read(key: string): Promise<TokenRecord | undefined>;
  /** Stores `next` if the stored generation is `expected`. */
  write(key: string, expected: number, next: TokenRecord): Promise<boolean>;
  /** True once for each written record, and never when a use before could have been forgotten. */
  redeem(key: string, generation: number): Promise<boolean>;
  remove(key: string): Promise<void>;
  /** Takes the lock for `leaseMs`, if nobody has it. `holder` is a value that nobody else uses. */
  take(key: string, holder: string, leaseMs: number): Promise<boolean>;
  /** Makes the lease `leaseMs` long again; false when the lock is no longer this holder's. */
  extend(key: string, holder: string, leaseMs: number): Promise<boolean>;
  /** Frees the lock if it is this holder's. */
  free(key: string, holder: string): Promise<void>;
  /** Whether it can be written to: resolves, or rejects with the reason. */
  probe(): Promise<void>;
  /** Lets go of whatever hangs, and begins anew. */
  reset(): void;
  close(): Promise<void>;
}

/** Why something can't be done, as one word that holds no secret: a system's code, or the first word of Redis's answer. */
export function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === 'string' && code !== '') return code;
  return /^[A-Z][A-Z0-9]+(?= |$)/.exec(error.message)?.[0] ?? error.constructor.name;
}
