import type { Registry } from 'prom-client';
import type { Events } from '../core/events.ts';
import type { Instruments } from './registry.ts';
import { hasFailed } from './failed.ts';
import { subscribe } from './subscribe.ts';
import { LabelledCounter, DurationHistogram } from './instruments.ts';

/** The route label of a request that no route matched. */
const UNMATCHED = 'unmatched';

/** What has been counted since the start, by the names of the config. */
export interface Totals {
  route(name: string): { readonly requests: number; readonly errors: number; readonly replays: number };
  renewals(provider: string): { readonly ok: number; readonly failed: number };
  /** Whether a store that several processes share works. Undefined while that is not known. */
  isStoreUp(kind: string): boolean | undefined;
}

/** The metrics of one app. */
export interface Metrics {
  readonly contentType: string;
  /** Every metric with its labels. The first call loads prom-client and its metrics of the process. */
  registry(): Promise<Registry>;
  /** The metrics in the Prometheus text format. */
  render(): Promise<string>;
  /** The counts for others than Prometheus. */
  readonly totals: Totals;
  /** Stops counting. */
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
 * Counts the events of one app. Labels are names from the config and values from closed sets, never a path or another text of a
 * caller. Counting costs well below a microsecond a request, since prom-client is used only when metrics are read.
 */
export function createMetrics(
  events: Events,
  {
    version,
    clientCertificates = () => [],
  }: Pick<Instruments, 'version'> & Partial<Pick<Instruments, 'clientCertificates'>>,
): Metrics {
  const tallies: Instruments = {
    version,
    clientCertificates,
    active: 0,
    connections: 0,
    waiting: 0,
    auditGaps: 0,
    server: new DurationHistogram(),
    client: new DurationHistogram(),
    auth: new LabelledCounter(['route', 'outcome']),
    errors: new LabelledCounter(['route', 'code', 'outcome']),
    renewals: new LabelledCounter(['provider', 'reason', 'outcome']),
    replays: new LabelledCounter(['route', 'status', 'outcome']),
    replaySkipped: new LabelledCounter(['route', 'reason']),
    scrubbed: new LabelledCounter(['route']),
    callbacks: new LabelledCounter(['name', 'outcome']),
    expiries: new Map(),
    stores: new Map(),
  };
  const { server, client, auth, errors, renewals, replays, replaySkipped, scrubbed, callbacks, expiries, stores } =
    tallies;

  const close = subscribe(events, {
    connected: () => {
      tallies.connections++;
    },
    disconnected: () => {
      tallies.connections--;
    },
    waiting: (change) => {
      tallies.waiting += change;
    },
    started: () => {
      tallies.active++;
    },
    exchange: (record) => {
      const route = record.route ?? UNMATCHED;
      if (tallies.active > 0) tallies.active--;
      server.add(route, record.method, record.status, record.code, record.durationMs, record.caller);
      // A caller who left before anything was tried has no outcome.
      if (record.code !== undefined) errors.add(route, record.code, record.outcome ?? 'not_sent');
      if (record.auth !== undefined) auth.add(route, record.auth);
      if (record.scrubbed > 0) scrubbed.add(route);
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
    callback: ({ name, outcome }) => callbacks.add(name, outcome),
    auditGap: () => {
      tallies.auditGaps++;
    },
    store: ({ kind, isUp }) => void stores.set(kind, isUp),
  });

  let registry: Promise<Registry> | undefined;
  const open = (): Promise<Registry> =>
    (registry ??= import('./registry.ts').then(({ createRegistry }) => createRegistry(tallies)));
  return {
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    registry: open,
    totals: totalsOf(tallies),
    async render() {
      return (await open()).metrics();
    },
    close,
  };
}
