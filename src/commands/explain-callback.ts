import type { Config } from '../config/config.ts';
import { explainCallback, type CallbackReport, type ExplainedCallback } from '../explain/callback.ts';
import { oneLine } from '../observe/line.ts';
import { columns } from './output.ts';
import { redactText } from './redact-text.ts';
import { CommandRefusal } from './refusal.ts';

/** What `explain --callback` prints, and whether the callback would be verified. */
export interface ExplainedVerdict {
  readonly report: CallbackReport;
  readonly text: string;
  readonly isVerified: boolean;
}

/** Looks at a callback as the proxy would. Throws a {@link CommandRefusal} (`unknown_callback`). */
export function explainVerdict(config: Config, callback: ExplainedCallback): ExplainedVerdict {
  const report = explainCallback(config, callback, redactText);
  if (!report) {
    const names = config.callbacks.map(({ name }) => name);
    const help = names.length === 0 ? 'add `callbacks:` to the config' : `there is ${names.join(', ')}`;
    throw new CommandRefusal('unknown_callback', `no callback is called ${JSON.stringify(callback.name)}`, help);
  }
  return { report, text: asText(report), isVerified: report.verdict === 'verified' };
}

function asText(report: CallbackReport): string {
  const { callback, path, provider, profile, entry, when, algorithm, digest, places, forward, verdict, why } = report;
  const looked = [
    ['  entry', when === null ? String(entry) : `${entry}: ${oneLine(when)}`],
    ['  text', oneLine(report.text)],
    ['  with', algorithm],
    ['  digest', digest ?? 'one that only the provider can make'],
    ['  place', places.map(oneLine).join(', or ')],
  ] as const;
  const passes =
    verdict === 'verified'
      ? [
          `forwards\n`,
          columns([['  to', `POST ${forward}`], ...report.dropped.map((name) => ['  less', oneLine(name)] as const)]),
        ]
      : [`answers\n  401 callback_rejected; the application is not called\n`];
  return [
    columns([
      ['callback', `${callback} (POST ${path})`],
      ['provider', `${provider} (profile ${profile})`],
      ['verdict', why === null ? verdict : `${verdict}: ${oneLine(why)}`],
    ]),
    ...(entry === null ? [] : ['\nverifies\n', columns(looked)]),
    '\n',
    ...passes,
  ].join('');
}
