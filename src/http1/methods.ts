/** The methods that are taken: those of Node 26's `http.METHODS`, copied; a test compares. */
export const METHODS: ReadonlySet<string> = new Set([
  'ACL',
  'BIND',
  'CHECKOUT',
  'CONNECT',
  'COPY',
  'DELETE',
  'GET',
  'HEAD',
  'LINK',
  'LOCK',
  'M-SEARCH',
  'MERGE',
  'MKACTIVITY',
  'MKCALENDAR',
  'MKCOL',
  'MOVE',
  'NOTIFY',
  'OPTIONS',
  'PATCH',
  'POST',
  'PROPFIND',
  'PROPPATCH',
  'PURGE',
  'PUT',
  'QUERY',
  'REBIND',
  'REPORT',
  'SEARCH',
  'SOURCE',
  'SUBSCRIBE',
  'TRACE',
  'UNBIND',
  'UNLINK',
  'UNLOCK',
  'UNSUBSCRIBE',
]);

/** No method is longer. */
export const LONGEST_METHOD = 11;

const BY_LENGTH: readonly (readonly string[])[] = Array.from({ length: LONGEST_METHOD + 1 }, (_, length) =>
  [...METHODS].filter((method) => method.length === length),
);

function isAt(method: string, bytes: Uint8Array, from: number): boolean {
  for (let i = 0; i < method.length; i++) if (bytes[from + i] !== method.charCodeAt(i)) return false;
  return true;
}

/** The method that stands between two places; empty: there is none. No text is made of what came. */
export function methodIn(bytes: Uint8Array, from: number, to: number): string {
  for (const method of BY_LENGTH[to - from] ?? []) if (isAt(method, bytes, from)) return method;
  return '';
}
