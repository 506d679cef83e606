import type { Registry } from 'prom-client';
import type { Events } from '../core/events.ts';
import type { Instruments } from './registry.ts';
import { subscribe } from './subscribe.ts';
import { LabelledCounter, DurationHistogram } from './instruments.ts';

/** The label of requests that no route matched. */
const UNMATCHED = 'unmatched';

export interface Metrics {
  readonly contentType: string;
  /** The Prometheus text format. The first call brings in prom-client and the process's own metrics. */
  render(): Promise<string>;
  /** Stops listening. */
  close(): void;
}

/**
 * Counts what the events tell. Labels are ids of the config and closed sets, never a path or another text of a caller.
 * Counting takes well below a microsecond a request; prom-client sees the figures when somebody asks for them.
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
  return {
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    async render() {
      registry ??= import('./registry.ts').then(({ createRegistry }) => createRegistry(tallies));
      return (await registry).metrics();
    },
    close,
  };
}
