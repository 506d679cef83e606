import type { ProviderStatus, Status } from '../admin/schemas.ts';
import { oneLine } from '../observe/line.ts';
import { callAdmin, diagnosticsText } from './admin-client.ts';
import { columns, type Context } from './output.ts';
import { paintOn, type Paint } from './paint.ts';
import { span } from './span.ts';

/** Options of every command that asks a running proxy. */
export interface AdminOptions {
  /** The value of `--admin`. */
  readonly admin?: string | undefined;
}

/** Rows below their titles. Each column is as wide as its widest cell. */
function table(titles: readonly string[], rows: readonly (readonly string[])[], paint: Paint): string {
  if (rows.length === 0) return '';
  const all = [titles, ...rows];
  const widths = titles.map((_, i) => Math.max(...all.map((row) => (row[i] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return `\n${paint('bold', line(titles))}\n${rows.map((row) => `${line(row)}\n`).join('')}`;
}

const ago = (time: string, nowMs: number): string => `${span(Math.max(nowMs - Date.parse(time), 0))} ago`;

function tokenText({ token }: ProviderStatus, nowMs: number): string {
  if (token === null) return 'none needed';
  const { state, expires_at: end, subjects } = token;
  const leftMs = end === null ? 0 : Date.parse(end) - nowMs;
  const left = end === null ? '' : leftMs > 0 ? `, ${span(leftMs)} left` : `, over for ${span(-leftMs)}`;
  const users = subjects === null ? '' : `, ${subjects} ${subjects === 1 ? 'user' : 'users'}`;
  return state === 'none' ? 'none yet' : `${state}${left}${users}`;
}

function providerRow(provider: ProviderStatus, nowMs: number): readonly string[] {
  const { name, profile, environment, token } = provider;
  const { ok = 0, failed = 0 } = token?.renewals ?? {};
  return [
    name,
    environment === null ? profile : `${profile} (${environment})`,
    tokenText(provider, nowMs),
    token === null ? '' : String(token.generation),
    token === null ? '' : failed === 0 ? String(ok) : `${ok}, ${failed} failed`,
  ];
}

function failures(providers: readonly ProviderStatus[], nowMs: number, paint: Paint): string {
  const lines = providers.flatMap(({ name, token }) => {
    if (!token?.last_failure) return [];
    const { at, detail } = token.last_failure;
    const isOver = token.state === 'valid';
    return [paint(isOver ? 'yellow' : 'red', `${name}: ${oneLine(detail)} (${ago(at, nowMs)})`)];
  });
  return lines.length === 0 ? '' : `\n${lines.join('\n')}\n`;
}

function failedReload({ config }: Status, nowMs: number, paint: Paint, color: boolean): string {
  if (!config.failed_reload) return '';
  const { at, detail, diagnostics } = config.failed_reload;
  const told = diagnosticsText(diagnostics, color).trimEnd();
  return `\n${paint('red', `reload failed ${ago(at, nowMs)}: ${oneLine(detail)}`)}\n${told === '' ? '' : `\n${told}\n`}`;
}

function auditText({ path, head, lines, gaps }: NonNullable<Status['audit']>, paint: Paint): string {
  const lost = gaps === 0 ? '' : `, ${paint('red', `${gaps} could not be written`)}`;
  return `${path}, ${lines} ${lines === 1 ? 'line' : 'lines'}${lost}, head ${head}`;
}

function asText(found: Status, nowMs: number, paint: Paint, color: boolean): string {
  const { listeners, config, store, audit, providers, routes } = found;
  const readiness = found.ready ? paint('green', 'ready') : paint('red', 'not ready');
  return [
    `outrider ${found.version} is ${readiness}, up ${span(found.uptime_seconds * 1_000)}\n\n`,
    columns([
      ['proxy', listeners.proxy],
      ['admin', listeners.admin],
      ['simulator', listeners.simulator ?? undefined],
      ['callbacks', listeners.callbacks ?? undefined],
      ['config', `${config.file}, loaded ${ago(config.loaded_at, nowMs)}`],
      ['store', store.up ? store.kind : `${store.kind}, ${paint('red', 'which does not work: tokens are kept here')}`],
      ['audit', audit === null ? undefined : auditText(audit, paint)],
    ]),
    failedReload(found, nowMs, paint, color),
    table(
      ['PROVIDER', 'PROFILE', 'TOKEN', 'GENERATION', 'RENEWALS'],
      providers.map((provider) => providerRow(provider, nowMs)),
      paint,
    ),
    failures(providers, nowMs, paint),
    table(
      ['ROUTE', 'PROVIDER', 'REQUESTS', 'ERRORS', 'REPLAYS'],
      routes.map(({ name, provider, requests, errors, replays }) => [
        name,
        provider ?? '-',
        ...[requests, errors, replays].map(String),
      ]),
      paint,
    ),
  ].join('');
}

/** `outrider status`: prints how a running proxy is: its config, tokens and routes. Resolves with 1 when none answers. */
export async function status(context: Context, { admin }: AdminOptions): Promise<number> {
  const found = await callAdmin<Status>(context, admin, 'GET', '/api/status');
  if (!found) return 1;
  const { paint, color } = paintOn(context);
  context.stdout.write(
    context.json ? `${JSON.stringify(found.body, null, 2)}\n` : asText(found.body, Date.now(), paint, color),
  );
  return 0;
}
