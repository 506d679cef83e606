import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { ERRORS } from '../../src/core/errors.ts';
import { accepting, givenTokens } from '../contract/given.ts';
import { httpCall } from '../helpers/outrider.ts';
import { runProgram, testWith } from '../helpers/programs.ts';
import { KIT, kitFile } from './kit.ts';

const RULES = join(KIT, 'prometheus-alerts.yaml');
const rules = (
  parse(kitFile('prometheus-alerts.yaml')) as {
    groups: { rules: { alert: string; expr: string; annotations: object }[] }[];
  }
).groups.flatMap((group) => group.rules);

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
}

const dashboard = JSON.parse(kitFile('grafana-dashboard.json')) as {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string }[] };
};
const targets = dashboard.panels.flatMap((panel) => panel.targets);

/** Labels that Prometheus puts on, or that belong to a histogram's buckets. */
const ADDED: ReadonlySet<string> = new Set(['instance', 'le']);
const METRIC = /\b(?:outrider|http_server|http_client|process|nodejs)_\w+(?![\w=!~])(?!\s*[=!]~?")/g;

/** The metrics that an expression reads, and the labels that it tells them apart by. */
function readsOf(expr: string): { readonly metrics: readonly string[]; readonly labels: readonly string[] } {
  const matched = [...expr.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label]) => label as string);
  const grouped = [...expr.matchAll(/\b(?:by|on)\s*\(([\w, ]*)\)/g)].flatMap(([, list]) => list?.match(/\w+/g) ?? []);
  const made = [...expr.matchAll(/label_replace\([^]*?, "(\w+)", "\$1", "(\w+)", /g)].flatMap(([, to, from]) => [
    to,
    from,
  ]);
  const labels = [...matched, ...grouped].filter((label) => !ADDED.has(label) && !made.includes(label));
  const withoutLabels = expr.replaceAll(/\{[^}]*\}|\b(?:by|on)\s*\([^)]*\)|"[^"]*"/g, '');
  return { metrics: withoutLabels.match(METRIC) ?? [], labels: [...labels, ...made.slice(1, 2).map(String)] };
}

/** What a running proxy tells once everything has happened to it: metric names, and each one's labels. */
async function scrape(t: ExecutionContext): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const dir = mkdtempSync(join(tmpdir(), 'outrider-store-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const extra = `admin: { address: 127.0.0.1:0 }\nstore: { kind: file, path: ${dir} }`;
  const { outrider, upstream, warm } = await givenTokens(t, { extra });
  await warm();
  upstream.handler = accepting(new Set(['token-2']));
  t.is((await outrider.call('/api/x')).status, 200);
  upstream.handler = accepting(new Set());
  t.is((await outrider.call('/api/x')).status, 401);
  upstream.handler = (arrival) => arrival.reset();
  t.is((await outrider.call('/api/x')).status, 502);
  await outrider.logged(4);
  const { text } = await httpCall(outrider.adminOrigin ?? '', '/metrics');
  const found = new Map<string, Set<string>>();
  for (const [, name = '', labels = ''] of text.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    const known = found.get(name) ?? new Set();
    found.set(name, known);
    for (const [, label = ''] of labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) known.add(label);
  }
  return found;
}

test('every metric and label that the dashboard and the alerts name is told by a running proxy', async (t) => {
  const found = await scrape(t);
  const wrong: string[] = [];
  const look = (expr: string, more: readonly string[] = []): void => {
    const { metrics, labels } = readsOf(expr);
    if (metrics.length === 0) wrong.push(`no metric: ${expr}`);
    for (const metric of metrics) if (!found.has(metric)) wrong.push(metric);
    const known = new Set(metrics.flatMap((metric) => [...(found.get(metric) ?? [])]));
    for (const label of [...labels, ...more])
      if (!known.has(label) && !ADDED.has(label)) wrong.push(`${label}: ${expr}`);
  };
  for (const { expr, legendFormat } of targets) {
    look(
      expr,
      [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label as string),
    );
  }
  for (const { expr } of rules) look(expr);
  for (const { query } of dashboard.templating.list) {
    const [, metric = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(query) ?? [];
    if (metric !== '') look(metric, [label]);
  }
  t.deepEqual(wrong, []);
  t.true(targets.length > 10 && rules.length > 5, 'positive control');
  look('sum by (nobody) (rate(outrider_nothing_total{route=~"x"}[5m]))');
  t.deepEqual(wrong.slice(0, 1), ['outrider_nothing_total'], 'positive control');
});

test('every code that an alert names is an error of ours, and those that the provider never saw are among them', (t) => {
  const codes = rules
    .flatMap(({ expr }) => [...expr.matchAll(/code(?:=~|=)"([\w|]+)"/g)])
    .flatMap(([, list]) => (list as string).split('|'));
  t.true(codes.length > 3, 'positive control');
  for (const code of codes)
    t.true(Object.hasOwn(ERRORS, code) && ERRORS[code as keyof typeof ERRORS].status >= 500, code);
});

test('the panels of the dashboard have room, names and ids of their own', (t) => {
  const { panels } = dashboard;
  for (const key of ['id', 'title'] as const) t.is(new Set(panels.map((panel) => panel[key])).size, panels.length, key);
  const overlaps = panels.flatMap(({ id, gridPos: a }) =>
    panels.filter(
      ({ id: other, gridPos: b }) =>
        id < other && a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h,
    ),
  );
  t.deepEqual(overlaps, []);
  t.true(panels.every(({ gridPos: { x, w } }) => x + w <= 24));
});

const played = testWith('promtool');

/** A file of the test's own. */
function fileOf(t: ExecutionContext, text: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'outrider-rules-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'rules.yaml');
  writeFileSync(file, text);
  return file;
}

played('promtool takes the alerts', async (t) => {
  t.regex(await runProgram('promtool', ['check', 'rules', RULES]), new RegExp(`SUCCESS: ${rules.length} rules found`));
});

played("promtool takes the config of Compose's Prometheus", async (t) => {
  const config = kitFile('compose/prometheus.yaml').replace('/etc/prometheus/outrider-alerts.yaml', RULES);
  t.regex(await runProgram('promtool', ['check', 'config', fileOf(t, config)]), /SUCCESS/);
});

played('each alert fires when what it is for happens, and none otherwise', async (t) => {
  const text = readFileSync(join(import.meta.dirname, 'alerts.yaml'), 'utf8').replaceAll('@RULES@', RULES);
  t.regex(await runProgram('promtool', ['test', 'rules', fileOf(t, text)]), /SUCCESS/);
  for (const { alert } of rules) t.regex(text, new RegExp(`alertname: ${alert}\\n +exp_alerts:`), alert);
});

played('promtool takes every expression of the dashboard', async (t) => {
  const record = targets.map(({ expr }, i) => ({
    record: `panel:${i}`,
    expr: expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$\w+/g, '.*'),
  }));
  const text = JSON.stringify({ groups: [{ name: 'dashboard', rules: record }] });
  t.regex(await runProgram('promtool', ['check', 'rules', fileOf(t, text)]), /SUCCESS/);
});
