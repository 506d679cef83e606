/** The limit of a path in characters. Its secrets are hidden before it is cut. */
const MAX_PATH = 2_048;

/** Hides the known secrets in a text. */
export interface Redacts {
  redact(text: string): string;
}

/** The path of a request as it may be shown: without the query, with secrets hidden, and not too long. */
export function shownPath(target: string, logger: Redacts): string {
  const query = target.indexOf('?');
  const raw = query === -1 ? target : target.slice(0, query);
  // The target of a refused request may be a whole URL with a password in it.
  const path = logger.redact(raw.startsWith('/') ? raw : raw.replace(/\/\/[^/]*@/, '//[redacted]@'));
  return path.length > MAX_PATH ? `${path.slice(0, MAX_PATH)}…` : path;
}
