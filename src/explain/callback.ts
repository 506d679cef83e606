import type { Callback } from '../auth/verify/verifier.ts';
import type { Config } from '../config/config.ts';
import type { RawHeaders } from '../core/headers.ts';
import { compileForReading } from './report.ts';
import type { Redact } from './report.ts';

/** How a callback would be looked at. `outrider explain --callback --json` prints it. */
export interface CallbackReport {
  readonly callback: string;
  readonly path: string;
  readonly provider: string;
  readonly profile: string;
  readonly verdict: 'verified' | 'rejected' | 'stale';
  /** Why it is not verified; null when it is. */
  readonly why: string | null;
  /** The entry of `verify` that fits, counted from 1; null when none does. */
  readonly entry: number | null;
  readonly when: string | null;
  /** What has to be signed, with secrets masked. */
  readonly text: string;
  readonly algorithm: string;
  /** The right signature by the current credentials; null where only the provider can make it. */
  readonly digest: string | null;
  /** Where it is looked for. */
  readonly places: readonly string[];
  readonly forward: string;
  /** Names of headers that are not passed on. */
  readonly dropped: readonly string[];
}

/** A callback to explain. */
export interface ExplainedCallback {
  readonly name: string;
  /** The query, without its question mark; it may be empty. */
  readonly query: string;
  readonly headers: RawHeaders;
  readonly body: Buffer | undefined;
}

/** Finds how a callback would be looked at, without the network. Undefined when the config has none of that name. */
export function explainCallback(
  config: Config,
  { name, query, headers, body }: ExplainedCallback,
  redact: Redact,
): CallbackReport | undefined {
  const compiled = compileForReading(config);
  try {
    const [path, found] = [...compiled.callbacks].find(([, callback]) => callback.name === name) ?? [];
    if (path === undefined || !found) return undefined;
    const target = query === '' ? path : `${path}?${query}`;
    const callback: Callback = { method: 'POST', target, headers, body: body ?? Buffer.alloc(0) };
    const { verdict, entry = null, when = null, ...looked } = found.verifier.examine(name, callback);
    const kept = new Set(
      found.requestHeaders(headers, []).flatMap((each, i) => (i % 2 === 0 ? [each.toLowerCase()] : [])),
    );
    return {
      callback: name,
      path,
      provider: found.provider,
      profile: config.providers.get(found.provider)?.profileName ?? '',
      verdict: verdict.outcome,
      why: 'why' in verdict ? verdict.why : null,
      entry,
      when,
      ...looked,
      text: redact(looked.text),
      forward: redact(found.origin + found.target),
      dropped: headers.filter((each, i) => i % 2 === 0 && !kept.has(each.toLowerCase())),
    };
  } finally {
    compiled.retire(undefined);
  }
}
