import { bySpelling, type RawHeaders } from '../core/headers.ts';
import { connectionOptions, isOwnOption } from '../http1/framing.ts';

/** Request headers that are never forwarded: hop-by-hop ones (RFC 9110 §7.6.1), framing, ours, and claims about the caller. */
const REQUEST_DROPS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'forwarded',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-original-url',
  'x-outrider-token',
]);
const REQUEST_DROP_PREFIXES = ['proxy-', 'x-forwarded-'];

/** Answer headers that are never forwarded (RFC 9110 §7.6.1, §11.7). */
const RESPONSE_DROPS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What a route does to the headers of its requests. Names are in any case. */
export interface RouteHeaders {
  readonly set: ReadonlyMap<string, string>;
  readonly remove: readonly string[];
}

/**
 * Returns the function that makes the headers of the upstream request, still without a credential. It drops hop-by-hop headers
 * and those that `Connection` names (`options`, lower case), applies the route's `remove` and `set`, and adds `Via` with the
 * value `via`.
 * @param isDropped Which further headers are dropped, by their names in lower case. `set` goes before it.
 */
export function createRequestHeaders(
  route: RouteHeaders,
  via: string,
  isDropped: (lower: string) => boolean = () => false,
): (headers: RawHeaders, options: readonly string[]) => string[] {
  const removed = new Set(route.remove.map((name) => name.toLowerCase()));
  const set = [...route.set].map(([name, value]) => ({ name, lower: name.toLowerCase(), value }));
  const KEEP = -1;
  const DROP = -2;
  /** Returns KEEP, DROP, or the index in `set` of the header that takes its place. */
  const classify = bySpelling((lower): number => {
    const index = set.findIndex((entry) => entry.lower === lower);
    if (index >= 0) return index;
    if (removed.has(lower) || REQUEST_DROPS.has(lower) || isDropped(lower)) return DROP;
    return REQUEST_DROP_PREFIXES.some((prefix) => lower.startsWith(prefix)) ? DROP : KEEP;
  });

  return (headers, options) => {
    const out: string[] = [];
    const placed = set.length > 0 ? new Set<number>() : undefined;
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i] as string;
      const what = classify(name);
      if (what === DROP) continue;
      if (options.length > 0 && options.includes(name.toLowerCase()) && what === KEEP) continue;
      if (what === KEEP) {
        out.push(name, headers[i + 1] as string);
        continue;
      }
      if (placed?.has(what)) continue;
      placed?.add(what);
      const entry = set[what] as (typeof set)[number];
      out.push(entry.name, entry.value);
    }
    for (let i = 0; i < set.length; i++) {
      if (placed?.has(i)) continue;
      const entry = set[i] as (typeof set)[number];
      out.push(entry.name, entry.value);
    }
    out.push('Via', via);
    return out;
  };
}

type AnswerHeader = 'kept' | 'dropped' | 'connection' | 'cors' | 'length';
const classifyAnswer = bySpelling((lower): AnswerHeader => {
  if (lower === 'connection') return 'connection';
  if (lower === 'content-length') return 'length';
  if (lower.startsWith('access-control-allow-')) return 'cors';
  return RESPONSE_DROPS.has(lower) ? 'dropped' : 'kept';
});

/**
 * Returns the headers of an answer as the caller gets them: without hop-by-hop headers, with `extra` (Via, Proxy-Status, CORS)
 * at the end. Content-Length is dropped from a 204, which must not have one (RFC 9110 §8.6): some clients would wait for a
 * body.
 * @param isBrowser Whether `extra` holds our own CORS headers. They replace the provider's.
 */
export function answerHeaders(
  { status, headers }: { readonly status: number; readonly headers: RawHeaders },
  extra: RawHeaders,
  isBrowser: boolean,
): string[] {
  const out: string[] = [];
  let hasConnection = false;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const what = classifyAnswer(name);
    if (what === 'connection') hasConnection = true;
    else if (what === 'length' && status === 204) continue;
    else if (what !== 'dropped' && !(isBrowser && what === 'cors')) out.push(name, headers[i + 1] as string);
  }
  if (hasConnection) {
    const options = connectionOptions(headers);
    if (!options.every(isOwnOption)) removeNamed(out, options);
  }
  for (const item of extra) out.push(item);
  return out;
}

/** Removes the headers that connection options name. Content-Length stays, because it is framing. */
function removeNamed(headers: string[], named: readonly string[]): void {
  for (let i = headers.length - 2; i >= 0; i -= 2) {
    const name = headers[i] as string;
    if (named.includes(name.toLowerCase()) && classifyAnswer(name) !== 'length') headers.splice(i, 2);
  }
}
