/** The methods that requests may have: a copy of Node 26's `http.METHODS`. A test compares the two. */
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

/** The length of the longest method. */
export const LONGEST_METHOD = 11;

const BY_LENGTH: readonly (readonly string[])[] = Array.from({ length: LONGEST_METHOD + 1 }, (_, length) =>
  [...METHODS].filter((method) => method.length === length),
);

function isAt(method: string, bytes: Uint8Array, from: number): boolean {
  for (let i = 0; i < method.length; i++) if (bytes[from + i] !== method.charCodeAt(i)) return false;
  return true;
}

/**
 * Returns the method in `bytes` from index `from` up to `to`; '' when it is not a known one. It makes no string of unknown
 * bytes.
 */
export function methodIn(bytes: Uint8Array, from: number, to: number): string {
  for (const method of BY_LENGTH[to - from] ?? []) if (isAt(method, bytes, from)) return method;
  return '';
}
