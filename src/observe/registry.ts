import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Metric, MetricValueWithName } from 'prom-client';
import { BOUNDS } from './instruments.ts';
import type { LabelledCounter, DurationHistogram, Series } from './instruments.ts';
import type { Label } from './labels.ts';

/** The counts of metrics.ts. They are read when the metrics are scraped. */
export interface Instruments {
  readonly version: string;
  /** The certificates of ours that are in use now. */
  readonly clientCertificates: () => Iterable<{ readonly provider: string; readonly expiresAtMs: number }>;
  /** The number of requests under way. */
  active: number;
  /** Connections of callers that count against the limit. */
  connections: number;
  /** Requests that wait for a token. */
  waiting: number;
  readonly server: DurationHistogram;
  readonly client: DurationHistogram;
  readonly auth: LabelledCounter<'route' | 'outcome'>;
  readonly errors: LabelledCounter<'route' | 'code' | 'outcome'>;
  readonly renewals: LabelledCounter<'provider' | 'reason' | 'outcome'>;
  readonly replays: LabelledCounter<'route' | 'status' | 'outcome'>;
  readonly replaySkipped: LabelledCounter<'route' | 'reason'>;
  readonly scrubbed: LabelledCounter<'route'>;
  readonly callbacks: LabelledCounter<'name' | 'outcome'>;
  /** Provider → expiry of its newest token, epoch milliseconds. */
  readonly expiries: Map<string, number>;
  /** Kind of shared store → whether it works. */
  readonly stores: Map<string, boolean>;
}

const HTTP_LABELS = [
  'caller',
  'http_route',
  'http_request_method',
  'http_response_status_code',
  'error_type',
] as const satisfies readonly Label[];
type HttpLabel = (typeof HTTP_LABELS)[number];

const httpLabels = (route: string, series: Series): Partial<Record<HttpLabel, string>> => ({
  ...(series.caller === undefined ? {} : { caller: series.caller }),
  http_route: route,
  http_request_method: series.method,
  ...(series.status === 0 ? {} : { http_response_status_code: String(series.status) }),
  ...(series.error === undefined ? {} : { error_type: series.error }),
});

/** A prom-client histogram whose values are counted in a {@link DurationHistogram}. */
class ExportedHistogram extends Histogram<HttpLabel> {
  readonly #name: string;
  readonly #help: string;
  readonly #tally: DurationHistogram;

  constructor(name: string, help: string, tally: DurationHistogram) {
    super({ name, help, labelNames: HTTP_LABELS, buckets: [...BOUNDS], registers: [] });
    this.#name = name;
    this.#help = help;
    this.#tally = tally;
  }

  override async get(): ReturnType<Histogram<HttpLabel>['get']> {
    const values: MetricValueWithName<string>[] = [];
    for (const [route, series] of this.#tally.entries()) {
      const labels = httpLabels(route, series);
      const push = (suffix: string, value: number, bound: { le?: number | string }): void => {
        values.push({ metricName: `${this.#name}_${suffix}`, value, labels: { ...bound, ...labels } });
      };
      let below = 0;
      for (const [i, le] of BOUNDS.entries()) push('bucket', (below += series.counts[i] as number), { le });
      push('bucket', series.count, { le: '+Inf' });
      push('sum', series.sumMs / 1_000, {});
      push('count', series.count, {});
    }
    // The type of the result has more fields than the registry reads.
    return { name: this.#name, help: this.#help, type: 'histogram', values, aggregator: 'sum' } as never;
  }

  // The registry calls this method of a histogram, which prom-client's types don't declare.
  getForPromString(): ReturnType<Histogram<HttpLabel>['get']> {
    return this.get();
  }
}

const counter = <Name extends Label>(name: string, help: string, tally: LabelledCounter<Name>): Counter<Name> =>
  new Counter({
    name,
    help,
    labelNames: tally.names,
    registers: [],
    collect() {
      this.reset();
      for (const [labels, count] of tally.entries()) this.inc(labels, count);
    },
  });

/** Creates a gauge. `fill` sets its values when the metrics are scraped. */
const gauge = <Name extends Label>(
  name: string,
  help: string,
  labelNames: readonly Name[],
  fill: (gauge: Gauge<Name>) => void,
): Gauge<Name> =>
  new Gauge({
    name,
    help,
    labelNames,
    registers: [],
    collect() {
      this.reset();
      fill(this);
    },
  });

/** Creates the registry behind `/metrics`, including the metrics of the process itself. */
export function createRegistry(tallies: Instruments): Registry {
  const { server, client, auth, errors, renewals, replays, replaySkipped, scrubbed, callbacks } = tallies;
  const metrics = [
    new ExportedHistogram(
      'http_server_request_duration_seconds',
      'From a request arriving to the last byte of its answer.',
      server,
    ),
    new ExportedHistogram(
      'http_client_request_duration_seconds',
      'One attempt at a provider, to the head of its answer.',
      client,
    ),
    gauge('http_server_active_requests', 'Requests under way.', [], (active) => active.set(tallies.active)),
    gauge('outrider_connections', 'Open connections of callers.', [], (open) => open.set(tallies.connections)),
    gauge('outrider_waiting_requests', 'Requests that wait for a token.', [], (waiting) =>
      waiting.set(tallies.waiting),
    ),
    counter(
      'outrider_errors_total',
      'Requests that failed in Outrider, by code, and by whether the provider may have seen them (outcome unknown).',
      errors,
    ),
    counter('outrider_auth_injections_total', 'Requests by what became of their credential.', auth),
    counter('outrider_token_renewals_total', 'Token calls by reason and outcome.', renewals),
    gauge(
      'outrider_token_expiry_timestamp_seconds',
      'When the newest token of a provider expires.',
      ['provider'],
      (expiry) => {
        for (const [provider, atMs] of tallies.expiries) expiry.set({ provider }, atMs / 1_000);
      },
    ),
    gauge(
      'outrider_store_up',
      'Whether the token store works; if not, tokens are kept in this process only.',
      ['kind'],
      (up) => {
        for (const [kind, isUp] of tallies.stores) up.set({ kind }, isUp ? 1 : 0);
      },
    ),
    gauge(
      'outrider_client_certificate_expiry_timestamp_seconds',
      'When the certificate that a provider is shown expires; of two, the earlier.',
      ['provider'],
      (expiry) => {
        for (const { provider, expiresAtMs } of tallies.clientCertificates()) {
          expiry.set({ provider }, expiresAtMs / 1_000);
        }
      },
    ),
    counter('outrider_replays_total', 'Rejected requests that were sent again.', replays),
    counter('outrider_replay_skipped_total', 'Rejected requests that were not sent again.', replaySkipped),
    counter('outrider_scrubbed_total', 'Answers in which secrets of their requests were overwritten.', scrubbed),
    counter('outrider_callbacks_total', 'Callbacks of providers.', callbacks),
    gauge('outrider_build_info', 'Always 1; the labels tell what runs.', ['version', 'node_version'], (build) =>
      build.set({ version: tallies.version, node_version: process.version }, 1),
    ),
  ];
  const register = new Registry();
  for (const metric of metrics) register.registerMetric(metric as Metric);
  const { user, system } = process.cpuUsage();
  collectDefaultMetrics({ register });
  // prom-client counts CPU time from now on only, so the time until now is added.
  for (const [name, us] of Object.entries({ user_: user, system_: system, '': user + system })) {
    (register.getSingleMetric(`process_cpu_${name}seconds_total`) as Counter).inc(us / 1e6);
  }
  return register;
}
