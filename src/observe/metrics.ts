import type { Registry } from 'prom-client';
import type { Events } from '../core/events.ts';
import type { Instruments } from './registry.ts';
import { hasFailed } from './failed.ts';
import { subscribe } from './subscribe.ts';
import { LabelledCounter, DurationHistogram } from './instruments.ts';

/** The label of requests that no route matched. */
const UNMATCHED = 'unmatched';

/** Counts by the names of the config. */
export interface Totals {
  route(name: string): { readonly requests: number; readonly errors: number; readonly replays: number };
  renewals(provider: string): { readonly ok: number; readonly failed: number };
  /** Whether a store that several processes share works; undefined: it has not said. */
  isStoreUp(kind: string): boolean | undefined;
}

export interface Metrics {
  readonly contentType: string;
  /** The Prometheus text format. The first call brings in prom-client and the process's own metrics. */
  render(): Promise<string>;
  /** What has been counted since the start, for others who ask. */
  readonly totals: Totals;
  /** Stops listening. */
  close(): void;
}

const sum = (counts: Iterable<number>): number => [...counts].reduce((total, count) => total + count, 0);

function totalsOf({ server, renewals, replays, stores }: Instruments): Totals {
  const renewed = (provider: string, outcome: string): number =>
    sum([...renewals.entries()].map(([is, count]) => (is.provider === provider && is.outcome === outcome ? count : 0)));
  return {
    route(name) {
      const series = server.of(name);
      return {
        requests: sum(series.map(({ count }) => count)),
        errors: sum(series.map(({ status, error, count }) => (hasFailed(status, error) ? count : 0))),
        replays: sum([...replays.entries()].map(([{ route }, count]) => (route === name ? count : 0))),
      };
    },
    renewals: (provider) => ({ ok: renewed(provider, 'ok'), failed: renewed(provider, 'failed') }),
    isStoreUp: (kind) => stores.get(kind),
  };
}

/**
 * Counts what the events tell. Labels are ids of the config and closed sets, never a path or another text of a caller.
 * Counting takes well below a microsecond a request; prom-client sees the figures when somebody asks for them.
 */
export function createMetrics(events: Events, info: { readonly version: string }): Metrics {
  const tallies: Instruments = {
    version: info.version,
    active: 0,
    server: new DurationHistogram(),
    client: new DurationHistogram(),
    auth: new LabelledCounter(['route', 'outcome']),
    renewals: new LabelledCounter(['provider', 'reason', 'outcome']),
    replays: new LabelledCounter(['route', 'status', 'outcome']),
    replaySkipped: new LabelledCounter(['route', 'reason']),
    expiries: new Map(),
    stores: new Map(),
  };
  const { server, client, auth, renewals, replays, replaySkipped, expiries, stores } = tallies;

  const close = subscribe(events, {
    started: () => {
      tallies.active++;
    },
    exchange: (record) => {
      const route = record.route ?? UNMATCHED;
      if (tallies.active > 0) tallies.active--;
      server.add(route, record.method, record.status, record.code, record.durationMs);
      if (record.auth !== undefined) auth.add(route, record.auth);
    },
    attempt: (record) => {
      client.add(record.route, record.method, record.status, record.error, record.durationMs);
    },
    renewal: ({ provider, reason, outcome, expiresAtMs }) => {
      renewals.add(provider, reason, outcome);
      if (expiresAtMs !== undefined) expiries.set(provider, expiresAtMs);
    },
    replay: ({ route, status, outcome }) => replays.add(route, String(status), outcome),
    replaySkipped: ({ route, reason }) => replaySkipped.add(route, reason),
    store: ({ kind, isUp }) => void stores.set(kind, isUp),
  });

  let registry: Promise<Registry> | undefined;
  return {
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    totals: totalsOf(tallies),
    async render() {
      registry ??= import('./registry.ts').then(({ createRegistry }) => createRegistry(tallies));
      return (await registry).metrics();
    },
    close,
  };
}
