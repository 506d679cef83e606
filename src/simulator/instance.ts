import type { Clock } from '../core/clock.ts';
import { KINDS } from './kinds.ts';
import { Ledger } from './ledger.ts';
import { createRouter } from './router.ts';
import type { Router } from './router.ts';
import { TokenBook } from './tokens.ts';
import type { SimulatorAnswer, Kind, Provider, Role } from './types.ts';

/**
 * A provider to simulate. Its name is its mount, its kind one of `SIMULATED_KINDS`. Credentials that are left out get the
 * kind's defaults.
 */
export interface SimulatedProvider {
  readonly name: string;
  readonly kind: string;
  readonly credentials: Readonly<Record<string, string>>;
  /** How long its tokens live at first, milliseconds; default: the kind's own. */
  readonly lifetimeMs?: number;
}

/** A failure to answer calls with: the next `left` of them, or all for Infinity. */
export interface Failure {
  readonly status: number;
  readonly retryAfter: string | undefined;
  left: number;
}

/** What controls can change. */
export interface Knobs {
  lifetimeMs: number;
  readonly initialLifetimeMs: number;
  readonly delayMs: Record<Role, number>;
  readonly failure: Record<Role, Failure | undefined>;
}

/** The number of calls and what became of them. A call under way has no result yet. */
export interface Counts {
  readonly token: {
    /** Calls for a new token: all that are no refresh. */
    fetch: number;
    refresh: number;
    ok: number;
    /** Answered with a 4xx. */
    refused: number;
    /** Made to fail by `_control/fail`. */
    failed: number;
    under_way: number;
    /** The highest number of calls under way at once. */
    most_at_once: number;
  };
  readonly api: {
    total: number;
    ok: number;
    /** Calls whose credential, token or signature was not accepted. */
    rejected: number;
    /** Calls with another 4xx: a bad body, an unknown order. */
    refused: number;
    failed: number;
  };
}

/** One simulated provider with its state. */
export interface Instance extends Provider {
  readonly kindName: string;
  readonly kind: Kind;
  readonly route: Router;
  readonly knobs: Knobs;
  readonly counts: Counts;
}

/**
 * Creates the simulated providers, by name. Throws for an unknown kind, a reserved or empty name, and a name that occurs twice.
 */
export function createInstances(providers: readonly SimulatedProvider[], clock: Clock): ReadonlyMap<string, Instance> {
  const ledgers = new Map<string, Ledger>();
  const ledgerOf = (key: string): Ledger => {
    const ledger = ledgers.get(key) ?? new Ledger();
    ledgers.set(key, ledger);
    return ledger;
  };
  const instances = new Map<string, Instance>();
  for (const { name, kind: kindName, credentials: given, lifetimeMs } of providers) {
    const kind = KINDS.get(kindName);
    if (!kind) throw new Error(`no simulator for "${kindName}"; there are: ${[...KINDS.keys()].join(', ')}`);
    if (!name || name === '_control') throw new Error(`a simulated provider can't be called "${name}"`);
    if (instances.has(name)) throw new Error(`two simulated providers are called "${name}"`);
    const credentials = { ...kind.credentials, ...given };
    const initialLifetimeMs = lifetimeMs ?? kind.lifetimeMs;
    const knobs: Knobs = {
      lifetimeMs: initialLifetimeMs,
      initialLifetimeMs,
      delayMs: { token: 0, api: 0 },
      failure: { token: undefined, api: undefined },
    };
    instances.set(name, {
      name,
      kindName,
      kind,
      credentials,
      clock,
      tokens: new TokenBook(clock),
      ledger: ledgerOf(kind.ledger?.(credentials) ?? `provider/${name}`),
      get lifetimeMs() {
        return knobs.lifetimeMs;
      },
      route: createRouter(kind),
      knobs,
      counts: {
        token: { fetch: 0, refresh: 0, ok: 0, refused: 0, failed: 0, under_way: 0, most_at_once: 0 },
        api: { total: 0, ok: 0, rejected: 0, refused: 0, failed: 0 },
      },
    });
  }
  return instances;
}

/** The failure that answers the next call, if one is due; counts it down. */
export function dueFailure({ knobs }: Instance, role: Role): SimulatorAnswer | undefined {
  const failure = knobs.failure[role];
  if (!failure) return undefined;
  failure.left -= 1;
  if (failure.left <= 0) knobs.failure[role] = undefined;
  return {
    status: failure.status,
    body: { code: 'SIMULATED_FAILURE', message: 'made to fail by _control/fail' },
    ...(failure.retryAfter !== undefined && { headers: { 'retry-after': failure.retryAfter } }),
  };
}

/** Counts a call on arrival. The returned function is called when the call is over. */
export function countArrival({ counts }: Instance, role: Role, isRefresh: boolean): () => void {
  const { token, api } = counts;
  if (role === 'api') {
    api.total += 1;
    return () => undefined;
  }
  token[isRefresh ? 'refresh' : 'fetch'] += 1;
  token.under_way += 1;
  token.most_at_once = Math.max(token.most_at_once, token.under_way);
  return () => void (token.under_way -= 1);
}

/** Counts the answer of an endpoint. */
export function countAnswer({ counts }: Instance, role: Role, { status, rejected }: SimulatorAnswer): void {
  const isOk = status < 400;
  if (role === 'token') counts.token[isOk ? 'ok' : 'refused'] += 1;
  else counts.api[rejected ? 'rejected' : isOk ? 'ok' : 'refused'] += 1;
}
