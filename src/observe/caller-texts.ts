import type { ExchangeRecord } from '../core/events.ts';

/** A longer path is cut, after its secrets are hidden. */
export const MAX_PATH = 2_048;

/** The two texts of a caller's own making, for others to read: only these of a record can hold a secret. */
export function callerTexts(
  record: ExchangeRecord,
  { redact }: { readonly redact: (this: void, text: string) => string },
): { readonly id: string; readonly path: string } {
  const query = record.path.indexOf('?');
  const raw = query === -1 ? record.path : record.path.slice(0, query);
  // A refused target may be a whole URL, with a password in it.
  const path = redact(raw.startsWith('/') ? raw : raw.replace(/\/\/[^/]*@/, '//[redacted]@'));
  return { id: redact(record.requestId), path: path.length > MAX_PATH ? `${path.slice(0, MAX_PATH)}…` : path };
}
