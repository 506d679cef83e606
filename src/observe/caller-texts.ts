import type { ExchangeRecord } from '../core/events.ts';

/** The limit of a path in characters. Its secrets are hidden before it is cut. */
export const MAX_PATH = 2_048;

/** Hides the known secrets in a text. */
export interface Redacts {
  readonly redact: (this: void, text: string) => string;
}

/** Returns the path of a request as it may be shown: without the query, with secrets hidden, and not too long. */
export function shownPath(target: string, { redact }: Redacts): string {
  const query = target.indexOf('?');
  const raw = query === -1 ? target : target.slice(0, query);
  // The target of a refused request may be a whole URL with a password in it.
  const path = redact(raw.startsWith('/') ? raw : raw.replace(/\/\/[^/]*@/, '//[redacted]@'));
  return path.length > MAX_PATH ? `${path.slice(0, MAX_PATH)}…` : path;
}

/** Returns the two texts that a caller chooses, with secrets hidden. No other field of a record can hold a secret. */
export function callerTexts(record: ExchangeRecord, redacts: Redacts): { readonly id: string; readonly path: string } {
  return { id: redacts.redact(record.requestId), path: shownPath(record.path, redacts) };
}
