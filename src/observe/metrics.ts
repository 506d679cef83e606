import type { Registry } from 'prom-client';
import type { Events } from '../core/events.ts';
import type { Instruments } from './registry.ts';
import { subscribe } from './subscribe.ts';
import { LabelledCounter, DurationHistogram } from './instruments.ts';

/** The route label of a request that no route matched. */
const UNMATCHED = 'unmatched';

/** The metrics of one app. */
export interface Metrics {
  readonly contentType: string;
  /** Every metric with its labels. The first call loads prom-client and its metrics of the process. */
  registry(): Promise<Registry>;
  /** The metrics in the Prometheus text format. */
  render(): Promise<string>;
  /** Stops counting. */
  close(): void;
}

/**
 * Counts the events of one app. Labels are names from the config and values from closed sets, never a path or another text of a
 * caller. Counting costs well below a microsecond a request, since prom-client is used only when metrics are read.
 */
export function createMetrics(events: Events, info: { readonly version: string }): Metrics {
  const tallies: Instruments = {
    version: info.version,
    active: 0,
    connections: 0,
    waiting: 0,
    server: new DurationHistogram(),
    client: new DurationHistogram(),
    auth: new LabelledCounter(['route', 'outcome']),
    errors: new LabelledCounter(['route', 'code', 'outcome']),
    renewals: new LabelledCounter(['provider', 'reason', 'outcome']),
    replays: new LabelledCounter(['route', 'status', 'outcome']),
    replaySkipped: new LabelledCounter(['route', 'reason']),
    expiries: new Map(),
    stores: new Map(),
  };
  const { server, client, auth, errors, renewals, replays, replaySkipped, expiries, stores } = tallies;

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
      server.add(route, record.method, record.status, record.code, record.durationMs);
      // A caller who left before anything was tried has no outcome.
      if (record.code !== undefined) errors.add(route, record.code, record.outcome ?? 'not_sent');
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
  const open = (): Promise<Registry> =>
    (registry ??= import('./registry.ts').then(({ createRegistry }) => createRegistry(tallies)));
  return {
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    registry: open,
    async render() {
      return (await open()).metrics();
    },
    close,
  };
}
