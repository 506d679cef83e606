import type { ExchangeRecord } from '../core/events.ts';

/** The limit of a path in characters. Its secrets are hidden before it is cut. */
export const MAX_PATH = 2_048;

/** Returns the two texts that a caller chooses, with secrets hidden. No other field of a record can hold a secret. */
export function callerTexts(
  record: ExchangeRecord,
  { redact }: { readonly redact: (this: void, text: string) => string },
): { readonly id: string; readonly path: string } {
  const query = record.path.indexOf('?');
  const raw = query === -1 ? record.path : record.path.slice(0, query);
  // The target of a refused request may be a whole URL with a password in it.
  const path = redact(raw.startsWith('/') ? raw : raw.replace(/\/\/[^/]*@/, '//[redacted]@'));
  return { id: redact(record.requestId), path: path.length > MAX_PATH ? `${path.slice(0, MAX_PATH)}…` : path };
}
