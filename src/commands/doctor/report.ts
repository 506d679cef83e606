import { styleText } from 'node:util';
import { redactText } from '../redact-text.ts';
import type { Finding, Group, Result } from './finding.ts';

/** What the whole of it came to. */
export interface Report {
  /** Absolute path of the config. */
  readonly config: string;
  readonly isOffline: boolean;
  readonly groups: readonly Group[];
  readonly durationMs: number;
}

const LOOKS: Readonly<Record<Result, readonly [mark: string, color: 'green' | 'yellow' | 'red']>> = {
  ok: ['✔', 'green'],
  warning: ['!', 'yellow'],
  failure: ['✘', 'red'],
};

const WORD_WIDTH = Math.max(...Object.keys(LOOKS).map((word) => word.length));

const findingsOf = ({ groups }: Report): readonly Finding[] => groups.flatMap(({ findings }) => findings);

/** How many findings there are of one result. */
export const count = (report: Report, result: Result): number =>
  findingsOf(report).filter((finding) => finding.result === result).length;

const counted = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;

const duration = (ms: number): string =>
  ms < 1_000 ? `${Math.max(Math.round(ms), 1)} ms` : `${(ms / 1_000).toFixed(1)} s`;

/** For a person: a paragraph for each group, a line for each finding, below it what to do. */
export function formatText(report: Report, { color }: { readonly color: boolean }): string {
  const paint = (format: Parameters<typeof styleText>[0], text: string): string =>
    color ? styleText(format, text, { validateStream: false }) : text;
  const width = Math.max(...findingsOf(report).map(({ check }) => check.length));
  const indent = ' '.repeat(WORD_WIDTH + width + 8);
  const line = ({ check, result, message, remedy, durationMs }: Finding): string => {
    const [mark, tone] = LOOKS[result];
    const head = paint(tone, `${mark} ${result.padEnd(WORD_WIDTH)}`);
    const took = durationMs === undefined ? '' : paint('dim', `  ${duration(durationMs)}`);
    const help =
      remedy === undefined ? '' : `${indent}${paint('blue', '=')} ${paint('bold', 'help:')} ${redactText(remedy)}\n`;
    return `  ${head}  ${check.padEnd(width)}  ${redactText(message)}${took}\n${help}`;
  };
  const paragraph = ({ title, note, findings }: Group): string =>
    `${paint('bold', title)}${note === '' ? '' : `  ${paint('dim', note)}`}\n${findings.map(line).join('')}`;
  const [failures, warnings, fine] = (['failure', 'warning', 'ok'] as const).map((result) => count(report, result));
  const verdict = [counted(failures ?? 0, 'failure'), counted(warnings ?? 0, 'warning'), `${fine} ok`].join(', ');
  const tone = failures ? 'red' : warnings ? 'yellow' : 'green';
  return `${report.groups.map(paragraph).join('\n')}\n${paint(['bold', tone], verdict)}  ${paint('dim', duration(report.durationMs))}\n`;
}

/** For a program: one document. */
export function formatJson(report: Report): string {
  const findings = report.groups.flatMap(({ provider, routes, findings: own }) =>
    own.map(({ check, result, code, message, remedy, durationMs }) => ({
      provider: provider ?? null,
      routes,
      check,
      result,
      code,
      message: redactText(message),
      ...(remedy !== undefined && { remedy: redactText(remedy) }),
      ...(durationMs !== undefined && { duration_ms: Math.round(durationMs * 10) / 10 }),
    })),
  );
  const document = {
    ok: count(report, 'failure') === 0,
    config: report.config,
    offline: report.isOffline,
    failures: count(report, 'failure'),
    warnings: count(report, 'warning'),
    duration_ms: Math.round(report.durationMs),
    findings,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
