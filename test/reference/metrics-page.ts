import { createEvents } from '../../src/core/events.ts';
import { LABELS } from '../../src/observe/labels.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import { block, code, page, table, type Part } from './page.ts';

/** What prom-client keeps of a metric; its types tell less. */
interface Described {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  get(): Promise<{ readonly type: unknown }>;
}

const ABOUT = `The admin address serves these at \`/metrics\`, in Prometheus' text format. A label holds a name of the config or one of a few words,
never a path or another text of a caller, so that nobody can make series without end.`;

const EXAMPLES = block(
  'promql',
  `# Errors of Outrider's own, and of providers, a second and route
sum by (http_route, http_response_status_code) (rate(http_server_request_duration_seconds_count{http_response_status_code=~"5.."}[5m]))

# What the slowest hundredth takes, with Outrider and without
histogram_quantile(0.99, sum by (le, http_route) (rate(http_server_request_duration_seconds_bucket[5m])))
histogram_quantile(0.99, sum by (le, http_route) (rate(http_client_request_duration_seconds_bucket[5m])))

# Token calls that bring none
sum by (provider) (rate(outrider_token_renewals_total{outcome="failed"}[5m])) > 0

# A token that expires within a minute, and nobody renews it
outrider_token_expiry_timestamp_seconds - time() < 60`,
);

type Values = Readonly<Record<string, string>>;
type Labels = Readonly<Record<string, string | Readonly<Record<string, Values>>>>;

/** What a label of a metric says: one row, or one for each of its values. */
function rowsOf(metric: string, label: string): readonly (readonly string[])[] {
  const meaning = (LABELS as Labels)[label];
  if (typeof meaning === 'string') return [[code(label), '', meaning]];
  const values = meaning?.[metric];
  if (!values) throw new Error(`src/observe/labels.ts doesn't say what "${label}" of ${metric} means`);
  return Object.entries(values).map(([value, means], i) => [i === 0 ? code(label) : '', code(value), means]);
}

function section({ name, help, labelNames, type }: Omit<Described, 'get'> & { readonly type: string }): Part {
  const rows = labelNames.flatMap((label) => rowsOf(name, label));
  const labels = rows.length === 0 ? [] : [table(['label', 'value', 'says'], rows)];
  return [`### ${code(name)}`, `${help} A ${type}.`, ...labels].join('\n\n');
}

/** `config/reference/metrics.md`. */
export async function metricsPage(): Promise<string> {
  const metrics = createMetrics(createEvents(), { version: '' });
  const registry = await metrics.registry();
  metrics.close();
  const described = await Promise.all(
    (registry.getMetricsAsArray() as unknown as readonly Described[]).map(async (metric) => {
      const { name, help, labelNames } = metric;
      return { name, help, labelNames, type: String((await metric.get()).type) };
    }),
  );
  const sorted = described.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const isOurs = ({ name }: { readonly name: string }): boolean => /^(?:http|outrider)_/.test(name);
  return page(
    'Metrics',
    ABOUT,
    '## Questions',
    EXAMPLES,
    '## Metrics of the proxy',
    ...sorted.filter(isOurs).map(section),
    '## Metrics of the process',
    'The usual ones of a Node program, as prom-client has them on Linux.',
    table(
      ['metric', 'type', 'says'],
      sorted.filter((metric) => !isOurs(metric)).map(({ name, type, help }) => [code(name), type, help]),
    ),
  );
}
